//! `serve`: the gateway as a service, until somebody ends it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::args::SettingsArgs;
use super::checked::{SIMULATOR_DB_PATH, settings_flags};
use super::control;
use super::exit::Exit;
use super::shared::Shared;
use super::signals::{Hangups, Signals};
use super::simulated::simulated_with_control;
use super::stderr;
use crate::config::{Config, ConfigError, Settings};
use crate::error::Error;
use crate::gateway::{Gateway, HeldLease};
use crate::grpc::{self, Prepared, ServeError, ServerSettings};
use crate::metrics::{self, OperationsSettings};
use crate::telemetry;
use crate::web::{self, WebSettings};

/// Limit of the shutdown beyond the grace of calls in flight: closing the gateway and its store.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long before the end of the grace those who still wait for TWS are answered, so that the answer gets out.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// `serve`
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Run on the built-in simulator of TWS, with a store of its own (data/simulator.db)
    #[arg(long)]
    pub(super) simulate: bool,
    /// Serve SimulatorControl (proto/ibkr/simulator/v1/control.proto) here, so that tests say what the exchange does; loopback only,
    /// port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", requires = "simulate")]
    pub(super) control: Option<SocketAddr>,
    /// Follow the gateway that leads, answer what can be read, and lead when that one is gone; needs JOURNAL_SERVERS
    #[arg(long, conflicts_with_all = ["replica", "simulate"])]
    pub(super) standby: bool,
    /// Follow the gateway that leads and answer what can be read; never lead; needs JOURNAL_SERVERS
    #[arg(long, conflicts_with = "simulate")]
    pub(super) replica: bool,
    /// NATS servers that keep the journal, with commas between; without them this gateway is alone (JOURNAL_SERVERS)
    #[arg(long, value_name = "ADDRESSES", hide_short_help = true)]
    pub(super) journal_servers: Option<String>,
    /// Names the journal: 1 to 32 letters, digits, _ or - (JOURNAL_NAME)
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(super) journal_name: Option<String>,
    /// File with NATS credentials (JOURNAL_CREDENTIALS)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) journal_credentials: Option<PathBuf>,
    /// PEM file of the authorities that the servers' certificates are checked against (JOURNAL_CA)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) journal_ca: Option<PathBuf>,
    /// Servers that keep a copy each: 1, 3 or 5 (JOURNAL_REPLICAS) [default: 3]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) journal_replicas: Option<String>,
    /// Seconds after which a gateway that says nothing is followed by another (JOURNAL_LEASE) [default: 20]
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    pub(super) journal_lease: Option<String>,
    /// Seconds that an answer of the journal is waited for (JOURNAL_TIMEOUT) [default: 2]
    #[arg(long, value_name = "SECONDS", hide_short_help = true)]
    pub(super) journal_timeout: Option<String>,
    /// Where others can call this gateway, as followers tell their callers (GRPC_ADVERTISE) [default: where it listens]
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    pub(super) grpc_advertise: Option<String>,
    /// Where to listen; port 0 takes a free one (GRPC_LISTEN) [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) grpc_listen: Option<String>,
    /// Where metrics and probes listen [default: nowhere] (METRICS_LISTEN)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics_listen: Option<String>,
    /// Where the page and gRPC-Web listen, for browsers [default: nowhere] (WEB_LISTEN)
    #[arg(long, value_name = "ADDRESS")]
    pub(super) web_listen: Option<String>,
    /// Origins under which browsers reach that listener beside its own address, with commas between (WEB_ORIGINS)
    #[arg(long, value_name = "ORIGINS")]
    pub(super) web_origins: Option<String>,
    /// PEM file with the server's certificate chain; switches TLS on (TLS_CERT)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_cert: Option<PathBuf>,
    /// PEM file with its private key (TLS_KEY)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// PEM file of the authorities whose client certificates are required; switches mutual TLS on (TLS_CLIENT_CA)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_client_ca: Option<PathBuf>,
    /// File with bearer tokens of 16 characters or more, TOKEN [role=read|trade|admin] [name=NAME] a line; each call needs one
    /// (AUTH_TOKEN_FILE)
    #[arg(long, value_name = "FILE")]
    pub(super) auth_token_file: Option<PathBuf>,
    /// File with the roles of the names in client certificates, NAME role=read|trade|admin a line; a name that is not in it may read
    /// (CALLERS_FILE)
    #[arg(long, value_name = "FILE")]
    pub(super) callers_file: Option<PathBuf>,
    /// Listen beyond loopback without client certificates or TLS and tokens: a mesh protects the connection
    #[arg(long)]
    pub(super) insecure: bool,
    /// Take a Place that transmits, or a bracket, without a request id; proxies may double it (ALLOW_UNNAMED_PLACE)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) allow_unnamed_place: Option<String>,
    /// Previews a minute that TWS is asked for; five may go at once after a pause (PREVIEWS_PER_MINUTE) [default: 1]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) previews_per_minute: Option<String>,
    /// Calls that one caller may have in flight: a token, else a client certificate, else an address (MAX_CALLS_PER_CALLER)
    /// [default: 12288]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) max_calls_per_caller: Option<String>,
    /// Watches that one caller may have open (MAX_WATCHES_PER_CALLER) [default: 15000]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) max_watches_per_caller: Option<String>,
    /// Connections that one address may have open (MAX_CONNECTIONS_PER_CALLER) [default: 3072]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) max_connections_per_caller: Option<String>,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

