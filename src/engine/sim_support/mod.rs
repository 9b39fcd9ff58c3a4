//! What the engine's tests and its two simulations share: settings, chance and seeds.

mod driven;
mod random;
mod seeds;

use std::time::Duration;

use super::core::Settings;
use crate::domain::Limits;

pub(super) use driven::{OtherEnds, driver};
pub(super) use random::Random;
pub(super) use seeds::play_seeds;

/// The client id of every test.
pub(super) const CLIENT_ID: i32 = 7;

/// Settings of a gateway that nothing holds back.
pub(super) fn settings() -> Settings {
    Settings {
        client_id: CLIENT_ID,
        limits: Limits::default(),
        risk_limits: std::sync::Arc::default(),
        restart_window: None,
        limits_zone: crate::domain::Zone::new_york(),
        allow_live: false,
        peer: "a test".to_owned(),
        messages_per_second: 1_000,
        acknowledgement_timeout: Duration::from_secs(30),
        terminal_linger: Duration::from_secs(1),
        reconcile_timeout: Duration::from_secs(40),
        parked_max: 1_000,
        previews_per_minute: 1,
        waiters_per_order_max: 8,
    }
}
