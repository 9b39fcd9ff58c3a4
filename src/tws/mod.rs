//! The only module that knows `ibapi`: one supervised session with TWS at a time.
//!
//! It carries out [`TwsCommand`]s and tells what TWS says as [`TwsEvent`]s, in order. It decides nothing about orders.

mod interface;

pub use interface::{
    ConnectFailure, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent, TwsSettings,
};
