//! The simulator on the wire, seen by a peer that shares no code with it.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used)]

mod control;
mod documents;
mod faults;
mod hostile;
mod peer;
mod shape;
mod state;
mod text;
