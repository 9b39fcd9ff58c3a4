//! The feed over a real store: what each watcher sees, in which order, and when it ends.

#![allow(clippy::unwrap_used)]

mod all_orders;
mod limits;
mod links;
mod one_order;
#[path = "../support/orders.rs"]
mod orders;
#[path = "../support/random.rs"]
mod random;
#[path = "../support/stores.rs"]
mod stores;
mod storm;
mod world;
