//! Order gateway for Interactive Brokers: paper-trading order entry as a gRPC service, a CLI and a library.

#[cfg(feature = "gateway")]
pub mod config;
pub mod domain;
pub mod error;
#[cfg(feature = "gateway")]
pub mod tws;
