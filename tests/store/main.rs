//! The store through its public interface, on real files.

#![allow(clippy::unwrap_used)]

mod file;
mod lists;
mod owner;
mod place;
mod readers;
mod rows;
mod transactions;

use test_support::{records as orders, stores};
