//! Connections: accepting them, their TLS, their HTTP/2, and their end.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::ServerSettings;
use super::callers::{Of, Peer};
use super::calls::Calls;

/// HTTP/2 pings: a connection whose peer vanished ends within a minute, and proxies see one that is alive.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of the metadata of one call that HTTP/2 takes in. More than a call may have, so that one with too much is answered as gRPC, not
/// with the bare HTTP status of the library.
const METADATA_BYTES_TAKEN: u32 = 256 << 10;
/// Connections beyond the bound that are told so; those beyond that are closed without a word.
const TOLD_CONNECTIONS_MAX: usize = 64;
/// How long a connection one too many may stay to hear it.
const TOLD_CONNECTION_LIFE: Duration = Duration::from_secs(2);
/// Bytes of the words with which every HTTP/2 client begins (RFC 9113, 3.4). A peer that has not said them has not spoken.
const PREFACE_BYTES: usize = 24;
/// Wait after a failed accept (no file descriptors left): trying at once would spin.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// Accepts connections until `close` is cancelled, then ends those that are left politely and returns; dropping the future ends
/// them at once.
pub(super) async fn accept(
    listener: TcpListener,
    settings: &ServerSettings,
    tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    calls: Calls,
    close: CancellationToken,
) {
    let mut http2 = http2::Builder::new(TokioExecutor::new());
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(settings.streams_per_connection_max)
        .max_header_list_size(METADATA_BYTES_TAKEN)
        .auto_date_header(false);
    let room = Arc::new(Semaphore::new(settings.connections_max));
    let told = Arc::new(Semaphore::new(TOLD_CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = close.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                    continue;
                }
            },
        };
        let caller = calls.callers.at(peer.ip());
        let place = caller.places.take(Of::Connections);
        if place.is_none() {
            calls.stats.calls.limited(Of::Connections.limit()).add_one();
        }
        let taken = place.zip(room.clone().try_acquire_owned().ok());
        let overloaded = taken.is_none();
        let told = match overloaded.then(|| told.clone().try_acquire_owned()) {
            None => None,
            Some(Ok(permit)) => Some(permit),
            Some(Err(_)) => {
                calls.stats.calls.connections_refused.add_one();
                continue;
            }
        };
        let connection = Connection {
            http2: http2.clone(),
            tls: tls
                .as_ref()
                .map(|tls| TlsAcceptor::from(Arc::clone(&tls.borrow()))),
            calls: calls.clone(),
            close: close.clone(),
            handshake_timeout: settings.handshake_timeout,
            peer: caller,
            overloaded,
        };
        connections.spawn(async move {
            let _held = (taken, told);
            let stats = Arc::clone(&connection.calls.stats);
            let _counted = stats.calls.connections.hold();
            if overloaded {
                stats.calls.connections_refused.add_one();
            }
            if let Err(error) = connection.serve(stream).await {
                debug!(%peer, "connection ended: {error}");
            }
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

struct Connection {
    http2: http2::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    calls: Calls,
    close: CancellationToken,
    handshake_timeout: Duration,
    /// Who is at the other end.
    peer: Peer,
    overloaded: bool,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) -> Result<(), String> {
        // Small answers must not wait for one another.
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        let Some(tls) = self.tls.clone() else {
            return self.serve_http2(stream).await;
        };
        let handshake = tokio::time::timeout(self.handshake_timeout, tls.accept(stream));
        let failed = |error: String| {
            self.calls.stats.calls.tls_failures.add_one();
            Err(format!("TLS handshake: {error}"))
        };
        let stream = tokio::select! {
            () = self.close.cancelled() => return Ok(()),
            handshake = handshake => match handshake {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return failed(error.to_string()),
                Err(_) => return failed("ran out of time".to_owned()),
            },
        };
        let (_, session) = stream.get_ref();
        if let Some(certificate) = session.peer_certificates().and_then(<[_]>::first) {
            let callers = &self.calls.callers;
            self.peer = callers.with_certificate(self.peer.address, certificate);
        }
        self.serve_http2(stream).await
    }

    async fn serve_http2<S>(self, stream: S) -> Result<(), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let heard = Arc::new(AtomicUsize::new(0));
        let stream = Listened {
            stream,
            heard: Arc::clone(&heard),
        };
        let spoke = || heard.load(Ordering::Relaxed) >= PREFACE_BYTES;
        let (calls, peer, overloaded) = (self.calls, self.peer, self.overloaded);
        let service = service_fn(move |request| {
            let (calls, peer) = (calls.clone(), peer.clone());
            async move {
                Ok::<_, Infallible>(
                    calls
                        .answer(request, peer, overloaded)
                        .await
                        .unwrap_or_else(|never| match never {}),
                )
            }
        });
        let mut connection = pin!(self.http2.serve_connection(TokioIo::new(stream), service));
        let mut speaks_by = pin!(tokio::time::sleep(self.handshake_timeout));
        let mut life = pin!(tokio::time::sleep(TOLD_CONNECTION_LIFE));
        let (mut listening, mut closing) = (true, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => return ended.map_err(|error| error.to_string()),
                () = &mut speaks_by, if listening => {
                    listening = false;
                    // A peer that never speaks would hold its place for ever: HTTP/2 pings begin after the preface.
                    if !spoke() {
                        return Err("the peer never spoke".to_owned());
                    }
                }
                () = self.close.cancelled(), if !closing => {
                    closing = true;
                    if !spoke() {
                        return Ok(());
                    }
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut life, if overloaded && !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// A stream that counts what its peer said.
struct Listened<S> {
    stream: S,
    heard: Arc<AtomicUsize>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Listened<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.heard
            .fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Listened<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
