//! How the service is reached and protected.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::config::Config;

/// How the service is reached and protected, and every wait and bound of its connections.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Certificate and key; `None` serves in plain text.
    pub tls: Option<TlsFiles>,
    /// File with bearer tokens, one a line; `None` asks for none.
    pub token_file: Option<PathBuf>,
    /// Serve openly beyond loopback: a mesh protects the connection.
    pub insecure: bool,
    /// Takes a Place that transmits without a request id, which proxies and libraries may double.
    pub allow_unnamed_place: bool,
    /// Connections open at once.
    pub connections_max: usize,
    /// Concurrent streams of a connection.
    pub streams_per_connection_max: u32,
    /// Unary calls being answered at once.
    pub calls_in_flight_max: usize,
    /// Bytes of a request.
    pub request_bytes_max: usize,
    /// Limit of a TLS handshake, and of the time until a connection speaks HTTP/2.
    pub handshake_timeout: Duration,
    /// How long calls in flight may take after the shutdown was asked for.
    pub shutdown_grace: Duration,
    /// Between two looks at certificate and token files.
    pub reload_interval: Duration,
    /// Asks for such a look at once (SIGHUP).
    pub reload: Arc<Notify>,
}

/// PEM files of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain.
    pub certificate: PathBuf,
    /// Private key.
    pub key: PathBuf,
    /// Authorities one of which must have signed a client's certificate; `None` asks for none.
    pub client_ca: Option<PathBuf>,
}

impl From<&Config> for ServerSettings {
    fn from(config: &Config) -> Self {
        let tls = match (&config.tls_cert, &config.tls_key) {
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                client_ca: config.tls_client_ca.clone(),
            }),
            // One without the other is a problem that the configuration has named before.
            (Some(_) | None, _) => None,
        };
        Self {
            tls,
            token_file: config.auth_token_file.clone(),
            insecure: config.insecure,
            allow_unnamed_place: config.allow_unnamed_place,
            connections_max: config.bounds.connections_max,
            streams_per_connection_max: config.bounds.streams_per_connection_max,
            calls_in_flight_max: config.bounds.calls_in_flight_max,
            request_bytes_max: config.bounds.request_bytes_max,
            handshake_timeout: config.timers.client_handshake_timeout,
            shutdown_grace: config.timers.shutdown_grace,
            reload_interval: config.timers.reload_interval,
            reload: Arc::new(Notify::new()),
        }
    }
}
