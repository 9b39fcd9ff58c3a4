//! The feed over a real store: what each watcher sees, in which order, and when it ends.

#![allow(clippy::unwrap_used)]

mod all_orders;
mod family;
mod limits;
mod links;
mod one_order;
mod storm;
mod world;

use test_support::{random, records as orders, stores};
