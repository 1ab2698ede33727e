use std::time::Duration;

use ::redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _,
    RedisResult,
    aio::ConnectionLike,
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};

use super::{
    AnyClock, Options, RedisCluster, RedisGuardError, RedisReplayGuard,
    connection::{Connect, Connection},
    server_settings::unavailable,
};
use crate::clock::{Clock, SystemClock};

/// Builds a [`RedisReplayGuard`].
///
/// Requires the feature `redis`.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct RedisReplayGuardBuilder(Options);

impl RedisReplayGuardBuilder {
    pub(super) fn new() -> Self {
        Self(Options {
            prefix: "hmac-replay:".into(),
            partitions: 64,
            deadline: Duration::from_millis(200),
            clock_tolerance: Duration::from_secs(5),
            assume_no_earlier_claims: false,
            clock: AnyClock::new(SystemClock),
        })
    }

    /// Sets what the names of all keys begin with. Default: `hmac-replay:`.
    ///
    /// All servers that accept requests of the same keys need the same prefix. Services that do not
    /// share their keys need different ones, if their key ids can be the same.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.prefix = prefix.into();
        self
    }

    /// Sets over how many partitions claims are spread, 1 to 16,384. Default: 64.
    ///
    /// In a Redis Cluster the partitions are spread over the servers, and each has an epoch of its
    /// own: if a server loses its data, requests of its partitions alone are refused for a time.
    /// Without a Cluster, 1 is as good. **All servers must agree**: a claim is not found in another
    /// partition.
    pub fn partitions(mut self, partitions: u16) -> Self {
        self.0.partitions = partitions;
        self
    }

    /// Sets how long a claim may take. Default: 200 ms.
    ///
    /// After it, the claim is [`Unavailable`](crate::verify::ClaimOutcome::Unavailable).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.0.deadline = deadline;
        self
    }

    /// Sets by how much the clocks of the servers may differ, in whole seconds. Default: 5 s, and
    /// at least 1 s. The [`deadline`](Self::deadline) counts too: add it to the difference.
    ///
    /// Claims are kept for longer by this much, and requests are refused for longer after a loss.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.0.clock_tolerance = tolerance.max(Duration::from_secs(1));
        self
    }

    /// Sets whether the guard takes it that Redis never lost a claim. Default: `false`.
    ///
    /// It is safe while no request can have been accepted without a claim in Redis: for new keys,
    /// or on a service's first day. **Remove it after the first deployment**: while it is set, a
    /// loss is not noticed, and a request that was accepted before it can be sent once more. The
    /// epochs are written all the same, so removing it refuses nothing.
    pub fn assume_no_earlier_claims(mut self, assume: bool) -> Self {
        self.0.assume_no_earlier_claims = assume;
        self
    }

    /// Sets the clock that says whether [`Claim::until`](crate::verify::Claim::until) has passed.
    /// Default: [`SystemClock`](crate::clock::SystemClock).
    ///
    /// It is read when a claim is made and when Redis has answered. It must show the time of the
    /// clock of [`VerifyLayer`](crate::VerifyLayer::clock).
    pub fn clock(mut self, clock: impl Clock + Send + Sync + 'static) -> Self {
        self.0.clock = AnyClock::new(clock);
        self
    }

    /// Builds a guard on a connection that looks after itself, such as the `ConnectionManager` of
    /// the crate `redis` (feature `connection-manager`). The guard never replaces it.
    ///
    /// Nothing is sent yet; [`RedisReplayGuard::check`] looks at Redis.
    ///
    /// # Errors
    ///
    /// Returns a [`RedisGuardError`] if an option is out of range.
    pub fn build<C>(self, connection: C) -> Result<RedisReplayGuard<C>, RedisGuardError>
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
    {
        self.validate()?;
        let connection = Connection::new(connection, None, self.0.connection_deadline());
        Ok(RedisReplayGuard::new(connection, self.0))
    }

    /// Connects to one Redis server, [checks](RedisReplayGuard::check) it, and builds a guard. With
    /// the feature `tracing`, warnings of the check are [logged](crate::events).
    ///
    /// # Errors
    ///
    /// Returns a [`RedisGuardError`] if an option is out of range, the URL is invalid, or Redis is
    /// too old, evicts keys, or does not answer. It has the [deadline](Self::deadline) for that,
    /// and at least a second.
    pub async fn connect(self, url: &str) -> Result<RedisReplayGuard, RedisGuardError> {
        let client = Client::open(Self::address(url)?).map_err(|_| RedisGuardError::InvalidUrl)?;
        let config = AsyncConnectionConfig::new()
            // Those of the guard hold.
            .set_connection_timeout(None)
            .set_response_timeout(None)
            .set_pipeline_buffer_size(1024);
        self.connect_with(move || {
            let (client, config) = (client.clone(), config.clone());
            async move {
                let connected = client.get_multiplexed_async_connection_with_config(&config);
                connected.await
            }
        })
        .await
    }

    /// Connects to a Redis Cluster, of which one server at least has to be named. The others are
    /// found by asking. User, password and TLS are those of the first URL.
    ///
    /// While slots are moved between servers, claims in them can be unavailable.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`](Self::connect). That a primary cannot be reached is no
    /// error, as long as another one answers.
    pub async fn connect_cluster<U: AsRef<str>>(
        self,
        urls: impl IntoIterator<Item = U>,
    ) -> Result<RedisReplayGuard<RedisCluster>, RedisGuardError> {
        let seeds: Result<Vec<_>, _> = urls
            .into_iter()
            .map(|url| Self::address(url.as_ref()))
            .collect();
        let seeds = seeds?;
        let is_unix = |seed: &ConnectionInfo| matches!(seed.addr(), ConnectionAddr::Unix(_));
        if seeds.is_empty() || seeds.iter().any(is_unix) {
            return Err(RedisGuardError::InvalidUrl);
        }
        let cluster = RedisCluster::new(seeds, self.0.deadline);
        self.build(cluster)?.checked().await
    }

    /// Connects with a connection that `connect` makes: to the primary that Redis Sentinel knows,
    /// for example, or with settings of your own. [Checks](RedisReplayGuard::check) Redis, and
    /// builds a guard.
    ///
    /// `connect` is called now and whenever the connection has to be replaced. An attempt may take
    /// as long as the [deadline](Self::deadline), and at least a second.
    ///
    /// ```no_run
    /// use tower_hmac_auth::verify::RedisReplayGuard;
    ///
    /// # async fn connects() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = redis::Client::open("redis://redis.internal:6379/")?;
    /// let guard = RedisReplayGuard::builder()
    ///     .connect_with(move || {
    ///         let client = client.clone();
    ///         async move { client.get_multiplexed_async_connection().await }
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`connect`](Self::connect), except for that of the URL.
    pub async fn connect_with<C, F, Fut>(
        self,
        connect: F,
    ) -> Result<RedisReplayGuard<C>, RedisGuardError>
    where
        C: ConnectionLike + Clone + Send + Sync + 'static,
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = RedisResult<C>> + Send + 'static,
    {
        self.validate()?;
        let deadline = self.0.connection_deadline();
        let first = tokio::time::timeout(deadline, connect()).await;
        let first = first
            .map_err(|elapsed| unavailable(&elapsed))?
            .map_err(|error| unavailable(&error))?;
        let connect: Box<Connect<C>> = Box::new(move || Box::pin(connect()));
        let connection = Connection::new(first, Some(connect), deadline);
        let guard = RedisReplayGuard::new(connection, self.0);
        guard.checked().await
    }

    fn address(url: &str) -> Result<ConnectionInfo, RedisGuardError> {
        let address = url.into_connection_info();
        let address = address.map_err(|_| RedisGuardError::InvalidUrl)?;
        Ok(address.set_tcp_settings(tcp_settings()))
    }

    fn validate(&self) -> Result<(), RedisGuardError> {
        let Options {
            prefix,
            partitions,
            deadline,
            ..
        } = &self.0;
        if prefix.contains(['{', '}']) {
            return Err(RedisGuardError::InvalidPrefix);
        }
        if !(1..=16_384).contains(partitions) {
            return Err(RedisGuardError::InvalidPartitions);
        }
        if deadline.is_zero() {
            return Err(RedisGuardError::NoDeadline);
        }
        Ok(())
    }
}

impl<C: ConnectionLike + Clone> RedisReplayGuard<C> {
    async fn checked(self) -> Result<Self, RedisGuardError> {
        let warnings = self.check().await?;
        #[cfg(feature = "tracing")]
        for warning in &warnings {
            tracing::warn!(target: crate::events::VERIFY, reason = %warning, "claims can get lost");
        }
        #[cfg(not(feature = "tracing"))]
        drop(warnings);
        Ok(self)
    }
}

/// Returns settings that close a connection when the other machine has gone without a word, in
/// seconds instead of the many minutes of the defaults.
fn tcp_settings() -> TcpSettings {
    const SILENCE: Duration = Duration::from_secs(5);
    let probes = TcpKeepalive::new()
        .with_time(SILENCE)
        .with_interval(Duration::from_secs(1));
    let settings = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(probes);
    #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
    let settings = settings.set_user_timeout(SILENCE);
    settings
}
