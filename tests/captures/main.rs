//! The third witness: what a real TWS was recorded to say, beside what the simulator says to the same requests.
//!
//! `tables/` holds one exchange a file, in our own words: the requests, the messages in order, the fields that are present, the
//! values that are constant and those that repeat. `recorded` holds a table against the recording it was made from,
//! `simulator` plays its requests to the simulator and compares, `gateway` tells it to a gateway and waits for the states that happened, `accounts` does the same with positions and account values. Nothing here knows the definitions of the simulator or of
//! the gateway: `fields.toml` has the numbers of the fields, `wire` walks the bytes.
#![cfg(all(feature = "simulator", feature = "gateway"))]
#![allow(clippy::unwrap_used)]

mod accounts;
mod align;
mod compare;
mod document;
mod gateway;
mod peer;
mod recorded;
mod recording;
mod schema;
mod script;
mod simulator;
mod table;
mod teller;
mod values;
mod wire;
