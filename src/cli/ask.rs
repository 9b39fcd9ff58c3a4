//! `health`, `validate`, `place`, `transmit` and `cancel`: one question, one answer.

use super::args::{ChangeArgs, HealthArgs, OrderArgs, PlaceArgs};
use super::checked::{Checked, Server, Target};
use super::documents::ChangeDocument;
use super::exit::Exit;
use super::output::Output;
use super::progress::while_waiting;
use super::simulated::simulated;
use super::{order, stderr};
use crate::api::{run_cancel, run_health, run_place, run_transmit};
use crate::config::Config;
use crate::domain::{
    HealthIn, HealthOut, OrderInput, OrderKey, OrderState, PlaceIn, PlaceOut, Status, ValidateIn,
    ValidateOut,
};
use crate::error::Error;
use crate::outcome;
use crate::request_id::new_request_id;

pub(super) async fn health(args: HealthArgs, checked: Checked, output: &mut Output) -> Exit {
    let input = HealthIn {
        timeout: args.timeout.timeout,
    };
    let out = while_waiting(health_through(&checked, input))
        .await
        .unwrap_or_else(|error| outcome::health_failed(error, checked.config.ib_client_id));
    stderr::hint(out.error.as_deref(), &checked);
    output.json(&out);
    Exit::of(out.connected)
}

async fn health_through(checked: &Checked, input: HealthIn) -> Result<HealthOut, Error> {
    match &checked.door {
        Target::Tws => Ok(run_health(&checked.config, input).await),
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_health(config, input).await
            })
            .await
        }
        Target::Server(server) => server.connect().await?.health(input).await,
    }
}

/// Checks by a running gateway, whose limits count.
pub(super) async fn validate(args: OrderArgs, server: &Server, output: &mut Output) -> Exit {
    let out = match order::read(&args) {
        Ok(order) => validate_at(server, order, args.transmit).await,
        Err(error) => Err(error),
    };
    let out = out.unwrap_or_else(outcome::validate_failed);
    output.json(&out);
    Exit::of(out.valid)
}

async fn validate_at(
    server: &Server,
    order: OrderInput,
    transmit: bool,
) -> Result<ValidateOut, Error> {
    server
        .connect()
        .await?
        .validate(ValidateIn { order, transmit })
        .await
}

pub(super) async fn place(args: PlaceArgs, checked: Checked, output: &mut Output) -> Exit {
    let PlaceArgs {
        order: typed,
        dry_run,
        request_id,
        timeout,
        door: _,
        settings: _,
    } = args;
    // Made here, so that the outcome has it whatever happens to the call.
    let request_id = request_id.or_else(|| (!dry_run).then(new_request_id));
    let out = match order::read(&typed) {
        Ok(order) => {
            let input = PlaceIn {
                order,
                transmit: typed.transmit,
                dry_run,
                timeout: timeout.timeout,
                request_id: request_id.clone(),
            };
            while_waiting(place_through(&checked, input)).await
        }
        Err(error) => Err(error),
    };
    let out = out.unwrap_or_else(|error| outcome::place_failed(error, dry_run, request_id));
    stderr::hint(out.error.as_deref(), &checked);
    output.json(&out);
    Exit::of(is_placed(&out))
}

async fn place_through(checked: &Checked, input: PlaceIn) -> Result<PlaceOut, Error> {
    match &checked.door {
        Target::Server(server) => server.connect().await?.place(input).await,
        Target::Simulator if !input.dry_run => {
            simulated(&checked.config, async |config| {
                run_place(config, input).await
            })
            .await
        }
        Target::Tws | Target::Simulator => Ok(run_place(&checked.config, input).await),
    }
}

/// Whether the order was placed and TWS did not refuse it, or would be placed.
fn is_placed(out: &PlaceOut) -> bool {
    (out.submitted || out.dry_run)
        && out.error.is_none()
        && out.errors.is_none()
        && !out
            .state
            .as_ref()
            .is_some_and(|state| state.status == Status::Rejected)
}

/// Which change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Release a staged order.
    Transmit,
    /// Cancel an order.
    Cancel,
}

pub(super) async fn change(
    change: Change,
    args: ChangeArgs,
    checked: Checked,
    output: &mut Output,
) -> Exit {
    let ChangeArgs {
        key,
        timeout,
        door: _,
        settings: _,
    } = args;
    let result = while_waiting(change_through(&checked, change, key.key(), timeout.timeout)).await;
    let done = match &result {
        Ok(order) => change == Change::Cancel || order.status != Status::Rejected,
        Err(error) => {
            stderr::hint(Some(&error.message), &checked);
            false
        }
    };
    output.json(&ChangeDocument::from(result));
    Exit::of(done)
}

async fn change_through(
    checked: &Checked,
    change: Change,
    key: OrderKey,
    timeout: f64,
) -> Result<OrderState, Error> {
    match &checked.door {
        Target::Tws => change_here(&checked.config, change, key, timeout).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                change_here(config, change, key, timeout).await
            })
            .await?
        }
        Target::Server(server) => {
            let client = server.connect().await?;
            match change {
                Change::Transmit => client.transmit(key, timeout).await,
                Change::Cancel => client.cancel(key, timeout).await,
            }
        }
    }
}

async fn change_here(
    config: &Config,
    change: Change,
    key: OrderKey,
    timeout: f64,
) -> Result<OrderState, Error> {
    match change {
        Change::Transmit => run_transmit(config, key, timeout).await,
        Change::Cancel => run_cancel(config, key, timeout).await,
    }
}
