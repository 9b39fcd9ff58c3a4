//! The door for browsers: the page and gRPC-Web from one origin. It guards, and leaves every call to the gRPC service.

mod connection;
mod guard;
mod measured;
mod page;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::config::Config;
use crate::grpc::Backend;
use guard::Guard;

/// How the door is reached, and every wait and bound of its connections.
#[derive(Debug, Clone)]
pub struct WebSettings {
    /// Origins beside our own under which browsers reach this door, for example through a proxy: `https://orders.example`.
    pub origins: Vec<String>,
    /// Connections open at once; more are closed.
    pub connections_max: usize,
    /// Limit of a TLS handshake, of the time until a connection's first byte, and of reading the head of a request.
    pub first_byte_timeout: Duration,
    /// Bytes of a request; it is read whole before it is answered, within `first_byte_timeout`.
    pub request_bytes_max: usize,
    /// A connection on which no byte came or went for this long is closed. A watch has a heartbeat each second.
    pub idle_timeout: Duration,
}

impl From<&Config> for WebSettings {
    fn from(config: &Config) -> Self {
        Self {
            origins: config.web_origins.clone(),
            connections_max: 1_024,
            first_byte_timeout: config.timers.client_handshake_timeout,
            request_bytes_max: config.bounds.request_bytes_max,
            idle_timeout: Duration::from_secs(120),
        }
    }
}

/// Serves the page and gRPC-Web until the service behind it closes its connections.
pub(crate) async fn serve(
    listener: TcpListener,
    address: SocketAddr,
    settings: WebSettings,
    backend: Backend,
) {
    let guard = Guard::new(address, backend.tls().is_some(), &settings.origins);
    connection::accept(listener, settings, guard, backend).await;
}
