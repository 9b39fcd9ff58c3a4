//! The only room that knows TWS's protocol: one supervised session with TWS at a time.
//!
//! It carries out [`TwsCommand`]s and tells what TWS says as [`TwsEvent`]s, in order. It decides nothing about orders.
//!
//! ```text
//! supervisor ─ connect ─ handshake ─► session ─┬─ wire          bytes, cut into messages
//!                                              └─ conversation  messages, commands and time in; events and messages out
//!                                                   line         barriers: what TWS has read
//!                                                   heartbeat    whether TWS is there
//!                                                   queries      the reconcile: open orders, completed orders, executions
//!                                                   subscriptions  positions, account values and profit
//! ```
//!
//! All of it is one task on a thread of its own: nobody's load delays a heartbeat, nobody's cancellation tears a message, and what TWS said is told in the
//! order in which it said it. `frames` has the messages, `decode` and `reports` read them, `requests` makes them. `ibapi` serves for one thing: an order as
//! JSON (`payload`).

mod account_reports;
mod answers;
mod connect;
mod conversation;
mod decode;
mod event_sender;
mod execution_time;
mod frames;
mod handle;
mod handshake;
mod heartbeat;
mod interface;
mod line;
mod missed;
mod notice;
mod numbers;
mod payload;
mod queries;
mod reports;
mod requests;
mod session;
mod subscriptions;
mod supervisor;
mod wire;
mod zone_names;
mod zones;

pub use answers::{Answer, Answers};
pub use handle::{COMMANDS_MAX, TwsHandle, start};
pub use interface::{
    BARRIER_TIMEOUT, ConnectFailure, Permit, SendKind, Sent, SessionInfo, TIME_REQUEST_SPACING,
    TwsCommand, TwsEvent, TwsSettings,
};
pub use payload::{payload, payload_in_short};
