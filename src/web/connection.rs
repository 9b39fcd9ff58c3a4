//! Connections of browsers: HTTP/1.1 or HTTP/2, whichever they speak, and what each request gets.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tonic_web::GrpcWebLayer;
use tower::{Layer as _, Service as _};
use tracing::{debug, warn};

use super::WebSettings;
use super::guard::Guard;
use super::measured::{Activity, Measured};
use super::page;
use crate::grpc::{AnswerBody, Backend, CallerBackend};

/// HTTP/2 pings: a connection whose peer vanished ends within a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Concurrent streams of a connection; a page needs a handful.
const STREAMS_MAX: u32 = 64;
/// Wait after a failed accept (no file descriptors left): trying at once would spin.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Bytes around a message in a gRPC-Web request.
const FRAME_BYTES: usize = 5;
/// Paths that lead to the gRPC service. Reflection is not offered to browsers.
const SERVICES: [&str; 2] = ["/ibkr.orders.v1.", "/grpc.health.v1.Health/"];
/// As at the gRPC port: metadata that is too much is refused by the calls, with a word.
const METADATA_BYTES_TAKEN: u32 = 256 << 10;
/// What a gRPC-Web request says it is: with `+proto`, `-text` and so on behind it.
const GRPC_WEB: &[u8] = b"application/grpc-web";

/// Accepts connections until the service closes, then ends those that are left politely.
pub(super) async fn accept(
    listener: TcpListener,
    settings: WebSettings,
    guard: Guard,
    backend: Backend,
) {
    let room = Arc::new(Semaphore::new(settings.connections_max));
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.first_byte_timeout);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(METADATA_BYTES_TAKEN);
    let door = Door {
        http: Arc::new(http),
        guard: Arc::new(guard),
        settings: Arc::new(settings),
        backend: backend.clone(),
    };
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = backend.closing() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!("a connection of a browser could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            debug!(%peer, "too many connections of browsers: closed");
            continue;
        };
        let door = door.clone();
        connections.spawn(async move {
            let _permit = permit;
            if let Err(error) = door.serve(stream, peer.ip()).await {
                debug!(%peer, "connection of a browser ended: {error}");
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// What every connection needs.
#[derive(Clone)]
struct Door {
    http: Arc<auto::Builder<TokioExecutor>>,
    guard: Arc<Guard>,
    settings: Arc<WebSettings>,
    backend: Backend,
}

impl Door {
    async fn serve(self, stream: TcpStream, peer: IpAddr) -> Result<(), String> {
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let full = || "the caller has too many connections".to_owned();
        let Some(tls) = self.backend.tls() else {
            let caller = self.backend.of(peer, None).ok_or_else(full)?;
            return self.serve_http(stream, caller).await;
        };
        let mut config = (*tls).clone();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let handshake = TlsAcceptor::from(Arc::new(config)).accept(stream);
        let stream = tokio::time::timeout(self.settings.first_byte_timeout, handshake)
            .await
            .map_err(|_| "the TLS handshake ran out of time".to_owned())?
            .map_err(|error| format!("TLS handshake: {error}"))?;
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first);
        let caller = self.backend.of(peer, certificate.map(AsRef::as_ref));
        let caller = caller.ok_or_else(full)?;
        self.serve_http(stream, caller).await
    }

    async fn serve_http<S>(self, stream: S, caller: CallerBackend) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::begin();
        let stream = Measured {
            stream,
            activity: Arc::clone(&activity),
        };
        let (http, settings, backend) = (
            Arc::clone(&self.http),
            Arc::clone(&self.settings),
            self.backend.clone(),
        );
        let service = service_fn(move |request| {
            let (door, caller) = (self.clone(), caller.clone());
            async move { Ok::<_, Infallible>(door.answer(request, caller).await) }
        });
        let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
        let mut closing = false;
        loop {
            let closes_at = activity.closes_at(settings.first_byte_timeout, settings.idle_timeout);
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
                () = tokio::time::sleep_until(closes_at) => {
                    // Something may have happened meanwhile.
                    if activity.closes_at(settings.first_byte_timeout, settings.idle_timeout) <= Instant::now() {
                        return Err("nothing came or went for too long".to_owned());
                    }
                }
                () = backend.closing(), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// What a request gets: a refusal before anything else, a file of the page, or the answer of the gRPC service.
    async fn answer(
        self,
        request: Request<Incoming>,
        caller: CallerBackend,
    ) -> Response<AnswerBody> {
        let (head, body) = request.into_parts();
        let mut response = if let Some(refusal) = self.guard.refusal(&head) {
            whole(page::text(StatusCode::FORBIDDEN, refusal))
        } else if SERVICES.iter().any(|s| head.uri.path().starts_with(s)) {
            let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
            if head.method != Method::POST {
                refused_method("POST")
            } else if !kind.is_some_and(|kind| kind.starts_with(GRPC_WEB)) {
                whole(page::text(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "this port speaks gRPC-Web; gRPC is spoken at GRPC_LISTEN",
                ))
            } else {
                match self.read(body).await {
                    Ok(body) => {
                        let mut service = GrpcWebLayer::new().layer(caller);
                        let Ok(response) = service.call(Request::from_parts(head, body)).await;
                        response
                    }
                    Err(refusal) => whole(refusal),
                }
            }
        } else if head.method != Method::GET && head.method != Method::HEAD {
            refused_method("GET, HEAD")
        } else {
            let file = page::file(head.uri.path())
                .unwrap_or_else(|| page::text(StatusCode::NOT_FOUND, "there is nothing here"));
            whole(file)
        };
        page::protect(&mut response);
        response
    }
}

impl Door {
    /// A request's body, whole. A call that is refused without it would close the connection under a caller who still writes.
    async fn read(&self, body: Incoming) -> Result<Full<Bytes>, Response<Bytes>> {
        let limited = Limited::new(body, self.settings.request_bytes_max + FRAME_BYTES).collect();
        match tokio::time::timeout(self.settings.first_byte_timeout, limited).await {
            Ok(Ok(body)) => Ok(Full::new(body.to_bytes())),
            Ok(Err(_)) => Err(page::text(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the request is too large, or its connection broke",
            )),
            Err(_) => Err(page::text(
                StatusCode::REQUEST_TIMEOUT,
                "the request did not come in time",
            )),
        }
    }
}

fn whole(response: Response<Bytes>) -> Response<AnswerBody> {
    response.map(|bytes| AnswerBody::new(Full::new(bytes)))
}

fn refused_method(allowed: &'static str) -> Response<AnswerBody> {
    let mut response = page::text(StatusCode::METHOD_NOT_ALLOWED, "not with this method");
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static(allowed));
    whole(response)
}
