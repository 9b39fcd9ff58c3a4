//! `health`, `validate`, `place`, `transmit` and `cancel`: one question, one answer.

use super::args::{
    CancelArgs, HealthArgs, OrderArgs, PlaceArgs, PreviewArgs, ReplaceArgs, TransmitArgs,
};
use super::checked::{Checked, Server, Target};
use super::documents::{ChangeDocument, PreviewDocument};
use super::exit::Exit;
use super::output::Output;
use super::progress::while_waiting;
use super::simulated::simulated;
use super::{order, stderr};
use serde_json::Value;

use crate::api::{run_cancel, run_health, run_place, run_preview, run_replace, run_transmit};
use crate::config::Config;
use crate::domain::{
    CancelIn, ChangeDraft, HealthIn, HealthOut, OrderInput, OrderState, PlaceIn, PlaceOut,
    PreviewIn, PreviewOut, ReplaceIn, ReplaceOut, ReplacementStatus, Status, TransmitIn,
    ValidateIn, ValidateOut,
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

pub(super) async fn replace(args: ReplaceArgs, checked: Checked, output: &mut Output) -> Exit {
    let ReplaceArgs {
        key,
        quantity,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
        tif,
        expected_revision,
        dry_run,
        request_id,
        timeout,
        door: _,
        settings: _,
    } = args;
    // Made here, so that the outcome has it whatever happens to the call.
    let request_id = request_id.or_else(|| (!dry_run).then(new_request_id));
    let typed = |text: Option<String>| text.map(Value::String);
    let input = ReplaceIn {
        order: key.key(),
        change: ChangeDraft {
            quantity: typed(quantity),
            limit_price: typed(limit_price),
            stop_price: typed(stop_price),
            trail_amount: typed(trail_amount),
            trail_percent: typed(trail_percent),
            limit_offset: typed(limit_offset),
            tif: typed(tif),
        },
        expected_revision,
        request_id: request_id.clone(),
        timeout: timeout.timeout,
        dry_run,
    };
    let out = while_waiting(replace_through(&checked, input))
        .await
        .unwrap_or_else(|error| outcome::replace_failed(error, dry_run, request_id));
    stderr::hint(out.error.as_deref(), &checked);
    output.json(&out);
    Exit::of(is_replaced(&out))
}

async fn replace_through(checked: &Checked, input: ReplaceIn) -> Result<ReplaceOut, Error> {
    match &checked.door {
        Target::Tws => run_replace(&checked.config, input).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_replace(config, input).await
            })
            .await?
        }
        Target::Server(server) => server.connect().await?.replace(input).await,
    }
}

/// Whether the new terms are in TWS or on their way, or would be sent.
fn is_replaced(out: &ReplaceOut) -> bool {
    let refused = out.order.as_ref().is_some_and(|order| {
        order
            .replacement
            .as_ref()
            .is_some_and(|replacement| replacement.status == ReplacementStatus::Refused)
    });
    out.error.is_none() && out.errors.is_none() && (out.dry_run || !refused)
}

pub(super) async fn preview(args: PreviewArgs, checked: Checked, output: &mut Output) -> Exit {
    let PreviewArgs {
        order: typed,
        timeout,
        door: _,
        settings: _,
    } = args;
    let result = match order::document(&typed) {
        Ok(text) => {
            let input = PreviewIn {
                timeout: timeout.timeout,
                ..PreviewIn::new(text)
            };
            while_waiting(preview_through(&checked, input)).await
        }
        Err(error) => Err(error),
    };
    let accepted = match &result {
        Ok(out) => out.accepted,
        Err(error) => {
            stderr::hint(Some(&error.message), &checked);
            false
        }
    };
    output.json(&PreviewDocument::from(result));
    Exit::of(accepted)
}

async fn preview_through(checked: &Checked, input: PreviewIn) -> Result<PreviewOut, Error> {
    match &checked.door {
        Target::Tws => run_preview(&checked.config, input).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_preview(config, input).await
            })
            .await?
        }
        Target::Server(server) => server.connect().await?.preview(input).await,
    }
}

/// A change of an order.
#[derive(Debug, Clone)]
enum Change {
    /// Release a staged order.
    Transmit(TransmitIn),
    /// Cancel an order.
    Cancel(CancelIn),
}

pub(super) async fn transmit(args: TransmitArgs, checked: Checked, output: &mut Output) -> Exit {
    let TransmitArgs {
        key,
        request_id,
        timeout,
        door: _,
        settings: _,
    } = args;
    let input = TransmitIn {
        order: key.key(),
        timeout: timeout.timeout,
        request_id,
    };
    change(Change::Transmit(input), checked, output).await
}

pub(super) async fn cancel(args: CancelArgs, checked: Checked, output: &mut Output) -> Exit {
    let CancelArgs {
        key,
        request_id,
        with_sibling,
        timeout,
        door: _,
        settings: _,
    } = args;
    let input = CancelIn {
        order: key.key(),
        timeout: timeout.timeout,
        request_id,
        with_sibling,
    };
    change(Change::Cancel(input), checked, output).await
}

async fn change(change: Change, checked: Checked, output: &mut Output) -> Exit {
    let cancels = matches!(change, Change::Cancel(_));
    let result = while_waiting(change_through(&checked, change)).await;
    let done = match &result {
        Ok(order) => cancels || order.status != Status::Rejected,
        Err(error) => {
            stderr::hint(Some(&error.message), &checked);
            false
        }
    };
    output.json(&ChangeDocument::from(result));
    Exit::of(done)
}

async fn change_through(checked: &Checked, change: Change) -> Result<OrderState, Error> {
    match &checked.door {
        Target::Tws => change_here(&checked.config, change).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                change_here(config, change).await
            })
            .await?
        }
        Target::Server(server) => {
            let client = server.connect().await?;
            match change {
                Change::Transmit(input) => client.transmit_with(input).await,
                Change::Cancel(input) => client.cancel_with(input).await,
            }
        }
    }
}

async fn change_here(config: &Config, change: Change) -> Result<OrderState, Error> {
    match change {
        Change::Transmit(input) => run_transmit(config, input).await,
        Change::Cancel(input) => run_cancel(config, input).await,
    }
}
