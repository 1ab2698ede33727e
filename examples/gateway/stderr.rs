//! Lines on standard error, which nobody has to read: a full pipe delays no request and not the
//! end.

use std::{
    io::{self, Write as _},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use tokio::{
    sync::{
        mpsc::{self, Receiver, Sender},
        oneshot,
    },
    time::timeout,
};

/// How many lines wait at most; further ones are dropped.
const MAX_LINES: usize = 1024;

/// How long the end waits for lines to be written.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// How many lines were dropped since the last one was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// What waits for the writer. Writing can block for ever, so a thread of its own does it: not even
/// tokio's pool for blocking work would do, as it is of limited size.
static QUEUE: LazyLock<Sender<Message>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel(MAX_LINES);
    // Without a thread, the receiver is dropped, and every line counts as dropped.
    let _no_log_without = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(receiver));
    sender
});

enum Message {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// Puts a line into the queue, or drops it if the queue is full. Never waits.
pub(crate) fn say(line: impl Into<String>) {
    let message = Message::Line(line.into());
    if QUEUE.try_send(message).is_err() {
        DROPPED.fetch_add(1, Relaxed);
    }
}

/// Waits until all lines are written; not for long, as there may be no one who reads them.
pub(crate) async fn flush() {
    let written = async {
        let (done, written) = oneshot::channel();
        if QUEUE.send(Message::Flush(done)).await.is_ok() {
            let _written_or_no_writer = written.await;
        }
    };
    let _lost_otherwise = timeout(MAX_DELAY, written).await;
}

fn write(mut queue: Receiver<Message>) {
    while let Some(message) = queue.blocking_recv() {
        let flushed = match message {
            Message::Line(line) => {
                write_line(&line);
                None
            }
            Message::Flush(done) => Some(done),
        };
        let dropped = DROPPED.swap(0, Relaxed);
        if dropped > 0 {
            write_line(&format!("log: lines dropped: {dropped}"));
        }
        if let Some(done) = flushed {
            let _gone_if_late = done.send(());
        }
    }
}

/// There is no other place to complain if this fails.
fn write_line(line: &str) {
    let _nobody_left_to_tell = io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}
