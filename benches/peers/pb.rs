//! The generated messages and stubs, built from `proto/orders.proto` by the crate's own build script: a caller's view, with
//! nothing of the gateway between.

#![allow(missing_docs, unreachable_pub, dead_code)]

include!(concat!(env!("OUT_DIR"), "/ibkr.orders.v1.rs"));