impl ServeArgs {
    /// The configuration.
    ///
    /// # Errors
    /// Every wrong setting.
    pub(super) fn config(&self) -> Result<Config, ConfigError> {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let own = [
            ("GRPC_LISTEN", self.grpc_listen.clone()),
            ("METRICS_LISTEN", self.metrics_listen.clone()),
            ("WEB_LISTEN", self.web_listen.clone()),
            ("WEB_ORIGINS", self.web_origins.clone()),
            ("TLS_CERT", path(&self.tls_cert)),
            ("TLS_KEY", path(&self.tls_key)),
            ("TLS_CLIENT_CA", path(&self.tls_client_ca)),
            ("AUTH_TOKEN_FILE", path(&self.auth_token_file)),
            ("CALLERS_FILE", path(&self.callers_file)),
            ("JOURNAL_SERVERS", self.journal_servers.clone()),
            ("JOURNAL_NAME", self.journal_name.clone()),
            ("JOURNAL_CREDENTIALS", path(&self.journal_credentials)),
            ("JOURNAL_CA", path(&self.journal_ca)),
            ("JOURNAL_REPLICAS", self.journal_replicas.clone()),
            ("JOURNAL_LEASE", self.journal_lease.clone()),
            ("JOURNAL_TIMEOUT", self.journal_timeout.clone()),
            ("GRPC_ADVERTISE", self.grpc_advertise.clone()),
            ("ALLOW_UNNAMED_PLACE", self.allow_unnamed_place.clone()),
            ("PREVIEWS_PER_MINUTE", self.previews_per_minute.clone()),
            ("MAX_CALLS_PER_CALLER", self.max_calls_per_caller.clone()),
            (
                "MAX_WATCHES_PER_CALLER",
                self.max_watches_per_caller.clone(),
            ),
            (
                "MAX_CONNECTIONS_PER_CALLER",
                self.max_connections_per_caller.clone(),
            ),
        ];
        let own = own
            .into_iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)));
        let mut defaults = Config {
            insecure: self.insecure,
            ..Config::default()
        };
        if self.simulate {
            defaults.order_db_path = SIMULATOR_DB_PATH.into();
        }
        Settings::read(settings_flags(&self.settings).chain(own)).config(defaults)
    }
}

/// Why the service did not start or did not end well.
pub(super) type Failure = (Exit, String);

pub(super) fn failed(message: impl ToString) -> Failure {
    (Exit::Failed, message.to_string())
}

/// Serves until SIGTERM or SIGINT, or until the gateway cannot go on.
pub(super) async fn serve(args: ServeArgs) -> Exit {
    let config = match args.config() {
        Ok(config) => config,
        Err(error) => {
            stderr::configuration(&error);
            return Exit::Configuration;
        }
    };
    let telemetry = match telemetry::start(&config, None) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            stderr::say(error);
            return Exit::Configuration;
        }
    };
    match run(&args, config, &telemetry).await {
        Ok(()) => Exit::Success,
        Err((exit, message)) => {
            telemetry.say(format_args!("ibkr-orders serve: {message}"));
            exit
        }
    }
}

