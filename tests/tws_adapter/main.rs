//! The TWS adapter against a scripted TWS on loopback: real sockets, frames written by hand from the protocol's field numbers.

// What these helpers unwrap failing is a failed test.
#![allow(clippy::unwrap_used)]

mod adapter;
mod barriers;
mod chaos;
mod handshake;
mod heartbeats;
mod ibapi_witness;
mod links;
mod reconcile;
mod recordings;
mod reports;
mod rows;
mod sending;

use test_support::random;
use test_support::tws::{frames, peer};
