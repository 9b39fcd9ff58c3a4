//! Log lines, on stderr: standard output belongs to the outcome of a command.

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::config::{Config, LogFormat};

/// What is logged when nobody says otherwise.
const FILTER: &str = "info";

/// Why logs or traces cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `RUST_LOG` cannot be read.
    #[error("RUST_LOG: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` cannot be used.
    #[error("OTEL_EXPORTER_OTLP_ENDPOINT: {0}")]
    Export(String),
    /// Something in this process logs already.
    #[error("logging has been started before: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the export of traces; dropping it sends what is left.
#[derive(Debug, Default)]
#[must_use = "traces end with it"]
pub struct Guard {
    #[cfg(feature = "otlp")]
    _export: Option<super::export::Export>,
}

/// Starts logging, and the export of traces where an endpoint is configured. `filter` is taken where the configuration has none.
/// Call it inside the runtime, once per process.
///
/// # Errors
/// A filter that cannot be read, an endpoint that cannot be used, or a second call.
pub fn start(config: &Config, filter: Option<&str>) -> Result<Guard, TelemetryError> {
    let filter = config.log_filter.as_deref().or(filter).unwrap_or(FILTER);
    let filter = EnvFilter::try_new(filter)?;
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = match config.log_format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            lines.with_ansi(colours).with_target(false).boxed()
        }
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    let registry = tracing_subscriber::registry().with(filter).with(lines);
    #[cfg(feature = "otlp")]
    {
        let export = match &config.otlp_endpoint {
            Some(endpoint) => {
                Some(super::export::Export::to(endpoint).map_err(TelemetryError::Export)?)
            }
            None => None,
        };
        let layer = export.as_ref().map(super::export::Export::layer);
        registry.with(layer).try_init()?;
        Ok(Guard { _export: export })
    }
    #[cfg(not(feature = "otlp"))]
    {
        registry.try_init()?;
        Ok(Guard::default())
    }
}