async fn run(
    args: &ServeArgs,
    mut config: Config,
    telemetry: &telemetry::Guard,
) -> Result<(), Failure> {
    if config.journal.is_none() && (args.standby || args.replica) {
        let flag = if args.standby {
            "--standby"
        } else {
            "--replica"
        };
        return Err((
            Exit::Configuration,
            format!("{flag}: needs a journal to follow: set JOURNAL_SERVERS and JOURNAL_NAME"),
        ));
    }
    let mut signals = Signals::listen().map_err(failed)?;
    // From the start: each serving listens anew, and one that comes in between ends nothing.
    let _hangups = Hangups::listen().map_err(failed)?;
    let listeners = Listeners::bind(&mut config).await?;
    if config.journal.is_some() {
        let shared = Shared {
            args,
            config: &config,
            listeners: &listeners,
            telemetry,
        };
        return shared.run(&mut signals).await;
    }
    let doors = Doors::prepare(&config, &listeners, telemetry).await?;
    if !args.simulate {
        let open = async || Gateway::open_at(&config, Some(config.grpc_listen)).await;
        return doors
            .open(&config, &mut signals, open, never())
            .await
            .map(drop);
    }
    let control = control::bind(args.control).await?;
    simulated_with_control(&config, control, async |config| {
        let open = async || Gateway::open_at(config, Some(config.grpc_listen)).await;
        doors
            .open(config, &mut signals, open, never())
            .await
            .map(drop)
    })
    .await
    .map_err(failed)?
}

/// Nothing but a signal, or its own end, ends a gateway that leads.
pub(super) fn never() -> std::future::Pending<Result<HeldLease, Error>> {
    std::future::pending()
}

/// What is bound before anything else. A gateway that follows and then leads answers on the same sockets twice.
pub(super) struct Listeners {
    grpc: std::net::TcpListener,
    operations: Option<std::net::TcpListener>,
    web: Option<std::net::TcpListener>,
}

impl Listeners {
    async fn bind(config: &mut Config) -> Result<Self, Failure> {
        let grpc = bind("GRPC_LISTEN", config.grpc_listen).await?;
        // The lock of the store names the port that was found, not the 0 that asked for one.
        config.grpc_listen = grpc.local_addr().map_err(failed)?;
        let operations = match config.metrics_listen {
            Some(address) => Some(bind("METRICS_LISTEN", address).await?),
            None => None,
        };
        let web = match config.web_listen {
            Some(address) => Some(bind("WEB_LISTEN", address).await?),
            None => None,
        };
        let plain = |listener: Option<TcpListener>| {
            listener
                .map(TcpListener::into_std)
                .transpose()
                .map_err(failed)
        };
        Ok(Self {
            grpc: grpc.into_std().map_err(failed)?,
            operations: plain(operations)?,
            web: plain(web)?,
        })
    }
}

fn again(listener: &std::net::TcpListener) -> Result<TcpListener, Failure> {
    let listener = listener.try_clone().map_err(failed)?;
    TcpListener::from_std(listener).map_err(failed)
}

async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        failed(format_args!(
            "could not listen on {address} ({setting}): {error}"
        ))
    })
}

/// Everything that stands ready before the gateway is opened.
pub(super) struct Doors<'a> {
    service: Prepared,
    web: Option<TcpListener>,
    operations: Option<TcpListener>,
    hangups: Hangups,
    pub(super) grace: Duration,
    reload: Arc<Notify>,
    telemetry: &'a telemetry::Guard,
}

impl<'a> Doors<'a> {
    pub(super) async fn prepare(
        config: &Config,
        listeners: &Listeners,
        telemetry: &'a telemetry::Guard,
    ) -> Result<Self, Failure> {
        let cloned =
            |listener: &Option<std::net::TcpListener>| listener.as_ref().map(again).transpose();
        let (operations, web) = (cloned(&listeners.operations)?, cloned(&listeners.web)?);
        let settings = ServerSettings::from(config);
        let (grace, reload) = (settings.shutdown_grace, Arc::clone(&settings.reload));
        let wrong = |error: ServeError| (Exit::Configuration, error.to_string());
        let service = grpc::prepare(again(&listeners.grpc)?, settings)
            .await
            .map_err(wrong)?;
        if let Some(web) = &web {
            service.check(web).map_err(wrong)?;
        }
        Ok(Self {
            service,
            web,
            operations,
            hangups: Hangups::listen().map_err(failed)?,
            grace,
            reload,
            telemetry,
        })
    }

