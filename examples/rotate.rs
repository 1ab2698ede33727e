//! Replaces a client's key pair while it runs: `cargo run --example rotate`.
//!
//! The first key pair comes from the environment variables `HMAC_KEY_ID` and `HMAC_SECRET_KEY`, or
//! is a sample if they are not set. Later pairs come from a file with `id:key` on its first line,
//! which is read again when it changes. A gateway on loopback accepts both the old and the new
//! pair.
//!
//! The example writes the file itself, as a secrets manager's agent would: under another name, then
//! moved into place. It ends with an error if an answer is not as expected.

#![allow(clippy::print_stdout, reason = "this example prints its results")]

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
    KeyPair, Scheme, SignLayer, Signer, StaticKeys, VerifiedKey, Verifier, VerifyLayer,
    sign::RotatingKeyPair,
};

const NEW_PAIR: &str = "AKIDnew:a-new-secret-of-the-example";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let old = from_environment()?;
    let gateway = start_gateway([old.clone(), parse(NEW_PAIR)?]).await?;

    let keys = RotatingKeyPair::new(old);
    let first_id = keys.key_id();
    // `keys` is a handle. Every service made from this layer, and every clone of it, signs with the
    // pair that was given to the handle last.
    let signer = Signer::builder(keys.clone())
        .scheme(Scheme::Kong)
        .allowed_hosts(gateway.host())
        .build()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut client = SignLayer::new(signer).layer(client);
    let mut ask = async || {
        let request = Request::get(gateway.clone()).body(Empty::<Bytes>::new())?;
        let answer = client.ready().await?.call(request).await?;
        let body = answer.into_body().collect().await?.to_bytes();
        println!("{}", String::from_utf8_lossy(&body));
        Ok::<_, BoxError>(body)
    };
    expect(ask().await? == format!("hello {first_id}"))?;

    let file = KeysFile::new()?;
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

/// How often the file is checked.
const INTERVAL: Duration = Duration::from_millis(100);

/// Replaces the key pair whenever the file changes. If the file is missing or invalid, the pair
/// stays.
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

/// Returns the file's time of change and its length. If neither differs, the file is the same.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Parses `id:key`. With a second colon, the end of the id would be ambiguous. The error repeats
/// nothing of the line, as it holds a secret key.
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

/// Starts a gateway that accepts these key pairs and answers with the id of the key that signed.
async fn start_gateway(pairs: [KeyPair; 2]) -> Result<Uri, BoxError> {
    // Without `require`, a client may sign as little as the date.
    let verifier = Verifier::builder()
        .scheme(Scheme::Kong)
        .require(["@request-target"])
        .build()?;
    let hello = async |Extension(key): Extension<VerifiedKey>| format!("hello {}", key.key_id());
    let router = Router::new()
        .route("/", get(hello))
        .layer(VerifyLayer::new(StaticKeys::from_iter(pairs)).verifier(verifier));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(format!("http://{address}/").parse()?)
}

/// A file in a directory of its own, which is removed on drop.
struct KeysFile {
    directory: PathBuf,
    path: PathBuf,
}

impl KeysFile {
    fn new() -> io::Result<Self> {
        let name = format!("tower-hmac-auth-rotate-{}", process::id());
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory)?;
        let path = directory.join("keys");
        Ok(Self { directory, path })
    }

    /// Replaces the file atomically: a reader sees the old content or the new one, never a part of
    /// it.
    fn replace(&self, text: &str) -> io::Result<()> {
        let new = self.directory.join("new");
        fs::write(&new, text)?;
        fs::rename(new, &self.path)
    }
}

impl Drop for KeysFile {
    fn drop(&mut self) {
        let _ignored = fs::remove_dir_all(&self.directory);
    }
}

fn expect(is_expected: bool) -> Result<(), BoxError> {
    match is_expected {
        true => Ok(()),
        false => Err("the answer is not the expected one".into()),
    }
}
