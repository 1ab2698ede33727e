//! Closes connections in a way that lets the client receive the last answer.

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

/// How long a client may continue to send after the last answer.
const LINGER: Duration = Duration::from_secs(5);

/// How many bytes the client may send after the last answer: enough for a client that reads its
/// answer only after it has sent its whole upload. The limit of time is not enough, as gigabytes
/// can arrive in a few seconds.
const LINGER_BYTES: usize = 64 << 20;

/// How long after the last answer a connection is idle, if nothing unread has arrived.
const IDLE: Duration = Duration::from_millis(100);

/// A stream that shuts down its writing side first, and reads what the client still sends before it
/// is closed, within limits of time and size.
///
/// If a socket is closed with bytes unread, the kernel sends a reset, and the client may lose the
/// answer. The refusal of a large upload, of which hyper reads only a part, would look like a
/// network error. A connection that is [`IDLE`] has no answer in transit and is closed at once.
pub(crate) struct Lingering {
    stream: TcpStream,
    until: Option<Pin<Box<Sleep>>>,
    bytes_left: usize,
    /// When bytes were last written.
    written: Option<Instant>,
}

impl From<TcpStream> for Lingering {
    fn from(stream: TcpStream) -> Self {
        Self {
            stream,
            until: None,
            bytes_left: LINGER_BYTES,
            written: None,
        }
    }
}

impl AsyncRead for Lingering {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.written = Some(Instant::now());
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.written = Some(Instant::now());
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream,
            until,
            bytes_left,
            written,
        } = self.get_mut();
        if until.is_none() {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
        }
        let may_be_idle = written.is_none_or(|written| written.elapsed() >= IDLE);
        let mut is_idle = may_be_idle && until.is_none();
        let until = until.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        let mut unwanted = [MaybeUninit::uninit(); 8192];
        while until.as_mut().poll(cx).is_pending() {
            let mut unwanted = ReadBuf::uninit(&mut unwanted);
            let read = Pin::new(&mut *stream).poll_read(cx, &mut unwanted);
            if is_idle && read.is_pending() {
                break;
            }
            is_idle = false;
            let read = ready!(read);
            *bytes_left = bytes_left.saturating_sub(unwanted.filled().len());
            if read.is_err() || unwanted.filled().is_empty() || *bytes_left == 0 {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}
