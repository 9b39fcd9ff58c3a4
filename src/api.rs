//! One operation for one call: open a gateway, do it, close it. Never panics and never answers `Err`: what went wrong is in the outcome.

use std::time::Duration;

use tokio_stream::StreamExt;

use crate::config::Config;
use crate::domain::{
    AccountIn, AccountOut, BracketIn, BracketOut, CancelAllIn, CancelAllOut, CancelIn, HaltIn,
    HaltOut, HealthIn, HealthOut, LimitsOut, ListIn, ListOut, OrderDetail, OrderKey, OrderState,
    PlaceIn, PlaceOut, PositionsIn, PositionsOut, PreviewIn, PreviewOut, ReplaceIn, ReplaceOut,
    ResumeIn, ResumeOut, TransmitIn, ValidateIn, ValidateOut, WatchIn, WatchOut, WatchUpdate,
};
use crate::error::{COULD_NOT_CONNECT, Error, Reason};
use crate::feed::{Feed, Watch};
use crate::gateway::{self, Gateway};
use crate::outcome;
use crate::request_id::new_request_id;
use crate::store::{Reader, StoreError};

/// Says whether orders can be placed: connects, within the timeout, and tells what it found.
pub async fn run_health(config: &Config, input: HealthIn) -> HealthOut {
    let health = match Gateway::open(config).await {
        Ok(gateway) => {
            let health = gateway.health(input).await;
            close(gateway, config).await;
            health
        }
        Err(error) => Err(error),
    };
    health.unwrap_or_else(|error| outcome::health_failed(error, config.ib_client_id))
}

/// Checks an order and applies the limits. Opens nothing.
pub async fn run_validate(config: &Config, input: ValidateIn) -> ValidateOut {
    gateway::validate(config, input)
}

/// Places an order and answers with TWS's first word about it. A dry run opens nothing. Without a request id one is made, and the
/// outcome has it also where the order was not placed.
pub async fn run_place(config: &Config, mut input: PlaceIn) -> PlaceOut {
    let dry_run = input.dry_run;
    let given = input.request_id.is_some();
    if !dry_run {
        input.request_id.get_or_insert_with(new_request_id);
    }
    let request_id = input.request_id.clone();
    let placed = match gateway::dry_run(config, input.clone()) {
        Ok(_) if !dry_run => place(config, input).await,
        // A known request is answered whatever the limits are by now.
        Err(_) if !dry_run && given && may_be_known(config, &input).await => {
            place(config, input).await
        }
        // What is wrong with the order itself is said without opening anything.
        answered => answered,
    };
    placed.unwrap_or_else(|error| outcome::place_failed(error, dry_run, request_id))
}

/// Whether an order that breaks limits may have been placed before under its request id. A store that cannot be read beside is left for
/// the gateway to open.
async fn may_be_known(config: &Config, input: &PlaceIn) -> bool {
    if !gateway::only_breaks_limits(config, input) {
        return false;
    }
    let key = OrderKey::RequestId(input.request_id.clone().unwrap_or_default());
    match Reader::open(&config.order_db_path).await {
        Ok(reader) => !matches!(reader.get(key).await, Ok(None)),
        Err(StoreError::Missing { .. }) => false,
        Err(_) => true,
    }
}

async fn place(config: &Config, input: PlaceIn) -> Result<PlaceOut, Error> {
    let gateway = Gateway::open(config).await?;
    let placed = gateway.place(input).await;
    close(gateway, config).await;
    placed
}

/// Places a bracket and answers with TWS's first word about its entry. A dry run opens nothing. Without a request id one is made, and the
/// outcome has it also where nothing was placed.
pub async fn run_bracket(config: &Config, mut input: BracketIn) -> BracketOut {
    let dry_run = input.dry_run;
    let given = input.request_id.is_some();
    if !dry_run {
        input.request_id.get_or_insert_with(new_request_id);
    }
    let request_id = input.request_id.clone();
    let placed = match gateway::bracket_dry_run(config, input.clone()) {
        Ok(_) if !dry_run => place_bracket(config, input).await,
        // A known request is answered whatever the limits are by now: the gateway looks for it first.
        Err(error) if !dry_run && given && error.reason == Reason::RiskLimit => {
            place_bracket(config, input).await
        }
        // What is wrong with the bracket itself is said without opening anything.
        answered => answered,
    };
    placed.unwrap_or_else(|error| outcome::bracket_failed(error, dry_run, request_id))
}

