//! What happens to every call before and after its handler: is there room, who asks, which trace, how did it end.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderMap, HeaderValue, Request, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::{Instrument as _, info_span};

use crate::callers::CertificateRoles;
use crate::domain::{Caller, Role};
use crate::error::{Error, Reason};
use crate::gateway::Gateway;
use crate::stats::{Calls as CallStats, Limit, METHODS, Stats};
use crate::telemetry::trace;
use crate::wire::{SERVICES, error_from_status, status_from_error};

use super::body::{Call, Observed, Revoked};
use super::callers::{Callers, Of, Peer, Places, PlacesOf};
use super::receive::Receiving;
use super::roles;
use super::token::Tokens;

/// Bytes of the metadata that a call may have, counted as HTTP/2 counts them.
const METADATA_BYTES_MAX: usize = 16 << 10;
/// What HTTP/2 counts for a field beside its name and value (RFC 9113, 6.5.2).
const FIELD_OVERHEAD_BYTES: usize = 32;
/// Prefix of the paths that need no token: a probe of an orchestrator knows none.
const OPEN_TO_ALL: &str = "/grpc.health.v1.Health/";
/// What a probe asks.
const HEALTH_CHECK: &str = "/grpc.health.v1.Health/Check";
/// Prefix of the paths whose requests go on for as long as their answers.
const REFLECTION: &str = "/grpc.reflection.";

/// Everything a connection needs to answer calls. Cloned for each.
#[derive(Clone)]
pub(super) struct Calls {
    pub(super) routes: Routes,
    pub(super) tokens: Option<watch::Receiver<Tokens>>,
    /// What the names in certificates may do; `None`: everything.
    pub(super) certificates: Option<watch::Receiver<CertificateRoles>>,
    pub(super) gateway: Gateway,
    pub(super) stopping: CancellationToken,
    /// Calls that the shutdown waits for.
    pub(super) in_flight: TaskTracker,
    /// Room for unary calls; watches have a bound of their own.
    pub(super) room: Arc<Semaphore>,
    /// Requests on their way in.
    pub(super) receiving: Arc<Receiving>,
    /// Who calls.
    pub(super) callers: Arc<Callers>,
    pub(super) stats: Arc<Stats>,
}

/// What a call takes while it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One question, one answer.
    Unary,
    /// One question, and a stream of answers.
    Watch,
    /// Streams both ways.
    Reflection,
    /// A question of an orchestrator, which must always be answered.
    Probe,
}

impl Kind {
    fn of(path: &str, own: Option<&str>) -> Self {
        if matches!(own, Some("Watch" | "WatchAccount"))
            || (path.starts_with(OPEN_TO_ALL) && path != HEALTH_CHECK)
        {
            Self::Watch
        } else if path == HEALTH_CHECK {
            Self::Probe
        } else if path.starts_with(REFLECTION) {
            Self::Reflection
        } else {
            Self::Unary
        }
    }
}

