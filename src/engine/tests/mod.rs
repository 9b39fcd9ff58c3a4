//! The engine's core, driven input by input: no clock, no socket, no disk.

mod bench;
mod ends;
mod halts;
mod ids;
mod limits;
mod links;
mod reconciles;
mod replaces;
mod sending;
mod store;

pub(super) use bench::place;
