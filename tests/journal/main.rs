//! The journal on servers of its own: what is stored, what is refused, and what happens when servers die, freeze and come back.
#![cfg(feature = "journal")]
#![allow(clippy::unwrap_used)]

mod jetstream;
mod servers;
mod takeover;
