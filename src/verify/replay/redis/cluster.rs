//! Connections to the servers of a Redis Cluster.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::redis::{
    Arg, AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, Pipeline,
    RedisError, RedisFuture, RedisResult, ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cmd,
};
use tokio::sync::OnceCell;

/// The connection of a [`RedisReplayGuard`](crate::verify::RedisReplayGuard) to a Redis Cluster,
/// one to each of its servers.
///
/// Requires the feature `redis`.
///
/// [`RedisReplayGuardBuilder::connect_cluster`](crate::verify::RedisReplayGuardBuilder::connect_cluster)
/// creates it. It is for the commands of a guard alone: all keys of a pipeline have the same text
/// in braces.
///
/// A server that fails delays the claims of its own partitions only. (In the crate `redis` 1.8, the
/// connection to a Cluster makes all commands wait while it looks for a server that was lost, and
/// can do so forever.)
#[derive(Clone)]
pub struct RedisCluster(Arc<Shared>);

struct Shared {
    /// The servers that were named, at least one.
    seeds: Vec<ConnectionInfo>,
    config: AsyncConnectionConfig,
    /// The seed that is asked next for a partition without a known home.
    next_seed: AtomicUsize,
    nodes: Mutex<HashMap<Address, Arc<Node>>>,
    /// The addresses of the servers that have the partitions, as far as they said so.
    homes: Mutex<HashMap<Box<[u8]>, Address>>,
}

/// A connection that is made once; claims at the same moment wait for the same attempt.
type Node = OnceCell<MultiplexedConnection>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Address {
    host: String,
    port: u16,
}

impl RedisCluster {
    /// So many servers may say that another one has the partition now.
    const MAX_REDIRECTS: usize = 3;

    /// Creates the connections, which are made when they are needed. A claim has to be over at the
    /// deadline.
    pub(super) fn new(seeds: Vec<ConnectionInfo>, deadline: Duration) -> Self {
        // Shorter than the deadline, so that this sees which server did not answer.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(deadline / 2))
            .set_response_timeout(Some(deadline / 4 * 3))
            .set_pipeline_buffer_size(1024);
        Self(Arc::new(Shared {
            seeds,
            config,
            next_seed: AtomicUsize::new(0),
            nodes: Mutex::default(),
            homes: Mutex::default(),
        }))
    }
}

impl Shared {
    /// Returns the answers of the server that has the partition.
    async fn send(
        &self,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let partition = partition(pipeline).unwrap_or_default();
        let known = lock(&self.homes).get(partition).cloned();
        let mut is_known = known.is_some();
        let mut address = known.or_else(|| self.seed()).ok_or_else(no_server)?;
        for _ in 0..=RedisCluster::MAX_REDIRECTS {
            let answers = match self.ask(&address, pipeline, offset, count).await {
                Ok(answers) => answers,
                Err(error) => {
                    // Perhaps another server has the partition by now: ask a seed next time.
                    lock(&self.homes).remove(partition);
                    return Err(error);
                }
            };
            let Some(home) = answers.iter().find_map(|answer| moved(answer, &address)) else {
                if !is_known {
                    lock(&self.homes).insert(partition.into(), address);
                }
                return Ok(answers);
            };
            address = home;
            is_known = false;
        }
        Err((ErrorKind::Client, "redirected too often").into())
    }

