//! The TWS adapter against a scripted TWS on loopback: real sockets, frames written by hand from the protocol's field numbers.

// What these helpers unwrap failing is a failed test.
#![allow(clippy::unwrap_used)]

mod adapter;
mod chaos;
mod handshake;
mod links;
mod reconcile;
mod reports;
mod sending;
mod time_requests;

use test_support::random;
use test_support::tws::{frames, peer};
