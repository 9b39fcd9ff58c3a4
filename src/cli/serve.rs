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
use super::signals::{Hangups, Signals};
use super::simulated::simulated_with_control;
use super::stderr;
use crate::config::{Config, ConfigError, Settings};
use crate::gateway::Gateway;
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
type Failure = (Exit, String);

fn failed(message: impl ToString) -> Failure {
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
    let signals = Signals::listen().map_err(failed)?;
    let hangups = Hangups::listen().map_err(failed)?;
    let listener = bind("GRPC_LISTEN", config.grpc_listen).await?;
    // The lock of the store names the port that was found, not the 0 that asked for one.
    config.grpc_listen = listener.local_addr().map_err(failed)?;
    let operations = match config.metrics_listen {
        Some(address) => Some(bind("METRICS_LISTEN", address).await?),
        None => None,
    };
    let web = match config.web_listen {
        Some(address) => Some(bind("WEB_LISTEN", address).await?),
        None => None,
    };
    let settings = ServerSettings::from(&config);
    let (grace, reload) = (settings.shutdown_grace, Arc::clone(&settings.reload));
    let wrong = |error: ServeError| (Exit::Configuration, error.to_string());
    let service = grpc::prepare(listener, settings).await.map_err(wrong)?;
    if let Some(web) = &web {
        service.check(web).map_err(wrong)?;
    }
    let doors = Doors {
        grace,
        reload,
        service,
        web,
        operations,
        signals,
        hangups,
        telemetry,
    };
    if !args.simulate {
        return doors.open(&config).await;
    }
    let control = control::bind(args.control).await?;
    simulated_with_control(&config, control, async |config| doors.open(config).await)
        .await
        .map_err(failed)?
}

async fn bind(setting: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        failed(format_args!(
            "could not listen on {address} ({setting}): {error}"
        ))
    })
}

/// Everything that stands ready before the gateway is opened.
struct Doors<'a> {
    service: Prepared,
    web: Option<TcpListener>,
    operations: Option<TcpListener>,
    signals: Signals,
    hangups: Hangups,
    grace: Duration,
    reload: Arc<Notify>,
    telemetry: &'a telemetry::Guard,
}

impl Doors<'_> {
    /// Opens the gateway, serves it to the end, and closes it.
    async fn open(self, config: &Config) -> Result<(), Failure> {
        let Self {
            service,
            web,
            operations,
            mut signals,
            hangups,
            grace,
            reload,
            telemetry,
        } = self;
        let gateway = tokio::select! {
            gateway = Gateway::open_at(config, Some(config.grpc_listen)) => gateway.map_err(failed)?,
            signal = signals.end() => {
                info!("{signal} before the gateway was open");
                return Ok(());
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
        let mut why = Ok(());
        let given_up = async {
            tokio::select! {
                signal = signals.end() => info!("{signal}: shutting down"),
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
