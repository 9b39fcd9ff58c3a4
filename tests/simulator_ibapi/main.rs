//! The simulator, as the `ibapi` client sees it: sessions, orders, refusals and queries in the words of TWS.
#![cfg(feature = "gateway")]

mod desk;
mod orders;
mod queries;
mod refusals;
mod sessions;
mod words;
