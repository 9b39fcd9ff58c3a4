//! Log lines, on stderr: standard output belongs to the outcome of a command.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt::Display;
use std::fs::File;
use std::os::fd::AsFd as _;
use std::sync::Arc;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use super::writer::{self, LineSender};
use crate::config::{Config, LogFormat};
use crate::stats::Counter;

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
    /// The thread that writes the log cannot be started.
    #[error("the log cannot be written: {0}")]
    Writer(#[from] std::io::Error),
    /// Something in this process logs already.
    #[error("logging has been started before: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Keeps the log and the export of traces; dropping it writes and sends what is left, within a time limit.
#[derive(Debug)]
#[must_use = "log and traces end with it"]
pub struct Guard {
    lines: LineSender,
    #[cfg(feature = "otlp")]
    _export: Option<super::export::Export>,
}

impl Guard {
    /// Says a line to people on stderr, in its order among the log lines and, like them, without waiting for anybody to read it.
    pub fn say(&self, line: impl Display) {
        self.lines.send(format!("{line}\n").into_bytes());
    }

    /// Log lines that were dropped because nobody read stderr.
    pub fn lines_dropped(&self) -> Arc<Counter> {
        self.lines.dropped()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.lines.flush();
    }
}

/// Starts logging, and the export of traces where an endpoint is configured. `filter` is taken where the configuration has none.
/// Call it inside the runtime, once per process.
///
/// # Errors
/// A filter that cannot be read, an endpoint that cannot be used, or a second call.
pub fn start(config: &Config, filter: Option<&str>) -> Result<Guard, TelemetryError> {
    let filter = config.log_filter.as_deref().or(filter).unwrap_or(FILTER);
    let filter = EnvFilter::try_new(filter)?;
    let sender = writer::start(own_stderr()?, config.log_format)?;
    let lines = fmt::layer().with_writer(sender.clone());
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
        panics_to(&sender);
        Ok(Guard {
            lines: sender,
            _export: export,
        })
    }
    #[cfg(not(feature = "otlp"))]
    {
        registry.try_init()?;
        panics_to(&sender);
        Ok(Guard { lines: sender })
    }
}

/// A descriptor of its own: the one of the standard library has a lock, which a write that waits would hold.
fn own_stderr() -> std::io::Result<File> {
    let own = std::io::stderr().as_fd().try_clone_to_owned()?;
    Ok(File::from(own))
}

/// Lets a panic say itself through the queue: the thread that panics must not wait for stderr either.
fn panics_to(lines: &LineSender) {
    // With crash points a panic ends the process there and then, by a hook that stands already.
    if cfg!(feature = "failpoints") {
        return;
    }
    let lines = lines.clone();
    std::panic::set_hook(Box::new(move |panic| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("<unnamed>");
        let trace = Backtrace::capture();
        let trace = match trace.status() {
            BacktraceStatus::Captured => format!("{trace}\n"),
            _ => String::new(),
        };
        lines.send(format!("thread '{name}' {panic}\n{trace}").into_bytes());
    }));
}
