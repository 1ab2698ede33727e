//! Opens connections to the upstream, within a limit of time.

use std::{error::Error, io, time::Duration};

use http::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use tokio::{net::TcpStream, time::timeout};
use tower::ServiceExt as _;

pub(crate) struct Connector {
    http: HttpConnector,
    limit: Duration,
}

impl Connector {
    pub(crate) fn new(limit: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        // Without it, a first address that does not answer would use up the whole limit: with it,
        // each address of the name gets a share of the time.
        http.set_connect_timeout(Some(limit));
        Self { http, limit }
    }

    /// Connects to the URI's host and port. The limit includes the lookup of the name.
    pub(crate) async fn connect(
        &self,
        uri: Uri,
    ) -> Result<TokioIo<TcpStream>, Box<dyn Error + Send + Sync>> {
        let connected = timeout(self.limit, self.http.clone().oneshot(uri)).await;
        let connected = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?;
        Ok(connected?)
    }
}
