//! Writes lines to standard error without blocking: a pipe that is full because nothing reads it
//! delays neither requests nor the end of the process.

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

use super::metrics;

/// How many lines may wait. Further ones are dropped.
const MAX_LINES: usize = 1024;

/// How long [`flush`] waits.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// The number of lines dropped since the last one was written.
static DROPPED: AtomicU64 = AtomicU64::new(0);

/// The queue to the writer's thread. A write can block forever, so it needs a thread of its own: on
/// tokio's pool for blocking work, blocked writes would use up the pool's threads, which lookups of
/// names need.
static QUEUE: LazyLock<Sender<Message>> = LazyLock::new(|| {
    let (sender, receiver) = mpsc::channel(MAX_LINES);
    // If the thread cannot be started, the receiver is dropped, and every line counts as dropped.
    let _ignored = thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write(receiver));
    sender
});

enum Message {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// Queues a line, or drops it if the queue is full. Never waits.
pub(crate) fn say(line: impl Into<String>) {
    let message = Message::Line(line.into());
    if QUEUE.try_send(message).is_err() {
        DROPPED.fetch_add(1, Relaxed);
        metrics::log_line_dropped();
    }
}

/// Waits until all lines are written, for at most [`MAX_DELAY`].
pub(crate) async fn flush() {
    let written = async {
        let (done, written) = oneshot::channel();
        if QUEUE.send(Message::Flush(done)).await.is_ok() {
            // An error means that the writer's thread is gone.
            let _ignored = written.await;
        }
    };
    // After the timeout, the remaining lines are lost.
    let _ignored = timeout(MAX_DELAY, written).await;
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
            // `flush` may have given up already.
            let _ignored = done.send(());
        }
    }
}

fn write_line(line: &str) {
    // If standard error is closed, there is nowhere left to report that.
    let _ignored = io::stderr()
        .lock()
        .write_all(format!("{line}\n").as_bytes());
}
