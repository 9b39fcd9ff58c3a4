//! Operations inside this process.

use super::ask::Change;
use crate::config::Config;
use crate::domain::{
    HealthIn, HealthOut, OrderKey, OrderState, PlaceIn, PlaceOut, WatchIn, WatchOut, WatchUpdate,
};
use crate::error::{Error, Reason};
use crate::outcome;

fn missing() -> Error {
    Error::new(
        Reason::Internal,
        "the gateway inside this process is not there yet: use --server",
    )
}

pub(super) async fn health(config: &Config, _: HealthIn) -> HealthOut {
    outcome::health_failed(missing(), config.ib_client_id)
}

pub(super) async fn place(_: &Config, input: PlaceIn) -> PlaceOut {
    outcome::place_failed(missing(), input.dry_run, input.request_id)
}

pub(super) async fn watch(_: &Config, input: WatchIn, _: impl FnMut(&WatchUpdate)) -> WatchOut {
    outcome::watch_failed(missing(), input.order_id, Vec::new())
}

pub(super) async fn change(
    _: &Config,
    _: Change,
    _: OrderKey,
    _: f64,
) -> Result<OrderState, Error> {
    Err(missing())
}
