//! The messages, written by hand from their field numbers.
//!
//! Only what the simulator reads or sends is declared: a field that a client sends and that is not here is skipped by
//! the decoder. Every field has presence, because the real thing sends explicit zeros in some places and nothing in
//! others. `serde` is derived so that the state file can hold an order as it would be echoed.

mod account;
mod contract;
mod execution;
mod order;
mod request;
mod session;

pub(crate) use account::*;
pub(crate) use contract::*;
pub(crate) use execution::*;
pub(crate) use order::*;
pub(crate) use request::*;
pub(crate) use session::*;
