//! A TWS whose every frame the test chooses: it accepts a client, reads its requests one by one and sends it frames put together from
//! the protocol's field numbers. It shares no code with the gateway or the simulator.

pub mod frames;
pub mod peer;
pub mod scripted;