async fn place_bracket(config: &Config, input: BracketIn) -> Result<BracketOut, Error> {
    let gateway = Gateway::open(config).await?;
    let placed = gateway.place_bracket(input).await;
    close(gateway, config).await;
    placed
}

/// Watches one order to its end; `on_update` sees every update as it comes, heartbeats too. The watch of an order that has ended
/// needs no TWS, and can be made beside a running gateway.
pub async fn run_watch(
    config: &Config,
    input: WatchIn,
    on_update: impl FnMut(&WatchUpdate),
) -> WatchOut {
    let order = input.order.clone();
    let mut unknown = None;
    match ended(config, &input).await {
        Ok(Some(watch)) => return follow(watch, order, on_update).await,
        Ok(None) => {}
        // Without TWS that is not the last word: what callers need to hear first is that nothing can be watched now.
        Err(error) if error.reason == Reason::OrderNotFound => unknown = Some(error),
        Err(error) => return outcome::watch_failed(error, order.as_ref(), Vec::new()),
    }
    let gateway = match Gateway::open(config).await {
        Ok(gateway) => gateway,
        Err(error) => {
            return outcome::watch_failed(unknown.unwrap_or(error), order.as_ref(), Vec::new());
        }
    };
    let started = match connected(&gateway, input.timeout).await {
        Ok(()) => gateway.watch(input).await,
        Err(error) => Err(error),
    };
    let out = match started {
        Ok(watch) => follow(watch, order, on_update).await,
        Err(error) => outcome::watch_failed(error, order.as_ref(), Vec::new()),
    };
    close(gateway, config).await;
    out
}

/// Positions as TWS says them: connects, and waits for them within the timeout.
///
/// # Errors
/// As [`Gateway::positions`] and [`Gateway::open`]; `TWS_UNAVAILABLE` when there is no session within the timeout.
pub async fn run_positions(config: &Config, input: PositionsIn) -> Result<PositionsOut, Error> {
    let gateway = Gateway::open(config).await?;
    let out = match connected(&gateway, input.timeout).await {
        Ok(()) => gateway.positions(input).await,
        Err(error) => Err(error),
    };
    close(gateway, config).await;
    out
}

/// The values of an account as TWS says them: connects, and waits for them within the timeout.
///
/// # Errors
/// As [`Gateway::account`] and [`Gateway::open`]; `TWS_UNAVAILABLE` when there is no session within the timeout.
pub async fn run_account(config: &Config, input: AccountIn) -> Result<AccountOut, Error> {
    let gateway = Gateway::open(config).await?;
    let out = match connected(&gateway, input.timeout).await {
        Ok(()) => gateway.account(input).await,
        Err(error) => Err(error),
    };
    close(gateway, config).await;
    out
}

/// Releases a staged order.
///
/// # Errors
/// As [`Gateway::transmit`] and [`Gateway::open`].
pub async fn run_transmit(config: &Config, input: TransmitIn) -> Result<OrderState, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.transmit_with(input).await;
    close(gateway, config).await;
    outcome
}

/// Cancels an order.
///
/// # Errors
/// As [`Gateway::cancel`] and [`Gateway::open`].
pub async fn run_cancel(config: &Config, input: CancelIn) -> Result<OrderState, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.cancel_with(input).await;
    close(gateway, config).await;
    outcome
}

/// The limits in force and what is left of them, of the store where no gateway holds it.
///
/// # Errors
/// As [`Gateway::limits`] and [`Gateway::open`].
pub async fn run_limits(config: &Config) -> Result<LimitsOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.limits().await;
    close(gateway, config).await;
    outcome
}

/// Stops new orders, of the store where no gateway holds it.
///
/// # Errors
/// As [`Gateway::halt`] and [`Gateway::open`].
pub async fn run_halt(config: &Config, input: HaltIn) -> Result<HaltOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.halt(input).await;
    close(gateway, config).await;
    outcome
}

/// Lifts halts, of the store where no gateway holds it.
///
/// # Errors
/// As [`Gateway::resume`] and [`Gateway::open`].
pub async fn run_resume(config: &Config, input: ResumeIn) -> Result<ResumeOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.resume(input).await;
    close(gateway, config).await;
    outcome
}

