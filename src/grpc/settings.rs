//! How the service is reached and protected.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::callers::CallerLimits;
use super::receive::ReceiveLimits;
use crate::config::Config;

/// How the service is reached and protected, and every wait and bound of its connections.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Certificate and key; `None` serves in plain text.
    pub tls: Option<TlsFiles>,
    /// File with bearer tokens, one a line; `None` asks for none.
    pub token_file: Option<PathBuf>,
    /// File with the roles of the names in client certificates; `None`: whoever has one may do everything.
    pub callers_file: Option<PathBuf>,
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
    /// Unary calls being answered at once of one caller: of a token, else of a client certificate, else of an address.
    pub calls_per_caller_max: usize,
    /// Watches open at once of one caller.
    pub watches_per_caller_max: usize,
    /// Connections open at once from one address.
    pub connections_per_caller_max: usize,
    /// Bytes of a request.
    pub request_bytes_max: usize,
    /// Limit from a request's headers to the end of its body.
    pub request_body_timeout: Duration,
    /// Requests whose body has not ended. Beyond it the oldest is refused.
    pub unfinished_requests_max: usize,
    /// Bytes of those together.
    pub unfinished_request_bytes_max: usize,
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

impl ServerSettings {
    /// Whether a stranger is kept out: by client certificates, or by tokens that nobody on the way can read. TLS alone lets everybody in,
    /// and a token without TLS is everybody's who can listen.
    pub(super) fn tells_callers_apart(&self) -> bool {
        match &self.tls {
            Some(TlsFiles { client_ca, .. }) => client_ca.is_some() || self.token_file.is_some(),
            None => false,
        }
    }

    pub(super) fn receive_limits(&self) -> ReceiveLimits {
        ReceiveLimits {
            time: self.request_body_timeout,
            request_bytes_max: self.request_bytes_max,
            unfinished_max: self.unfinished_requests_max,
            unfinished_bytes_max: self.unfinished_request_bytes_max,
        }
    }

    pub(super) fn caller_limits(&self) -> CallerLimits {
        CallerLimits {
            calls_max: self.calls_per_caller_max,
            watches_max: self.watches_per_caller_max,
            connections_max: self.connections_per_caller_max,
        }
    }
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
            callers_file: config.callers_file.clone(),
            insecure: config.insecure,
            allow_unnamed_place: config.allow_unnamed_place,
            connections_max: config.bounds.connections_max,
            streams_per_connection_max: config.bounds.streams_per_connection_max,
            calls_in_flight_max: config.bounds.calls_in_flight_max,
            calls_per_caller_max: config.bounds.calls_per_caller_max,
            watches_per_caller_max: config.bounds.watches_per_caller_max,
            connections_per_caller_max: config.bounds.connections_per_caller_max,
            request_bytes_max: config.bounds.request_bytes_max,
            request_body_timeout: config.timers.request_body_timeout,
            unfinished_requests_max: config.bounds.unfinished_requests_max,
            unfinished_request_bytes_max: config.bounds.unfinished_request_bytes_max,
            handshake_timeout: config.timers.client_handshake_timeout,
            shutdown_grace: config.timers.shutdown_grace,
            reload_interval: config.timers.reload_interval,
            reload: Arc::new(Notify::new()),
        }
    }
}
