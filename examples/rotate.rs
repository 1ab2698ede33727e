//! Keys that change while a client runs: `cargo run --example rotate`.
//!
//! The first key pair comes from the environment (`HMAC_KEY_ID`, `HMAC_SECRET_KEY`; a sample if they are not set), each
//! further one from a file, `id:key` on its first line, that is read again when it changes. A gateway on loopback
//! accepts the old and the new pair side by side. The example writes the file itself, as a secrets manager's agent
//! would: whole, under another name, then moved into place. Ends with an error if an answer is not as expected.

#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process,
    time::{Duration, SystemTime},
};

use axum::{Extension, Router, routing::get};
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::{net::TcpListener, task::JoinHandle, time};
use tower::{BoxError, Layer as _, Service as _, ServiceExt as _};
use tower_hmac_auth::{
    KeyPair, SignLayer, StaticKeys, VerifiedKey, VerifyLayer, sign::RotatingKeyPair,
};

const NEW_PAIR: &str = "AKIDnew:a-new-secret-of-the-example";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let old = from_environment()?;
    let gateway = start_gateway([old.clone(), parse(NEW_PAIR)?]).await?;

    let keys = RotatingKeyPair::new(old);
    let first_id = keys.key_id();
    // Every clone of every service made from this layer sees what the handle is given.
    let mut client = SignLayer::new(keys.clone())
        .allowed_hosts(gateway.host())?
        .layer(Client::builder(TokioExecutor::new()).build_http());
    let mut ask = async || {
        let request = Request::get(gateway.clone()).body(Empty::<Bytes>::new())?;
        let answer = client.ready().await?.call(request).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        println!("{}", String::from_utf8_lossy(&body));
        Ok::<_, BoxError>(body)
    };
    expect(ask().await? == format!("hello {first_id}"))?;

    let file = Directory::new()?.file("keys");
    let watch = watch(file.path.clone(), keys.clone());
    file.replace(NEW_PAIR)?;
    let is_new = async {
        while keys.key_id() == first_id {
            time::sleep(INTERVAL).await;
        }
    };
    time::timeout(Duration::from_secs(10), is_new).await?;
    expect(ask().await? == "hello AKIDnew")?;
    watch.abort();
    Ok(())
}

/// How often the file is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// Rotates the keys whenever the file has changed. A file that is missing or cannot be read leaves them as they are.
fn watch(file: PathBuf, keys: RotatingKeyPair) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut seen = None;
        loop {
            time::sleep(INTERVAL).await;
            let stamp = stamp(&file);
            if stamp.is_none() || stamp == seen {
                continue;
            }
            match fs::read_to_string(&file).map_err(BoxError::from) {
                Ok(text) => match parse(text.lines().next().unwrap_or_default()) {
                    Ok(pair) => {
                        println!("rotating to {}", pair.id());
                        keys.rotate(pair);
                        seen = stamp;
                    }
                    Err(error) => println!("{}: {error}", file.display()),
                },
                Err(error) => println!("{}: {error}", file.display()),
            }
        }
    })
}

/// What changes with the file.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// `id:key`. The error repeats nothing of the line. With a second colon it is not clear where the
/// id ends.
fn parse(line: &str) -> Result<KeyPair, BoxError> {
    match line.split(':').collect::<Vec<_>>()[..] {
        [id, secret] => Ok(KeyPair::new(id, secret)?),
        _ => Err("write the pair as id:key, with one colon".into()),
    }
}

fn from_environment() -> Result<KeyPair, BoxError> {
    let id = env::var("HMAC_KEY_ID").unwrap_or_else(|_| "AKIDold".into());
    let secret = env::var("HMAC_SECRET_KEY").unwrap_or_else(|_| "an-old-secret".into());
    Ok(KeyPair::new(id, secret)?)
}

/// Says by whose key a request was signed.
async fn start_gateway(pairs: [KeyPair; 2]) -> Result<Uri, BoxError> {
    let hello = async |Extension(key): Extension<VerifiedKey>| format!("hello {}", key.key_id());
    let router = Router::new()
        .route("/", get(hello))
        .layer(VerifyLayer::new(StaticKeys::from_iter(pairs)));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/").parse()?)
}

/// A directory of the example's own, gone when it ends.
struct Directory(PathBuf);

impl Directory {
    fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("tower-hmac-auth-rotate-{}", process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn file(self, name: &str) -> File {
        let path = self.0.join(name);
        File {
            path,
            directory: self,
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct File {
    path: PathBuf,
    directory: Directory,
}

impl File {
    /// Never half written: readers see the old file or the new one.
    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.directory.0.join("new");
        fs::write(&new, text)?;
        fs::rename(new, &self.path)
    }
}

fn expect(is_expected: bool) -> Result<(), BoxError> {
    match is_expected {
        true => Ok(()),
        false => Err("not the answer that was expected".into()),
    }
}
