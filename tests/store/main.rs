//! The store through its public interface, on real files.

#![allow(clippy::unwrap_used)]

mod file;
mod lists;
#[path = "../support/orders.rs"]
mod orders;
mod owner;
mod place;
mod readers;
mod rows;
#[path = "../support/stores.rs"]
mod stores;
mod transactions;
