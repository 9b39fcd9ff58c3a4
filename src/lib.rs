//! Order gateway for Interactive Brokers: paper-trading order entry as a gRPC service, a CLI and a library.

#[cfg(feature = "gateway")]
pub mod api;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "gateway")]
pub mod config;
pub mod domain;
#[cfg(feature = "gateway")]
mod engine;
pub mod error;
#[cfg(feature = "gateway")]
pub mod feed;
#[cfg(feature = "gateway")]
pub mod gateway;
mod outcome;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(feature = "gateway")]
pub mod stats;
#[cfg(feature = "gateway")]
pub mod store;
#[cfg(feature = "gateway")]
pub mod tws;
#[cfg(feature = "wire")]
pub mod wire;
