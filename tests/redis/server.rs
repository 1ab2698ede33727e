//! Redis servers on free ports of 127.0.0.1, until the end of a test.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use redis::{FromRedisValue, aio::MultiplexedConnection};

/// A server with nothing on disk. It is killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    port: u16,
    options: Vec<String>,
    /// Of its own, because Redis loads the files that another one has left.
    directory: PathBuf,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// Starts a server with more options, such as `["--requirepass", "secret"]`.
    pub(crate) fn with(options: &[&str]) -> Self {
        let options: Vec<_> = options.iter().map(ToString::to_string).collect();
        // Another program may take the port before the server does.
        for _ in 0..20 {
            let port = free_port();
            let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
            let directory = directory.join(format!("redis-{}-{port}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            if let Some(child) = spawn(port, &options, &directory) {
                return Self {
                    child,
                    port,
                    options,
                    directory,
                };
            }
        }
        panic!("redis-server does not start with {options:?}: see its log above");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts the server again on the same port, empty unless it has written a file.
    pub(crate) fn restart(&mut self) {
        self.child =
            spawn(self.port, &self.options, &self.directory).expect("the port is free again");
    }

    /// Returns a connection of its own.
    pub(crate) async fn connection(&self) -> MultiplexedConnection {
        connection(&self.url()).await
    }

    /// Sends one command on a connection of its own.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut connection = self.connection().await;
        redis::cmd(command[0])
            .arg(&command[1..])
            .query_async(&mut connection)
            .await
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

pub(crate) async fn connection(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).unwrap();
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&patient);
    connection.await.unwrap()
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Returns the time of the processor that a process has used.
pub(crate) fn processor_time(id: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    // After the name in parentheses, which is the second field: `utime` is the 14th, `stime` the
    // 15th, in hundredths of a second.
    let (_, rest) = stat.rsplit_once(") ").unwrap();
    let fields = rest.split(' ').skip(11).take(2);
    let ticks: u64 = fields.map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Waits until the server accepts connections. Returns nothing if it ends before.
fn spawn(port: u16, options: &[String], directory: &Path) -> Option<Child> {
    let port = port.to_string();
    let fixed = ["--port", &port, "--bind", "127.0.0.1", "--appendonly", "no"];
    let mut command = Command::new("redis-server");
    command.args(fixed).args(["--save", ""]).args(options);
    command.current_dir(directory);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "redis-server does not start ({error}): install it, with `apt install redis-server`"
            )
        });
    let mut log = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if line.contains("Ready to accept connections") {
            // Read on, so that the server never waits to write its log.
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return Some(child);
        }
        print!("{line}");
        line.clear();
    }
    let _ = child.wait();
    None
}
