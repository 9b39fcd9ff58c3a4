//! `bracket`: places an entry with its exits.

use super::args::BracketArgs;
use super::checked::{Checked, Target};
use super::exit::Exit;
use super::output::Output;
use super::progress::while_waiting;
use super::simulated::simulated;
use super::{order, stderr};
use crate::api::run_bracket;
use crate::domain::{BracketIn, BracketOut, Status};
use crate::error::Error;
use crate::outcome;
use crate::request_id::new_request_id;

pub(super) async fn bracket(args: BracketArgs, checked: Checked, output: &mut Output) -> Exit {
    let BracketArgs {
        bracket: typed,
        dry_run,
        request_id,
        timeout,
        door: _,
        settings: _,
    } = args;
    // Made here, so that the outcome has it whatever happens to the call.
    let request_id = request_id.or_else(|| (!dry_run).then(new_request_id));
    let out = match order::document(&typed) {
        Ok(text) => {
            let input = BracketIn {
                dry_run,
                timeout: timeout.timeout,
                request_id: request_id.clone(),
                ..BracketIn::new(text)
            };
            while_waiting(through(&checked, input)).await
        }
        Err(error) => Err(error),
    };
    let out = out.unwrap_or_else(|error| outcome::bracket_failed(error, dry_run, request_id));
    stderr::hint(out.error.as_deref(), &checked);
    output.json(&out);
    Exit::of(is_placed(&out))
}

async fn through(checked: &Checked, input: BracketIn) -> Result<BracketOut, Error> {
    match &checked.door {
        Target::Server(server) => server.connect().await?.place_bracket(input).await,
        Target::Simulator if !input.dry_run => {
            simulated(&checked.config, async |config| {
                run_bracket(config, input).await
            })
            .await
        }
        Target::Tws | Target::Simulator => Ok(run_bracket(&checked.config, input).await),
    }
}

/// Whether all of it was placed and TWS refused none of it, or would be placed.
fn is_placed(out: &BracketOut) -> bool {
    let mut orders = [&out.entry, &out.take_profit, &out.stop_loss]
        .into_iter()
        .flatten();
    (out.submitted || out.dry_run)
        && out.error.is_none()
        && out.errors.is_none()
        && !orders.any(|order| order.status == Status::Rejected)
}
