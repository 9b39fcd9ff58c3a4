//! Operations inside this process.

use super::ask::Change;
use crate::api;
use crate::config::Config;
use crate::domain::{
    HealthIn, HealthOut, OrderKey, OrderState, PlaceIn, PlaceOut, WatchIn, WatchOut, WatchUpdate,
};
use crate::error::Error;

pub(super) async fn health(config: &Config, input: HealthIn) -> HealthOut {
    api::run_health(config, input).await
}

pub(super) async fn place(config: &Config, input: PlaceIn) -> PlaceOut {
    api::run_place(config, input).await
}

pub(super) async fn watch(
    config: &Config,
    input: WatchIn,
    on_update: impl FnMut(&WatchUpdate),
) -> WatchOut {
    api::run_watch(config, input, on_update).await
}

pub(super) async fn change(
    config: &Config,
    change: Change,
    key: OrderKey,
    timeout: f64,
) -> Result<OrderState, Error> {
    match change {
        Change::Transmit => api::run_transmit(config, key, timeout).await,
        Change::Cancel => api::run_cancel(config, key, timeout).await,
    }
}
