//! Logs and traces: what each call says about itself, and where that goes.

#[cfg(all(feature = "otlp", feature = "cli"))]
mod export;
#[cfg(feature = "cli")]
mod logs;
#[cfg(feature = "server")]
pub(crate) mod trace;
#[cfg(feature = "cli")]
mod writer;

#[cfg(feature = "cli")]
pub use logs::{Guard, TelemetryError, start};
