//! The gateway as a library caller has it: the real engine, store and adapter against the simulator.

#![allow(clippy::unwrap_used)]

mod accounts;
mod commits;
mod faults;
mod health;
mod one_call;
mod orders;
mod pacing;

use test_support::library as support;
