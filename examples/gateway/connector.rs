//! Opens connections to the upstream, within limits of number and time.

use std::{
    error::Error,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tower::{Service, ServiceExt as _};

/// Opens connections, and limits how many are open at a time.
///
/// Limiting the requests in flight is not enough: a connection is closed shortly after its request
/// has ended, and until then the next request would open another one.
#[derive(Clone)]
pub(crate) struct Connector {
    http: HttpConnector,
    slots: Arc<Semaphore>,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(slots: usize, limit: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        // Without it, a first address that does not answer would use up the whole limit: with it,
        // each address of the name gets a share of the time.
        http.set_connect_timeout(Some(limit));
        let slots = Arc::new(Semaphore::new(slots));
        Self { http, slots, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = Slotted;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Slotted, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { http, slots, limit } = self.clone();
        let opened = async move {
            let slot = slots.acquire_owned().await?;
            let stream = http.oneshot(uri).await?;
            Ok(Slotted {
                stream,
                _slot: slot,
            })
        };
        // The limit includes the lookup of the name and the wait for a slot.
        Box::pin(async move {
            let timed_out = |_| io::Error::from(io::ErrorKind::TimedOut);
            timeout(limit, opened).await.map_err(timed_out)?
        })
    }
}

/// A connection that holds a slot while it is open.
pub(crate) struct Slotted {
    stream: TokioIo<TcpStream>,
    _slot: OwnedSemaphorePermit,
}

impl Connection for Slotted {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl Read for Slotted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl Write for Slotted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
