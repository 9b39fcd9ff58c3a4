//! What a request itself may say, and the limits of the configuration.

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::domain::{Limits, OrderKey, WAIT_SECONDS_MAX};
use crate::error::Error;

/// The shortest time between two heartbeats of a watch, in seconds.
const POLL_INTERVAL_MIN: f64 = 0.01;
/// Length of a request id.
const REQUEST_ID_MAX: usize = 128;

/// What the operator allows.
pub fn limits(config: &Config) -> Limits {
    Limits {
        account: config.ib_account.clone(),
    }
}

/// A wait of a request.
pub(super) fn seconds(field: &str, seconds: f64) -> Result<Duration, Error> {
    if seconds.is_finite() && (0.0..=WAIT_SECONDS_MAX).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err(Error::request_field(
        field,
        "give a number of seconds from 0 to 86400",
        json!(seconds),
    ))
}

/// The poll interval of a watch.
pub(super) fn poll_interval(interval: f64) -> Result<Duration, Error> {
    if interval < POLL_INTERVAL_MIN {
        return Err(Error::request_field(
            "poll_interval",
            "give 0.01 seconds or more",
            json!(interval),
        ));
    }
    seconds("poll_interval", interval)
}

/// A request id as callers may give one.
pub(super) fn request_id(id: &str) -> Result<(), Error> {
    request_id_in("request_id", id)
}

fn request_id_in(field: &str, id: &str) -> Result<(), Error> {
    let printable = id.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !id.is_empty() && id.len() <= REQUEST_ID_MAX && printable {
        return Ok(());
    }
    Err(Error::request_field(
        field,
        "give 1 to 128 printable ASCII characters",
        Value::from(id),
    ))
}

/// A name of an order that could be one.
pub(crate) fn key(key: &OrderKey) -> Result<(), Error> {
    match key {
        OrderKey::OrderId(id) if *id <= 0 => Err(Error::request_field(
            "order_id",
            "give the positive id of an order",
            json!(id),
        )),
        OrderKey::OrderId(_) => Ok(()),
        OrderKey::RequestId(id) => request_id_in("placed_as", id),
    }
}
