//! Writes lines to standard error without blocking: a pipe that is full because nothing reads it
//! delays neither requests nor the end of the process.

use std::{
    io::{self, Write as _},
    mem,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::metrics;

/// How many lines may wait. Further ones are dropped.
const MAX_LINES: usize = 1024;

/// How long the writer waits for further lines after the first one, to write all of them at once.
/// To wake the writer and to write for each line takes as long as to forward a request.
const PAUSE: Duration = Duration::from_millis(5);

/// How long [`flush`] waits.
const MAX_DELAY: Duration = Duration::from_secs(1);

/// What waits for the writer.
struct Queue {
    /// Lines, each with its end.
    text: String,
    /// The number of lines in `text`, and of those that the writer has not written yet.
    lines: usize,
    /// The number of lines dropped since the last one was written.
    dropped: u64,
    flushes: Vec<oneshot::Sender<()>>,
}

static QUEUE: Mutex<Queue> = Mutex::new(Queue {
    text: String::new(),
    lines: 0,
    dropped: 0,
    flushes: Vec::new(),
});

/// The writer's thread. A write can block forever, so it needs a thread of its own: on tokio's pool
/// for blocking work, blocked writes would use up the pool's threads, which lookups of names need.
///
/// If the thread cannot be started, lines are dropped as soon as the queue is full.
static WRITER: LazyLock<Option<Thread>> = LazyLock::new(|| {
    let started = thread::Builder::new().name("log".to_owned()).spawn(write);
    started.ok().map(|writer| writer.thread().clone())
});

/// Queues a line, or drops it if the queue is full. Never waits for the writer.
pub(crate) fn say(line: impl AsRef<str>) {
    let mut queue = queue();
    if queue.lines >= MAX_LINES {
        queue.dropped = queue.dropped.saturating_add(1);
        drop(queue);
        metrics::log_line_dropped();
        return;
    }
    let is_first = queue.text.is_empty();
    queue.text.push_str(line.as_ref());
    queue.text.push('\n');
    queue.lines = queue.lines.saturating_add(1);
    drop(queue);
    if is_first {
        wake();
    }
}

/// Waits until all lines are written, for at most [`MAX_DELAY`].
pub(crate) async fn flush() {
    let (done, written) = oneshot::channel();
    queue().flushes.push(done);
    wake();
    // After the timeout, the remaining lines are lost.
    let _ignored = timeout(MAX_DELAY, written).await;
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake() {
    if let Some(writer) = &*WRITER {
        writer.unpark();
    }
}

/// Writes what is queued, until the process ends.
fn write() {
    let mut text = String::new();
    loop {
        while is_idle() {
            thread::park();
        }
        thread::sleep(PAUSE);
        let (lines, flushes) = {
            let mut queue = queue();
            mem::swap(&mut text, &mut queue.text);
            (queue.lines, mem::take(&mut queue.flushes))
        };
        write_all(&text);
        text.clear();
        let dropped = {
            let mut queue = queue();
            queue.lines = queue.lines.saturating_sub(lines);
            mem::take(&mut queue.dropped)
        };
        if dropped > 0 {
            write_all(&format!("log: lines dropped: {dropped}\n"));
        }
        for done in flushes {
            // `flush` may have given up already.
            let _ignored = done.send(());
        }
    }
}

fn is_idle() -> bool {
    let queue = queue();
    queue.text.is_empty() && queue.flushes.is_empty()
}

fn write_all(text: &str) {
    // If standard error is closed, there is nowhere left to report that.
    let _ignored = io::stderr().lock().write_all(text.as_bytes());
}
