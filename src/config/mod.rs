//! Settings of a gateway, and the only room that reads the environment.

mod disconnect;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "texts of settings are read by the command line")
)]
mod journal;
#[cfg(feature = "gateway")]
mod limits_file;
#[cfg(feature = "cli")]
mod load;

pub use disconnect::{DisconnectGrace, parse_disconnect_grace};
pub use journal::JournalConfig;
#[cfg(feature = "gateway")]
pub use limits_file::{LIMITS_FILE_BYTES_MAX, LimitsFileError, parse_limits, read_limits_file};
#[cfg(feature = "cli")]
pub use load::{ConfigError, Problem, Settings};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::domain::Amount;

/// Settings of a gateway. [`Config::default`] reads nothing: it is what the documentation calls the defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `IB_HOST`: host of TWS or IB Gateway.
    pub ib_host: String,
    /// `IB_PORT`: its API port.
    pub ib_port: u16,
    /// `IB_CLIENT_ID`: API client id; orders and their ids belong to it.
    pub ib_client_id: i32,
    /// `ORDER_DB_PATH`: the SQLite file of the store.
    pub order_db_path: PathBuf,
    /// `GRPC_LISTEN`: where the service listens.
    pub grpc_listen: SocketAddr,
    /// `METRICS_LISTEN`: where metrics and probes listen; `None`: nowhere.
    pub metrics_listen: Option<SocketAddr>,
    /// `WEB_LISTEN`: where the page and gRPC-Web listen; `None`: nowhere.
    pub web_listen: Option<SocketAddr>,
    /// `WEB_ORIGINS`: origins under which browsers reach that listener beside its own address, for example through a proxy.
    pub web_origins: Vec<String>,
    /// `TLS_CERT`: PEM file with the server's certificate chain.
    pub tls_cert: Option<PathBuf>,
    /// `TLS_KEY`: PEM file with its private key.
    pub tls_key: Option<PathBuf>,
    /// `TLS_CLIENT_CA`: PEM file of the authorities whose client certificates are required: mutual TLS.
    pub tls_client_ca: Option<PathBuf>,
    /// `AUTH_TOKEN_FILE`: file with bearer tokens, `TOKEN [role=read|trade|admin] [name=NAME]` a line.
    pub auth_token_file: Option<PathBuf>,
    /// `CALLERS_FILE`: file with the roles of the names in client certificates, `NAME role=read|trade|admin` a line.
    pub callers_file: Option<PathBuf>,
    /// Serve on a non-loopback address without client certificates or TLS and tokens: a mesh protects it. Flag `--insecure` only.
    pub insecure: bool,
    /// `ALLOW_UNNAMED_PLACE`: over gRPC, take a Place that transmits and has no request id. Proxies and libraries may double it.
    pub allow_unnamed_place: bool,
    /// `IB_ACCOUNT`: the only account orders may go to.
    pub ib_account: Option<String>,
    /// `IB_ALLOW_LIVE`: allows accounts that are not paper accounts.
    pub ib_allow_live: bool,
    /// `IB_MAX_MESSAGES_PER_SECOND`: the rate TWS is spoken to with; TWS's own limit is 50 by default.
    pub ib_max_messages_per_second: u32,
    /// `PREVIEWS_PER_MINUTE`: previews that TWS is asked for; five may go at once after a pause. IB asks for no more than about one.
    pub previews_per_minute: u32,
    /// `MAX_ORDER_QUANTITY`: the most shares an order may have; `[default]` of the limits file goes before it.
    pub max_order_quantity: Option<Amount>,
    /// `MAX_ORDER_NOTIONAL`: the most an order may be worth, in its currency; `[default]` of the limits file goes before it.
    pub max_order_notional: Option<Amount>,
    /// `LIMITS_FILE`: file with limits on what may be instructed.
    pub limits_file: Option<PathBuf>,
    /// `LIMITS_TIMEZONE`: in which zone the day of the limits begins, by its IANA name.
    pub limits_timezone: String,
    /// `HALT_FILE`: while this file is there, or cannot be looked at, new orders are halted.
    pub halt_file: Option<PathBuf>,
    /// The journal that this gateway has with others; `None`: it is alone.
    pub journal: Option<JournalConfig>,
    /// `TWS_RESTART_AT`: when TWS restarts by itself, `HH:MM Zone/Name`; new orders are refused for two minutes before.
    pub tws_restart_at: Option<String>,
    /// `CANCEL_ON_DISCONNECT`: callers whose open entries are cancelled when their last stream has ended, each after a grace time.
    pub cancel_on_disconnect: DisconnectGrace,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `RUST_LOG`: which log lines are written, for example `info` or `ibkr_orders=debug`.
    pub log_filter: Option<String>,
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`: collector that traces are exported to over OTLP/gRPC; `None`: nowhere.
    pub otlp_endpoint: Option<String>,
    /// Every wait of the gateway.
    pub timers: Timers,
    /// Every bound of the gateway.
    pub bounds: Bounds,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Every wait of the gateway, each with its limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timers {
    /// Time between two heartbeats to TWS.
    pub tws_heartbeat_interval: Duration,
    /// Limit of a heartbeat's answer.
    pub tws_heartbeat_timeout: Duration,
    /// Limit of connect and handshake together.
    pub tws_handshake_timeout: Duration,
    /// First delay before a reconnect.
    pub tws_reconnect_delay_min: Duration,
    /// Longest delay before a reconnect.
    pub tws_reconnect_delay_max: Duration,
    /// Limit of each step of a reconcile.
    pub reconcile_step_timeout: Duration,
    /// An order without any sign from TWS for this long causes a reconcile.
    pub acknowledgement_timeout: Duration,
    /// How long a watch stays for the commission after FILLED, or for the reason after INACTIVE; Place waits so for INACTIVE.
    pub terminal_linger: Duration,
    /// Limit of a caller's TLS handshake, and of the time until its connection speaks HTTP/2.
    pub client_handshake_timeout: Duration,
    /// Limit from a request's headers to the end of its body.
    pub request_body_timeout: Duration,
    /// Between two looks at the certificate and token files for a change.
    pub reload_interval: Duration,
    /// How long calls in flight may take after a shutdown was asked for.
    pub shutdown_grace: Duration,
}

/// Every bound of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// Operations waiting for the engine.
    pub queued_operations_max: usize,
    /// Callers who may wait for one order. Who comes beyond is answered at once with the order as it is.
    pub waiters_per_order_max: usize,
    /// Events of TWS waiting for the engine, two at least. What comes beyond is lost, said to be, and asked for again.
    pub tws_events_max: usize,
    /// Watches open at once.
    pub watchers_max: usize,
    /// Events a watcher may lag behind before it is ended with LAGGED.
    pub watcher_lag_events_max: u64,
    /// Concurrent HTTP/2 streams of a connection.
    pub streams_per_connection_max: u32,
    /// Connections open at once.
    pub connections_max: usize,
    /// Unary calls being answered at once.
    pub calls_in_flight_max: usize,
    /// `MAX_CALLS_PER_CALLER`: those of one caller: of a token, else of a client certificate, else of an address.
    pub calls_per_caller_max: usize,
    /// `MAX_WATCHES_PER_CALLER`: watches open at once of one caller.
    pub watches_per_caller_max: usize,
    /// `MAX_CONNECTIONS_PER_CALLER`: connections open at once from one address.
    pub connections_per_caller_max: usize,
    /// Requests whose body has not ended. Beyond it the oldest is refused.
    pub unfinished_requests_max: usize,
    /// Bytes of those together.
    pub unfinished_request_bytes_max: usize,
    /// Bytes of a gRPC request.
    pub request_bytes_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ib_host: "127.0.0.1".to_owned(),
            ib_port: 7497,
            ib_client_id: 7,
            order_db_path: PathBuf::from("data/orders.db"),
            grpc_listen: SocketAddr::from(([127, 0, 0, 1], 50051)),
            metrics_listen: None,
            web_listen: None,
            web_origins: Vec::new(),
            tls_cert: None,
            tls_key: None,
            tls_client_ca: None,
            auth_token_file: None,
            callers_file: None,
            insecure: false,
            allow_unnamed_place: false,
            ib_account: None,
            ib_allow_live: false,
            ib_max_messages_per_second: 45,
            previews_per_minute: 1,
            max_order_quantity: None,
            max_order_notional: None,
            limits_file: None,
            halt_file: None,
            journal: None,
            tws_restart_at: None,
            cancel_on_disconnect: DisconnectGrace::new(),
            limits_timezone: "America/New_York".to_owned(),
            log_format: LogFormat::Text,
            log_filter: None,
            otlp_endpoint: None,
            timers: Timers::default(),
            bounds: Bounds::default(),
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            tws_heartbeat_interval: Duration::from_secs(10),
            tws_heartbeat_timeout: Duration::from_secs(5),
            tws_handshake_timeout: Duration::from_secs(10),
            tws_reconnect_delay_min: Duration::from_millis(500),
            tws_reconnect_delay_max: Duration::from_secs(5),
            reconcile_step_timeout: Duration::from_secs(10),
            acknowledgement_timeout: Duration::from_secs(30),
            terminal_linger: Duration::from_secs(1),
            client_handshake_timeout: Duration::from_secs(10),
            request_body_timeout: Duration::from_secs(10),
            reload_interval: Duration::from_secs(5),
            shutdown_grace: Duration::from_secs(5),
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            queued_operations_max: 4_096,
            waiters_per_order_max: 256,
            // More than three seconds of 20,000 reports a second.
            tws_events_max: 65_536,
            watchers_max: 20_000,
            watcher_lag_events_max: 100_000,
            streams_per_connection_max: 1_024,
            connections_max: 4_096,
            calls_in_flight_max: 16_384,
            request_bytes_max: 1 << 20,
            // A quarter of each stays for others.
            calls_per_caller_max: 12_288,
            watches_per_caller_max: 15_000,
            connections_per_caller_max: 3_072,
            unfinished_requests_max: 16_384,
            unfinished_request_bytes_max: 64 << 20,
        }
    }
}

#[cfg(feature = "gateway")]
impl Config {
    /// The limits of the file, with those of the configuration where its `[default]` has none.
    ///
    /// # Errors
    /// The file cannot be read, or everything that is wrong with it.
    pub fn risk_limits(&self) -> Result<crate::domain::limits::Limits, LimitsFileError> {
        let mut limits = match &self.limits_file {
            None => crate::domain::limits::Limits::default(),
            Some(path) => parse_limits(&read_limits_file(path)?)?,
        };
        self.default_limits(&mut limits);
        Ok(limits)
    }

    /// Sets the limits of the configuration where `[default]` has none.
    pub fn default_limits(&self, limits: &mut crate::domain::limits::Limits) {
        let rules = &mut limits.default.refuse;
        if let Some(quantity) = self.max_order_quantity {
            rules
                .max_order_quantity
                .get_or_insert(crate::domain::limits::Shares::of(quantity.value()));
        }
        if let Some(notional) = self.max_order_notional {
            rules
                .max_order_notional
                .get_or_insert(crate::domain::limits::Cents::of(notional.value()));
        }
    }

    /// When TWS restarts by itself.
    pub fn restart_window(&self) -> Option<crate::domain::RestartWindow> {
        let at = self.tws_restart_at.as_deref()?;
        crate::domain::RestartWindow::parse(at).ok()
    }

    /// The zone in which the day of the limits begins.
    pub fn limits_zone(&self) -> crate::domain::Zone {
        crate::domain::Zone::named(&self.limits_timezone)
            .unwrap_or_else(crate::domain::Zone::new_york)
    }
}
