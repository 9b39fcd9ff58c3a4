//! The simulator on the wire, seen by a peer that shares no code with it.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used)]

mod accounts;
mod cancels;
mod choices;
mod control;
mod documents;
mod families;
mod faults;
mod hostile;
mod peer;
mod queries;
mod replaces;
mod shape;
mod state;
mod stops;
mod switches;
mod text;
