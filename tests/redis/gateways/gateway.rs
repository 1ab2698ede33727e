//! The example `gateway` as a process.

use std::{
    env::{self, consts::EXE_SUFFIX},
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicUsize, Ordering},
    time::SystemTime,
};

use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

use super::client::{KEY_ID, SECRET};

/// It serves until it is killed or dropped.
pub(crate) struct Gateway {
    child: Child,
    address: SocketAddr,
    admin: SocketAddr,
    log: Log,
}

impl Gateway {
    /// Starts one that requires a nonce, with more arguments, and waits until it serves.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::from_command(command(arguments)).await
    }

    pub(crate) async fn from_command(mut command: Command) -> Self {
        let log = Log::new();
        let mut child = command.stderr(log.file()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = async |label: &str| {
            let line = stdout.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("no gateway: {}", log.text()));
            line.strip_prefix(label).unwrap().parse().unwrap()
        };
        let (main, admin) = (address("listening on ").await, address("admin on ").await);
        Self {
            child,
            address: main,
            admin,
            log,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns all lines of its log up to now.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends `SIGKILL`, and waits for the end.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Returns the status and the text of the answer to monitoring.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<&[u8]>>();
        let uri = format!("http://{}{path}", self.admin).parse().unwrap();
        let answer = client.get(uri).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Returns how many claims had this outcome.
    pub(crate) async fn claims(&self, outcome: &str) -> u64 {
        let (_, metrics) = self.admin("/metrics").await;
        let series = format!(r#"hmac_claims_total{{outcome="{outcome}"}} "#);
        let mut lines = metrics.lines();
        let value = lines.find_map(|line| line.strip_prefix(&series));
        value.unwrap_or_else(|| panic!("{series}")).parse().unwrap()
    }
}

/// Returns the command of a gateway that requires a nonce. It is killed when it is dropped, and its
/// errors can be read.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = command_without_nonce();
    command.args(["--nonce", "x-nonce"]).args(arguments);
    command
}

pub(crate) fn command_without_nonce() -> Command {
    let local = "127.0.0.1:0";
    let mut command = Command::new(binary());
    command
        .args(["--scheme", "kong", "--require", "@request-target"])
        .args(["--require", "host", "--listen", local, "--admin", local])
        .env("HMAC_KEY_ID", KEY_ID)
        .env("HMAC_SECRET_KEY", SECRET)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Returns the example's path. `cargo test --all-features` has built it, `cargo test --test redis`
/// has not.
fn binary() -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.ancestors().nth(2).unwrap();
    let binary = profile.join(format!("examples/gateway{EXE_SUFFIX}"));
    let hint =
        "run `cargo build --all-features --example gateway` (with --release, if the test has)";
    let built = fs::metadata(&binary).and_then(|metadata| metadata.modified());
    let built = built.unwrap_or_else(|error| panic!("{}: {error}: {hint}", binary.display()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for sources in ["src", "examples/gateway", "examples/support"] {
        let changed = last_change(&root.join(sources));
        assert!(
            changed <= built,
            "{} is older than {sources}: {hint}",
            binary.display()
        );
    }
    binary
}

/// Returns when a Rust file in this directory was changed last.
fn last_change(directory: &Path) -> SystemTime {
    let entries = fs::read_dir(directory).unwrap();
    let changes = entries.map(|entry| {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            return last_change(&entry.path());
        }
        match entry.path().extension().is_some_and(|name| name == "rs") {
            true => metadata.modified().unwrap(),
            false => SystemTime::UNIX_EPOCH,
        }
    });
    changes.max().unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A file for standard error, which is removed at the end.
struct Log(PathBuf);

impl Log {
    fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("gateway-{}-{number}.log", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn file(&self) -> fs::File {
        fs::File::create(&self.0).unwrap()
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
