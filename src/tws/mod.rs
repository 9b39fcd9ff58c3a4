//! The only module that knows `ibapi`: one supervised session with TWS at a time.
//!
//! It carries out [`TwsCommand`]s and tells what TWS says as [`TwsEvent`]s, in order. It decides nothing about orders.
//!
//! ```text
//! supervisor ─ connect ─► session ─┬─ reader   order updates, notices, and what the others found out ─► events
//!                                  ├─ writer   commands, one after the other
//!                                  ├─ clock    heartbeats and time requests
//!                                  └─ reconcile  open orders, completed orders, executions
//! ```
//!
//! All of it is one task on a thread of its own, so nobody's load delays a heartbeat, nobody's cancellation tears a frame, and what ibapi's
//! dispatcher has put into its channels before it delivered an answer is always there to be read before that answer is passed on.

mod answers;
mod clock;
mod connect;
mod convert;
mod execution_time;
mod finding;
mod handle;
mod interface;
mod losses;
mod notice;
mod outlet;
mod place;
mod reader;
mod reconcile;
mod session;
mod supervisor;
mod writer;

pub use answers::{Answer, Answers};
pub use handle::{COMMANDS_MAX, TwsHandle, start};
pub use interface::{
    ConnectFailure, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent, TwsSettings,
};
pub use place::{payload, payload_in_short};
