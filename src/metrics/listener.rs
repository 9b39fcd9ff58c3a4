//! Answers HTTP and plain-text gRPC probes on one port.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::Service as _;
use tracing::warn;

use crate::gateway::Gateway;
use crate::grpc::{Probe, Readiness, follow};
use crate::stats::Counter;

/// What this listener takes at most: it serves a scraper and some probes.
#[derive(Debug, Clone)]
pub struct OperationsSettings {
    /// Connections open at once; more are closed.
    pub connections_max: usize,
    /// Limit of reading a request's headers, the first request's from the connection's begin.
    pub header_timeout: Duration,
    /// Log lines that the process dropped because nobody read them.
    pub log_lines_dropped: Arc<Counter>,
}

impl Default for OperationsSettings {
    fn default() -> Self {
        Self {
            connections_max: 256,
            header_timeout: Duration::from_secs(10),
            log_lines_dropped: Arc::default(),
        }
    }
}

type Answer = Response<Either<Full<Bytes>, crate::grpc::AnswerBody>>;

/// Serves metrics and probes until the future is dropped. Once `stopping` is cancelled the probes say NOT_SERVING.
pub async fn serve(
    listener: TcpListener,
    gateway: &Gateway,
    settings: OperationsSettings,
    stopping: CancellationToken,
) {
    let mut tasks = JoinSet::new();
    let readiness = follow(gateway, stopping, &mut tasks);
    let room = Arc::new(Semaphore::new(settings.connections_max));
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout);
    server
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(settings.header_timeout);
    let server = Arc::new(server);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = tasks.join_next() => continue,
        };
        let stream = match (accepted, room.clone().try_acquire_owned()) {
            (Ok((stream, _)), Ok(permit)) => (stream, permit),
            (Ok(_), Err(_)) => continue,
            (Err(error), _) => {
                warn!("a connection to the operations listener could not be accepted: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (server, gateway, readiness) =
            (Arc::clone(&server), gateway.clone(), readiness.clone());
        let settings = settings.clone();
        tasks.spawn(async move {
            let (stream, _permit) = stream;
            let asked = AtomicBool::new(false);
            let service = service_fn(|request| {
                asked.store(true, Ordering::Relaxed);
                let dropped = settings.log_lines_dropped.get();
                answer(request, gateway.clone(), dropped, readiness.clone())
            });
            // The server's own limits begin with the first bytes that tell HTTP/1 from HTTP/2; who says less would keep its place.
            let never_asks = async {
                tokio::time::sleep(settings.header_timeout).await;
                if asked.load(Ordering::Relaxed) {
                    std::future::pending().await
                }
            };
            tokio::select! {
                // A peer that breaks off is not worth a line.
                _ = server.serve_connection(TokioIo::new(stream), service) => {}
                () = never_asks => {}
            }
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    gateway: Gateway,
    log_lines_dropped: u64,
    readiness: watch::Receiver<Readiness>,
) -> Result<Answer, Infallible> {
    if is_grpc(request.headers()) {
        let Ok(response) = Probe::service(readiness).call(request).await;
        return Ok(response.map(Either::Right));
    }
    let now = *readiness.borrow();
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => (
            StatusCode::OK,
            super::CONTENT_TYPE,
            super::exposition(&gateway.stats(), log_lines_dropped),
        ),
        (&Method::GET | &Method::HEAD, "/livez") => plain(StatusCode::OK, "ok\n"),
        (&Method::GET | &Method::HEAD, "/readyz") => match now {
            Readiness { stopping: true, .. } => {
                plain(StatusCode::SERVICE_UNAVAILABLE, "shutting down\n")
            }
            Readiness {
                connected: false, ..
            } => plain(StatusCode::SERVICE_UNAVAILABLE, "TWS is not connected\n"),
            Readiness {
                connected: true,
                stopping: false,
            } => plain(StatusCode::OK, "ok\n"),
        },
        (_, "/metrics" | "/livez" | "/readyz") => {
            let mut response = Response::new(Either::Left(Full::default()));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
                .headers_mut()
                .insert(ALLOW, http::HeaderValue::from_static("GET, HEAD"));
            return Ok(response);
        }
        _ => plain(
            StatusCode::NOT_FOUND,
            "there are /metrics, /livez and /readyz\n",
        ),
    };
    let mut response = Response::new(Either::Left(Full::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    Ok(response)
}

fn plain(status: StatusCode, text: &str) -> (StatusCode, &'static str, String) {
    (status, "text/plain; charset=utf-8", text.to_owned())
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