impl Calls {
    /// Answers one call of a connection. `overloaded` says that the connection is one too many.
    pub(super) async fn answer<B>(
        mut self,
        mut request: Request<B>,
        peer: Peer,
        overloaded: bool,
    ) -> Result<Response<Observed<Body>>, Infallible>
    where
        B: hyper::body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let too_large = !fits(&request);
        if too_large {
            // Nothing reads it, and a call may wait.
            request.headers_mut().clear();
        }
        let path = request.uri().path();
        let own = own_method(path);
        let method = CallStats::method(own.unwrap_or_default());
        let kind = Kind::of(path, own);
        let own = own.is_some();
        let trace = trace::of(request.headers());
        let span = info_span!(
            "call",
            otel.name = tracing::field::Empty,
            otel.kind = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
            method = if own { METHODS[method] } else { path },
            trace_id = tracing::field::Empty,
            caller = tracing::field::Empty,
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
            place: None,
            revoked: None,
            // A reflection stream is kept open by its client for as long as it likes: nobody waits for that.
            _in_flight: (own || kind != Kind::Reflection).then(|| self.in_flight.token()),
        };
        let answered = if too_large {
            Err(metadata_too_large())
        } else {
            self.admitted(request, kind, peer, overloaded, &mut call)
                .instrument(span)
                .await
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => status_from_error(error).into_http(),
        };
        if own {
            named(&mut response);
        }
        call.read_code(response.headers());
        Ok(response.map(|body| Observed {
            body,
            call: Some(call),
            over: false,
        }))
    }

    /// Hands a call on to its handler, when nothing speaks against it.
    async fn admitted<B>(
        &mut self,
        mut request: Request<B>,
        kind: Kind,
        peer: Peer,
        overloaded: bool,
        call: &mut Call,
    ) -> Result<Response<Body>, Error>
    where
        B: hyper::body::Body<Data = bytes::Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        // A probe must not take a full gateway for a dead one; a stream of health would keep the connection that is one too many.
        if overloaded && kind != Kind::Probe {
            return Err(Error::new(
                Reason::Overloaded,
                "too many connections: use one connection for many calls, and try again later",
            ));
        }
        let open = request.uri().path().starts_with(OPEN_TO_ALL);
        let places = if open {
            peer.places
        } else if self.stopping.is_cancelled() {
            return Err(shutting_down());
        } else {
            let Admitted {
                places,
                caller,
                token,
            } = self.caller(request.headers(), peer)?;
            if let Some(name) = &caller.name {
                call.span.record("caller", name.as_str());
            }
            if let Err(error) = roles::permit(request.uri().path(), &caller) {
                let Some(instruction) = roles::instruction(request.uri().path()) else {
                    return Err(error);
                };
                let gateway = self.gateway.on_behalf_of(Arc::new(caller));
                return Err(gateway.refused(instruction, None, None, error).await);
            }
            if kind != Kind::Unary {
                call.revoked = self.revoked(token, roles::required(request.uri().path()));
            }
            request.extensions_mut().insert(Arc::new(caller));
            places
        };
        let request = match kind {
            Kind::Reflection => request.map(Body::new),
            Kind::Unary | Kind::Watch | Kind::Probe => self.received(request, open).await?,
        };
        // Only now, so that a request that does not end takes no place of others.
        let _room = self.take_places(kind, &places, call)?;
        let Ok(response) = self.routes.call(request).await;
        Ok(response)
    }

    /// Takes the whole request in.
    async fn received<B>(&self, request: Request<B>, open: bool) -> Result<Request<Body>, Error>
    where
        B: hyper::body::Body<Data = bytes::Bytes>,
    {
        let (parts, body) = request.into_parts();
        let whole = tokio::select! {
            biased;
            whole = self.receiving.whole(body) => whole,
            () = self.stopping.cancelled(), if !open => return Err(shutting_down()),
        };
        match whole {
            Ok(body) => Ok(Request::from_parts(parts, Body::new(body))),
            Err(not_received) => {
                if let Some(limit) = not_received.limit() {
                    self.stats.calls.limited(limit).add_one();
                }
                Err(not_received.error(&self.receiving.limits))
            }
        }
    }

    /// The places that a call takes: the caller's until its answer has ended, and those of all until it has begun.
    fn take_places(
        &self,
        kind: Kind,
        places: &Arc<Places>,
        call: &mut Call,
    ) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let (own, of_all) = match kind {
            Kind::Probe => return Ok(None),
            Kind::Watch => (Of::Watches, false),
            Kind::Unary | Kind::Reflection => (Of::Calls, true),
        };
        call.place = places.take(own);
        if call.place.is_none() {
            self.stats.calls.limited(own.limit()).add_one();
            return Err(places.error(own));
        }
        if !of_all {
            return Ok(None);
        }
        match self.room.clone().try_acquire_owned() {
            Ok(room) => Ok(Some(room)),
            Err(_) => {
                self.stats.calls.limited(Limit::Calls).add_one();
                Err(Error::new(
                    Reason::Overloaded,
                    "too many calls at once: try again later",
                ))
            }
        }
    }

    /// Who calls: who its token says, where tokens are asked for, else its certificate, else its address. Where both say what it may do, the
    /// lesser role counts.
    fn caller(&self, headers: &HeaderMap<HeaderValue>, peer: Peer) -> Result<Admitted, Error> {
        let Peer {
            places,
            address,
            certificate,
        } = peer;
        let certificate_name = certificate.and_then(|certificate| certificate.name);
        let of_certificate = self.certificates.as_ref().map(|roles| {
            certificate_name
                .as_ref()
                .map_or(Role::Read, |name| roles.borrow().of(name))
        });
        let mut admitted = Admitted {
            places,
            caller: Caller {
                name: certificate_name,
                role: of_certificate.unwrap_or(Role::Admin),
                address: Some(address),
            },
            token: None,
        };
        let Some(tokens) = &self.tokens else {
            return Ok(admitted);
        };
        let header = headers.get(http::header::AUTHORIZATION);
        let tokens = tokens.borrow();
        let Some(token) = tokens.admit(header.map(HeaderValue::as_bytes)) else {
            return Err(Error::new(
                Reason::Unauthenticated,
                "no or wrong token: send one as authorization: Bearer TOKEN",
            ));
        };
        let caller = &mut admitted.caller;
        caller.role = caller.role.min(token.role);
        if let Some(name) = &token.name {
            caller.name = Some(name.clone());
        }
        admitted.places = self.callers.places(PlacesOf::Token(token.digest));
        admitted.token = Some(token.digest);
        Ok(admitted)
    }

    /// Ends when a token is no longer admitted, or not with the role that its call needs; `None` where there is no token to revoke.
    fn revoked(&self, token: Option<[u8; 32]>, needed: Role) -> Option<Revoked> {
        let (mut tokens, digest) = (self.tokens.clone()?, token?);
        Some(Box::pin(async move {
            let admits = |tokens: &Tokens| tokens.still(&digest).is_some_and(|t| t.role >= needed);
            // An error says that the file is not read any more: the service is ending.
            if tokens.wait_for(|tokens| !admits(tokens)).await.is_err() {
                std::future::pending::<()>().await;
            }
        }))
    }
}

/// A caller who may call.
struct Admitted {
    places: Arc<Places>,
    caller: Caller,
    /// The digest of its token.
    token: Option<[u8; 32]>,
}

/// The method of a path of one of our services.
fn own_method(path: &str) -> Option<&str> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    SERVICES.contains(&service).then_some(method)
}

fn shutting_down() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the gateway is shutting down, nothing was sent: ask again with the same request_id",
    )
}

/// Whether a call's metadata is as small as it has to be.
fn fits<B>(request: &Request<B>) -> bool {
    let fields = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.as_bytes().len() + FIELD_OVERHEAD_BYTES);
    request.uri().path().len() + fields.sum::<usize>() <= METADATA_BYTES_MAX
}

fn metadata_too_large() -> Error {
    Error::new(
        Reason::RequestInvalid,
        format!(
            "the call has more than {} KiB of metadata, nothing was done: send less of it",
            METADATA_BYTES_MAX >> 10
        ),
    )
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
