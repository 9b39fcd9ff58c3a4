//! The calls of the service for another door: the same room, tokens, counts and shutdown.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::callers::{Of, Peer, Place};
use super::calls::Calls;

/// What another door needs to answer the calls of the service.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "web"),
    allow(dead_code, reason = "the door for browsers uses it")
)]
pub(crate) struct Backend {
    calls: Calls,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    close: CancellationToken,
}

#[cfg_attr(
    not(feature = "web"),
    allow(dead_code, reason = "the door for browsers uses it")
)]
impl Backend {
    pub(super) fn new(
        calls: Calls,
        tls: Option<watch::Receiver<Arc<ServerConfig>>>,
        close: CancellationToken,
    ) -> Self {
        Self { calls, tls, close }
    }

    /// Certificates as they are now; `None` where the service speaks in plain text.
    pub(crate) fn tls(&self) -> Option<Arc<ServerConfig>> {
        self.tls.as_ref().map(|tls| Arc::clone(&tls.borrow()))
    }

    /// The calls of one peer, by its certificate where it showed one, else by its address; `None` where it has as many connections as one
    /// caller may have.
    pub(crate) fn of(&self, peer: IpAddr, certificate: Option<&[u8]>) -> Option<CallerBackend> {
        let at = self.calls.callers.at(peer);
        let connection = at.places.take(Of::Connections)?;
        let peer = match certificate {
            Some(der) => self.calls.callers.with_certificate(peer, der),
            None => at,
        };
        Some(CallerBackend {
            calls: self.calls.clone(),
            peer,
            _connection: Arc::new(connection),
        })
    }

    /// Ends when connections are to say goodbye.
    pub(crate) async fn closing(&self) {
        self.close.cancelled().await;
    }
}

/// The calls of one peer. Its connection counts among the caller's until the last clone is dropped.
#[derive(Clone)]
#[cfg_attr(
    not(feature = "web"),
    allow(dead_code, reason = "the door for browsers uses it")
)]
pub(crate) struct CallerBackend {
    calls: Calls,
    peer: Peer,
    _connection: Arc<Place>,
}

impl tower::Service<Request<Body>> for CallerBackend {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (calls, peer) = (self.calls.clone(), self.peer.clone());
        Box::pin(async move {
            let response = calls.answer(request, peer, false).await?;
            Ok(response.map(Body::new))
        })
    }
}
