//! Order gateway for Interactive Brokers: paper-trading order entry as a gRPC service, a CLI and a library.
//!
//! [`run_health`], [`run_validate`], [`run_place`] and [`run_watch`] do one operation and need nothing but a [`Config`]; a [`Gateway`] keeps
//! one session with TWS for a program that does many; a [`Client`] calls a gateway that runs elsewhere. All three take the same inputs,
//! answer the same outcomes and say the same about what went wrong.
//!
//! ```no_run
//! use ibkr_orders::{Action, Amount, Config, OrderRequest, PlaceIn, WatchIn, run_place, run_watch};
//!
//! # async fn example() {
//! let config = Config::default(); // a paper TWS at 127.0.0.1:7497, the store in data/orders.db
//! let order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(10), "180.50".parse().expect("a decimal"));
//! let placed = run_place(&config, PlaceIn { transmit: true, ..PlaceIn::new(order) }).await;
//! if let Some(order_id) = placed.order_id {
//!     let watched = run_watch(&config, WatchIn::new(order_id), |update| println!("{:?}", update.event)).await;
//!     assert!(watched.terminal || watched.error.is_some());
//! }
//! # }
//! ```
//!
//! An order comes as a typed [`OrderRequest`], as a JSON value or as a JSON text, and is always checked:
//!
//! ```
//! use ibkr_orders::{Config, ValidateIn, run_validate};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let order = r#"{"action": "BUY", "symbol": "aapl", "order_type": "LMT", "quantity": 1}"#;
//! let checked = run_validate(&Config::default(), ValidateIn::new(order)).await;
//! assert!(!checked.valid); // a limit order needs a price
//! # }
//! ```

#[cfg(feature = "gateway")]
#[doc(hidden)]
pub mod account;
#[cfg(feature = "gateway")]
mod api;
#[cfg(feature = "server")]
#[doc(hidden)]
pub mod callers;
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
#[doc(hidden)]
pub mod feed;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "server")]
pub mod grpc;
/// The engine's task and a store in memory, moved on one turn at a time: for the simulation in `test-support`. Nothing here is a promise.
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals {
    pub use crate::engine::internals::{
        Offer, PlayedClocks, PlayedEngine, PlayedSettings, Replied, Reply, Turn,
    };
    pub use crate::store::PlayedStore;
}
#[cfg(feature = "gateway")]
#[doc(hidden)]
pub mod journal;
#[cfg(feature = "gateway")]
mod lock_file;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, unused_imports, reason = "each door uses its part")
)]
mod outcome;
#[cfg(any(feature = "client", feature = "gateway"))]
mod request_id;
#[cfg(feature = "simulator")]
pub mod simulator;
#[cfg(all(feature = "simulator", feature = "server"))]
pub mod simulator_control;
#[cfg(feature = "gateway")]
#[doc(hidden)]
pub mod stats;
#[cfg(feature = "gateway")]
#[doc(hidden)]
pub mod store;
#[cfg(any(feature = "server", feature = "cli"))]
pub mod telemetry;
#[cfg(feature = "gateway")]
#[doc(hidden)]
pub mod tws;
#[cfg(feature = "web")]
pub mod web;
#[cfg(feature = "wire")]
pub mod wire;

#[cfg(feature = "gateway")]
pub use api::{
    run_account, run_bracket, run_cancel, run_cancel_all, run_get, run_halt, run_health,
    run_limits, run_list, run_place, run_positions, run_preview, run_replace, run_resume,
    run_transmit, run_validate, run_watch,
};
#[cfg(feature = "client")]
pub use client::{Client, ClientOptions};
#[cfg(feature = "gateway")]
pub use config::Config;
pub use domain::{
    AccountFreshness, AccountIn, AccountOut, AccountUpdate, AccountValue, Action, Amount,
    BracketDraft, BracketIn, BracketOut, CancelAllIn, CancelAllOut, CancelIn, Fill, GetIn, GetOut,
    HaltIn, HaltOut, HealthIn, HealthOut, LimitsOut, LinkChange, LinkState, ListIn, ListOut,
    Margins, OrderDetail, OrderError, OrderInput, OrderKey, OrderRequest, OrderState, OrderType,
    PlaceIn, PlaceOut, Position, PositionsIn, PositionsOut, PreviewIn, PreviewOut, ReplaceIn,
    ReplaceOut, ResumeIn, ResumeOut, SecType, Status, StopLoss, TakeProfit, TimeInForce, Timestamp,
    TransmitIn, ValidateIn, ValidateOut, Violation, WatchAccountIn, WatchEvent, WatchIn, WatchOut,
    WatchUpdate,
};
pub use error::{Error, Reason};
#[cfg(feature = "gateway")]
pub use gateway::Gateway;