    async fn ask(
        &self,
        address: &Address,
        pipeline: &Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisResult<Vec<Value>> {
        let node = Arc::clone(lock(&self.nodes).entry(address.clone()).or_default());
        let answers = match self.connection(&node, address).await {
            Ok(mut connection) => {
                connection
                    .req_packed_commands(pipeline, offset, count)
                    .await
            }
            Err(error) => Err(error),
        };
        if answers
            .as_ref()
            .is_err_and(RedisError::is_unrecoverable_error)
        {
            self.disconnect(address, &node);
        }
        answers
    }

    async fn connection(&self, node: &Node, to: &Address) -> RedisResult<MultiplexedConnection> {
        let connect = || async {
            let seed = self.seeds.first().ok_or_else(no_server)?;
            let client = Client::open(at(seed, to))?;
            let connected = client.get_multiplexed_async_connection_with_config(&self.config);
            connected.await
        };
        node.get_or_try_init(connect).await.cloned()
    }

    /// Forgets a connection, unless there is another one by now.
    fn disconnect(&self, address: &Address, node: &Arc<Node>) {
        let mut nodes = lock(&self.nodes);
        if nodes.get(address).is_some_and(|now| Arc::ptr_eq(now, node)) {
            nodes.remove(address);
        }
    }

    fn seed(&self) -> Option<Address> {
        let next = self.next_seed.fetch_add(1, Ordering::Relaxed);
        let position = next.checked_rem(self.seeds.len())?;
        self.seeds.get(position).and_then(address)
    }

    /// Returns one answer of each primary that can be reached.
    async fn ask_all(&self, command: &Cmd) -> RedisResult<Value> {
        let mut last = no_server();
        for seed in self.seeds.iter().filter_map(address) {
            let mut slots = Pipeline::with_capacity(1);
            slots.add_command(cmd("CLUSTER").arg("SLOTS").clone());
            let primaries = match self.ask(&seed, &slots, 0, 1).await {
                Ok(answer) => primaries(&answer, &seed),
                Err(error) => {
                    last = error;
                    continue;
                }
            };
            let mut one = Pipeline::with_capacity(1);
            one.add_command(command.clone());
            let mut answers = Vec::new();
            for primary in primaries {
                match self.ask(&primary, &one, 0, 1).await {
                    Ok(answer) => answers.extend(answer),
                    Err(error) => last = error,
                }
            }
            if !answers.is_empty() {
                return Value::Array(answers).extract_error();
            }
        }
        Err(last)
    }
}

impl ConnectionLike for RedisCluster {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(self.0.ask_all(cmd))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(self.0.send(pipeline, offset, count))
    }

    fn get_db(&self) -> i64 {
        0
    }
}

impl fmt::Debug for RedisCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisCluster").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn no_server() -> RedisError {
    (ErrorKind::InvalidClientConfig, "no server is known").into()
}

fn address(info: &ConnectionInfo) -> Option<Address> {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Some(Address {
                host: host.clone(),
                port: *port,
            })
        }
        _ => None,
    }
}

/// Returns how to connect to another server: with the same credentials, and TLS if this has it.
fn at(info: &ConnectionInfo, address: &Address) -> ConnectionInfo {
    let Address { host, port } = address.clone();
    let addr = match info.addr() {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
    };
    info.clone().set_addr(addr)
}

/// Returns the text in braces of the first key.
fn partition(pipeline: &Pipeline) -> Option<&[u8]> {
    let Arg::Simple(key) = pipeline.cmd_iter().next()?.args_iter().nth(1)? else {
        return None;
    };
    let mut parts = key.split(|byte| matches!(byte, b'{' | b'}'));
    parts.nth(1)
}

/// Returns the server that has the partition according to this answer of `asked`.
fn moved(answer: &Value, asked: &Address) -> Option<Address> {
    let Value::ServerError(error) = answer else {
        return None;
    };
    if error.kind() != Some(ServerErrorKind::Moved) {
        return None;
    }
    let (_slot, to) = error.details()?.split_once(' ')?;
    let (host, port) = to.rsplit_once(':')?;
    Some(Address {
        // Empty if it is that of the server that was asked.
        host: if host.is_empty() { &asked.host } else { host }.into(),
        port: port.parse().ok()?,
    })
}

/// Reads the answer to `CLUSTER SLOTS`; a user without the right to ask has the asked server alone.
fn primaries(answers: &[Value], asked: &Address) -> Vec<Address> {
    let mut primaries = Vec::new();
    if let Some(Value::Array(ranges)) = answers.first() {
        for range in ranges {
            let Value::Array(parts) = range else { continue };
            let Some(Value::Array(primary)) = parts.get(2) else {
                continue;
            };
            let host = match primary.first() {
                Some(Value::BulkString(host)) if !host.is_empty() => {
                    String::from_utf8_lossy(host).into_owned()
                }
                _ => asked.host.clone(),
            };
            if let Some(Value::Int(port)) = primary.get(1)
                && let Ok(port) = u16::try_from(*port)
            {
                primaries.push(Address { host, port });
            }
        }
    }
    if primaries.is_empty() {
        primaries.push(asked.clone());
    }
    primaries.sort_unstable_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port)));
    primaries.dedup();
    primaries
}
