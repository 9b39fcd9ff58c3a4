//! The gRPC door: real sockets, a raw stub, the simulator behind it.

#![allow(clippy::unwrap_used)]

mod callers;
mod calls;
mod client;
mod errors;
mod health;
mod limits;
mod metadata;
mod operations;
mod protection;
mod reflection;
mod risk;
mod roles;
mod shutdown;

use test_support::grpc as world;