/// Cancels open orders, of the store where no gateway holds it.
///
/// # Errors
/// As [`Gateway::cancel_all`] and [`Gateway::open`].
pub async fn run_cancel_all(config: &Config, input: CancelAllIn) -> Result<CancelAllOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.cancel_all(input).await;
    close(gateway, config).await;
    outcome
}

/// Changes the terms of an order.
///
/// # Errors
/// As [`Gateway::replace`] and [`Gateway::open`].
pub async fn run_replace(config: &Config, input: ReplaceIn) -> Result<ReplaceOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.replace(input).await;
    close(gateway, config).await;
    outcome
}

/// Asks what TWS would make of an order. Nothing is placed.
///
/// # Errors
/// As [`Gateway::preview`] and [`Gateway::open`].
pub async fn run_preview(config: &Config, input: PreviewIn) -> Result<PreviewOut, Error> {
    let gateway = Gateway::open(config).await?;
    let outcome = gateway.preview(input).await;
    close(gateway, config).await;
    outcome
}

/// Reads one order and its fills from the store. Needs no TWS and takes no lock: it can be done beside a running gateway.
///
/// # Errors
/// As [`Gateway::get`]; `STORE` where there is no store.
pub async fn run_get(config: &Config, key: OrderKey) -> Result<OrderDetail, Error> {
    gateway::check_key(&key)?;
    let found = Reader::open(&config.order_db_path)
        .await?
        .get(key.clone())
        .await?;
    found.ok_or_else(|| Error::order_not_found(&key))
}

/// Reads a page of stored orders, newest first, like [`run_get`].
///
/// # Errors
/// As [`Gateway::list`]; `STORE` where there is no store.
pub async fn run_list(config: &Config, input: ListIn) -> Result<ListOut, Error> {
    Ok(Reader::open(&config.order_db_path)
        .await?
        .list(input)
        .await?)
}

async fn close(gateway: Gateway, config: &Config) {
    gateway.close(config.timers.shutdown_grace).await;
}

/// The watch of an order that has ended, from the store alone; `None` when it takes a gateway.
async fn ended(config: &Config, input: &WatchIn) -> Result<Option<Watch>, Error> {
    let mut spec = gateway::watch_spec(input.clone(), config.timers.terminal_linger)?;
    // Where the store cannot be read beside, opening it says why.
    let Ok(reader) = Reader::open(&config.order_db_path).await else {
        return Ok(None);
    };
    spec.order_id = gateway::watched_order(&reader, input.order.clone()).await?;
    let Some(order_id) = spec.order_id else {
        return Ok(None);
    };
    let orders = if input.with_family {
        reader.family(order_id).await?
    } else {
        vec![order_id]
    };
    let snapshot = reader.snapshot(Some(orders.into())).await?;
    if snapshot.details.is_empty() {
        return Err(Error::order_not_found(&OrderKey::OrderId(order_id)));
    }
    if !snapshot.details.iter().all(|detail| detail.order.terminal) {
        return Ok(None);
    }
    let feed = Feed::new(reader, snapshot.head_sequence, gateway::feed_limits(config));
    feed.watch(spec).await.map(Some)
}

async fn follow(
    watch: Watch,
    order: Option<OrderKey>,
    on_update: impl FnMut(&WatchUpdate),
) -> WatchOut {
    // As it was when the watch began: whatever came later, the watch shows.
    let standing = watch.order_id().zip(watch.status());
    let updates = watch.map(|update| update.map(WatchUpdate::from));
    outcome::watched(updates, order, async { standing }, on_update).await
}

/// Waits for the session with TWS.
async fn connected(gateway: &Gateway, timeout: f64) -> Result<(), Error> {
    let mut link = gateway.link();
    let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
    let up = tokio::time::timeout(timeout, link.wait_for(|link| link.connected))
        .await
        .is_ok_and(|seen| seen.is_ok());
    if up {
        return Ok(());
    }
    let failure = link.borrow().failure.clone();
    Err(Error::new(
        Reason::TwsUnavailable,
        failure.unwrap_or_else(|| COULD_NOT_CONNECT.to_owned()),
    ))
}
