//! Reads the keys file again when it changes, and on `SIGHUP`.

use std::{
    collections::HashSet,
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tower_hmac_auth::{KeyId, verify::SharedKeys};

use super::{
    super::{
        metrics, stderr,
        support::{Result, one_line, warn},
    },
    Content, cannot_be_read, read,
};

/// How often the file's metadata is read.
const POLL: Duration = Duration::from_secs(1);

/// A keys file, and the keys that were read from it last.
pub(crate) struct KeyFile {
    path: PathBuf,
    keys: SharedKeys,
    ids: HashSet<KeyId>,
    /// The file's state when it was last read, with or without an error. So an error is logged
    /// once, and not again with every poll.
    handled: State,
    /// The file's state at the last poll.
    polled: State,
}

impl KeyFile {
    /// Reads the file into `keys` for the first time.
    pub(crate) fn open(path: &Path, keys: SharedKeys) -> Result<Self> {
        // Read before the content, so that a change in between is found later.
        let state = state(path);
        let Content { keys: new, warning } = read(path)?;
        if let Some(warning) = warning {
            warn("gateway", &warning);
        }
        let ids = new.iter().map(|(id, _)| id.clone()).collect();
        keys.replace_all(new);
        Ok(Self {
            path: path.to_owned(),
            keys,
            ids,
            handled: state.clone(),
            polled: state,
        })
    }

    /// Reads the file again if it has changed since it was last read, but not since the last poll:
    /// it may be half-written.
    fn poll(&mut self) {
        let state = state(&self.path);
        let is_settled = state == self.polled;
        self.polled = state;
        if is_settled && self.polled != self.handled {
            self.reload();
        }
    }

    /// Reads the file again and replaces the keys, or leaves them as they are if there is an error.
    fn reload(&mut self) {
        let before = state(&self.path);
        let content = match &before {
            Ok(_) => read(&self.path),
            Err(error) => Err(error.clone().into()),
        };
        if state(&self.path) != before {
            // It was changed while it was read. The next polls read it when it is settled.
            return;
        }
        self.handled = before;
        metrics::keys_reloaded(content.is_ok());
        match content {
            Ok(content) => self.replace(content),
            Err(error) => say(&format!("kept as they were: {error}")),
        }
    }

    fn replace(&mut self, Content { keys, warning }: Content) {
        let ids: HashSet<_> = keys.iter().map(|(id, _)| id.clone()).collect();
        let added = ids.difference(&self.ids).count();
        let removed = self.ids.difference(&ids).count();
        self.keys.replace_all(keys);
        self.ids = ids;
        let read = self.ids.len();
        metrics::keys(read);
        say(&format!("{read} read ({added} added, {removed} removed)"));
        if let Some(warning) = warning {
            say(&format!("warning: {warning}"));
        }
    }
}

/// Writes a line to the log. Unlike `warn`, it never waits for whoever reads the log.
fn say(text: &str) {
    stderr::say(format!("keys: {}", one_line(text)));
}

/// Reads the file again when it changes or on `SIGHUP`, until the runtime ends.
pub(crate) async fn watch(file: Option<KeyFile>, mut hangups: Hangups) {
    let Some(mut file) = file else {
        loop {
            hangups.next().await;
            say("there is no file to read again: start the gateway with --keys");
        }
    };
    let mut polls = interval(POLL);
    polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let step = tokio::select! {
            _ = polls.tick() => KeyFile::poll,
            () = hangups.next() => KeyFile::reload,
        };
        // A file on a network may take long to answer, and a thread that serves requests must not
        // wait for it.
        let done = spawn_blocking(move || {
            step(&mut file);
            file
        });
        file = match done.await {
            Ok(file) => file,
            // The runtime is shutting down.
            Err(_) => return,
        };
    }
}

/// What the metadata says of a file, or why it cannot be read.
type State = std::result::Result<Fingerprint, String>;

/// Changes whenever the file does.
#[derive(Clone, PartialEq, Eq)]
struct Fingerprint {
    len: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    inode: Inode,
}

#[cfg(unix)]
#[derive(Clone, PartialEq, Eq)]
struct Inode {
    device: u64,
    number: u64,
    /// When the content or the permissions were last changed, in seconds and nanoseconds. Unlike
    /// the time of modification, no program can set it to an earlier time.
    changed: (i64, i64),
}

fn state(path: &Path) -> State {
    let metadata = fs::metadata(path).map_err(|error| cannot_be_read(path, &error))?;
    if !metadata.is_file() {
        // To read a pipe would wait for its writer, and a pipe gives its content only once.
        let path = path.display();
        return Err(format!(
            "{path} is not a regular file and cannot be read again: give a file with --keys"
        ));
    }
    Ok(Fingerprint::from(&metadata))
}

impl From<&Metadata> for Fingerprint {
    fn from(metadata: &Metadata) -> Self {
        Self {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            inode: Inode::from(metadata),
        }
    }
}

#[cfg(unix)]
impl From<&Metadata> for Inode {
    fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// `SIGHUP`, which asks for the keys to be read again.
pub(crate) struct Hangups(#[cfg(unix)] tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    /// Installs the handler. From here on, the signal no longer ends the process.
    pub(crate) fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup()).map(Self)
    }

    async fn next(&mut self) {
        // `None` is never received, as there is no end to a process's signals.
        let _received = self.0.recv().await;
    }
}

#[cfg(not(unix))]
impl Hangups {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self())
    }

    async fn next(&mut self) {
        std::future::pending().await
    }
}
