//! The simulator, as the `ibapi` client sees it: sessions, orders, refusals and queries in the words of TWS.
#![cfg(feature = "gateway")]

mod accounts;
mod desk;
mod families;
mod orders;
mod queries;
mod refusals;
mod sessions;
mod words;
