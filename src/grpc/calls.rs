//! What happens to every call before and after its handler: is there room, who asks, which trace, how did it end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::{Instrument as _, info_span};

use crate::error::{Error, Reason};
use crate::stats::{Calls as CallStats, METHODS, Stats};
use crate::telemetry::trace;
use crate::wire::{SERVICE, error_from_status, status_from_error};

use super::body::{Call, Observed};
use super::token::Tokens;

/// Prefix of the paths that need no token: a probe of an orchestrator knows none.
const OPEN_TO_ALL: &str = "/grpc.health.v1.Health/";
/// What a probe asks.
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";

/// Everything a connection needs to answer calls. Cloned for each.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) routes: Routes,
    pub(super) tokens: Option<watch::Receiver<Tokens>>,
    pub(super) stopping: CancellationToken,
    /// Calls that the shutdown waits for.
    pub(super) in_flight: TaskTracker,
    /// Room for unary calls; watches have a bound of their own.
    pub(super) room: Arc<Semaphore>,
    pub(super) stats: Arc<Stats>,
}

impl Calls {
    /// Answers one call. `overloaded` says that its connection is one too many.
    pub(super) async fn answer<B>(
        mut self,
        request: Request<B>,
        overloaded: bool,
    ) -> Result<Response<Observed<Body>>, Infallible>
    where
        B: hyper::body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let path = request.uri().path();
        let own = path
            .strip_prefix('/')
            .and_then(|path| path.strip_prefix(SERVICE))
            .and_then(|path| path.strip_prefix('/'));
        let method = CallStats::method(own.unwrap_or_default());
        let own = own.is_some();
        let open = path.starts_with(OPEN_TO_ALL);
        let trace = trace::of(request.headers());
        let span = info_span!(
            "call",
            otel.name = tracing::field::Empty,
            otel.kind = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            method = if own { METHODS[method] } else { path },
            trace_id = tracing::field::Empty,
            order_id = tracing::field::Empty,
            request_id = tracing::field::Empty,
        );
        let exported = trace::continue_in(&span, trace, path);
        self.stats.calls.in_flight.add(1);
        let mut call = Call {
            span: span.clone(),
            exported,
            method,
            arrived: Instant::now(),
            stats: Arc::clone(&self.stats),
            code: Code::Cancelled,
            // A reflection stream is kept open by its client for as long as it likes: nobody waits for that.
            _in_flight: (own || open).then(|| self.in_flight.token()),
        };
        let watch = METHODS[method] == "Watch";
        let room = if watch || open {
            None
        } else {
            Some(self.room.clone().try_acquire_owned())
        };
        // A probe must not take a full gateway for a dead one; a stream of health would keep the connection that is one too many.
        let refusal = if overloaded && path != HEALTH_CHECK {
            Some(Error::new(
                Reason::Overloaded,
                "too many connections: use one connection for many calls, and try again later",
            ))
        } else if open {
            None
        } else if self.stopping.is_cancelled() {
            Some(Error::new(
                Reason::ShuttingDown,
                "the gateway is shutting down, nothing was sent: ask again with the same request_id",
            ))
        } else if !self.admits(request.headers()) {
            Some(Error::new(
                Reason::Unauthenticated,
                "no or wrong token: send one as authorization: Bearer TOKEN",
            ))
        } else if matches!(room, Some(Err(_))) {
            Some(Error::new(
                Reason::Overloaded,
                "too many calls at once: try again later",
            ))
        } else {
            None
        };
        let mut response = match refusal {
            Some(error) => status_from_error(error).into_http(),
            None => {
                let Ok(response) = self.routes.call(request).instrument(span).await;
                response
            }
        };
        if own {
            named(&mut response);
        }
        call.read_code(response.headers());
        Ok(response.map(|body| Observed {
            body,
            call: Some(call),
        }))
    }

    fn admits(&self, headers: &HeaderMap<HeaderValue>) -> bool {
        match &self.tokens {
            None => true,
            Some(tokens) => tokens.borrow().admit(
                headers
                    .get(http::header::AUTHORIZATION)
                    .map(HeaderValue::as_bytes),
            ),
        }
    }
}

/// Gives a refusal of the library (a request too large, or one that does not decode) the ErrorInfo that every error of this service has.
fn named(response: &mut Response<Body>) {
    let Some(status) = Status::from_header_map(response.headers()) else {
        return;
    };
    if matches!(status.code(), Code::Ok | Code::Unimplemented)
        || error_from_status(&status).is_some()
    {
        return;
    }
    let message = format!("the request cannot be read: {}", status.message());
    *response = status_from_error(Error::new(Reason::RequestInvalid, message)).into_http();
}