    /// Opens the gateway, serves it to the end, and closes it. Where `until` comes before that end, answers what came of it.
    pub(super) async fn open(
        self,
        config: &Config,
        signals: &mut Signals,
        open: impl AsyncFnOnce() -> Result<Gateway, Error>,
        until: impl Future<Output = Result<HeldLease, Error>>,
    ) -> Result<Option<HeldLease>, Failure> {
        let Self {
            service,
            web,
            operations,
            hangups,
            grace,
            reload,
            telemetry,
        } = self;
        let gateway = tokio::select! {
            gateway = open() => gateway.map_err(failed)?,
            signal = signals.end() => {
                info!("{signal} before the gateway was open");
                return Ok(None);
            }
        };
        telemetry.say(format_args!("listening on {}", config.grpc_listen));
        if let Some(operations) = &operations {
            let address = operations.local_addr().map_err(failed)?;
            telemetry.say(format_args!("metrics and probes on {address}"));
        }
        let web = match web {
            Some(listener) => {
                let address = listener.local_addr().map_err(failed)?;
                let scheme = if config.tls_cert.is_some() {
                    "https"
                } else {
                    "http"
                };
                telemetry.say(format_args!("page and gRPC-Web on {scheme}://{address}"));
                Some((listener, address, WebSettings::from(config)))
            }
            None => None,
        };
        let page = async |backend| {
            if let Some((listener, address, settings)) = web {
                web::serve(listener, address, settings, backend).await;
            }
        };
        let stopping = CancellationToken::new();
        let closed = async {
            let grace_ends = async {
                stopping.cancelled().await;
                tokio::time::sleep(grace.saturating_sub(LAST_ANSWERS)).await;
            };
            let mut grace_ends = pin!(grace_ends);
            let mut served = pin!(service.serve_beside(
                gateway.clone(),
                stopping.clone().cancelled_owned(),
                page
            ));
            tokio::select! {
                served = &mut served => {
                    // No caller is left; an order that waits for its slot still goes out if that comes in time.
                    tokio::select! {
                        () = gateway.clone().close(grace) => {}
                        () = &mut grace_ends => gateway.clone().close(Duration::ZERO).await,
                    }
                    served
                }
                () = &mut grace_ends => {
                    // Who still waits for TWS is answered with the order as it is.
                    let (served, ()) = tokio::join!(served, gateway.clone().close(Duration::ZERO));
                    served
                }
            }
        };
        let operations = async {
            if let Some(listener) = operations {
                let settings = OperationsSettings {
                    log_lines_dropped: telemetry.lines_dropped(),
                    ..OperationsSettings::default()
                };
                metrics::serve(listener, &gateway, settings, stopping.clone()).await;
            }
            std::future::pending::<Infallible>().await
        };
        let mut why = Ok(None);
        let given_up = async {
            tokio::select! {
                signal = signals.end() => info!("{signal}: shutting down"),
                held = until => why = held.map(Some).map_err(failed),
                last_word = gateway.stopped() => {
                    let last_word = last_word.unwrap_or_else(|| "the gateway was closed".to_owned());
                    error!("the gateway cannot go on: {last_word}");
                    why = Err(failed(format_args!("stopped: {last_word}")));
                }
            }
            stopping.cancel();
            // A second signal, or too long a shutdown, ends it at once.
            tokio::select! {
                signal = signals.end() => format!("{signal} during the shutdown"),
                () = tokio::time::sleep(grace + CLOSE_TIMEOUT) => "the shutdown took too long".to_owned(),
            }
        };
        let ended = tokio::select! {
            served = closed => served.map_err(failed),
            given_up = given_up => Err(failed(given_up)),
            never = operations => match never {},
            never = hangups.each(|| reload.notify_waiters()) => match never {},
        };
        ended.and(why)
    }
}
