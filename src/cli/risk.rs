//! `limits`, `halt`, `resume` and `cancel-all`.

use serde::Serialize;

use super::args::{CancelAllArgs, Format, HaltArgs, LimitsArgs, ResumeArgs};
use super::checked::{Checked, Target};
use super::exit::Exit;
use super::output::Output;
use super::{stderr, table};
use crate::api::{run_cancel_all, run_halt, run_limits, run_resume};
use crate::domain::{CancelAllIn, HaltIn, ResumeIn};
use crate::error::Error;

/// What such a command prints: the outcome's fields, and why there are none.
#[derive(Debug, Serialize)]
struct Document<'a, T> {
    #[serde(flatten)]
    out: Option<&'a T>,
    error: Option<&'a str>,
}

fn print<T: Serialize>(
    result: &Result<T, Error>,
    format: Format,
    checked: &Checked,
    output: &mut Output,
    rows: impl FnOnce(&T) -> String,
) {
    if let Err(error) = result {
        stderr::hint(Some(&error.message), checked);
    }
    match (result, format) {
        (Ok(out), Format::Table) => output.bytes(rows(out).as_bytes()),
        (Err(error), Format::Table) => stderr::say(error),
        (_, Format::Json) => output.json(&Document {
            out: result.as_ref().ok(),
            error: result.as_ref().err().map(|error| error.message.as_str()),
        }),
    }
}

pub(super) async fn limits(args: LimitsArgs, checked: Checked, output: &mut Output) -> Exit {
    let result = match &checked.door {
        Target::Tws | Target::Simulator => run_limits(&checked.config).await,
        Target::Server(server) => match server.connect().await {
            Ok(client) => client.limits().await,
            Err(error) => Err(error),
        },
    };
    print(&result, args.output, &checked, output, table::limits);
    Exit::of(result.is_ok())
}

pub(super) async fn halt(args: HaltArgs, checked: Checked, output: &mut Output) -> Exit {
    let HaltArgs {
        reason,
        caller,
        account,
        cancel_open,
        include_protective,
        timeout,
        output: format,
        door: _,
        settings: _,
    } = args;
    let input = HaltIn {
        reason,
        caller,
        account,
        cancel_open,
        include_protective,
        timeout: timeout.timeout,
    };
    let result = match &checked.door {
        Target::Tws | Target::Simulator => run_halt(&checked.config, input).await,
        Target::Server(server) => match server.connect().await {
            Ok(client) => client.halt(input).await,
            Err(error) => Err(error),
        },
    };
    print(&result, format, &checked, output, |out| {
        let mut text = table::halts(out.state, &out.halts);
        if let Some(cancelled) = &out.cancelled {
            text.push_str(&table::cancelled(cancelled));
        }
        text
    });
    Exit::of(result.is_ok())
}

pub(super) async fn resume(args: ResumeArgs, checked: Checked, output: &mut Output) -> Exit {
    let ResumeArgs {
        caller,
        account,
        output: format,
        door: _,
        settings: _,
    } = args;
    let input = ResumeIn { caller, account };
    let result = match &checked.door {
        Target::Tws | Target::Simulator => run_resume(&checked.config, input).await,
        Target::Server(server) => match server.connect().await {
            Ok(client) => client.resume(input).await,
            Err(error) => Err(error),
        },
    };
    print(&result, format, &checked, output, |out| {
        table::halts(out.state, &out.halts)
    });
    Exit::of(result.is_ok())
}

pub(super) async fn cancel_all(args: CancelAllArgs, checked: Checked, output: &mut Output) -> Exit {
    let CancelAllArgs {
        account,
        symbol,
        action,
        include_protective,
        unknown_orders,
        timeout,
        output: format,
        door: _,
        settings: _,
    } = args;
    let input = CancelAllIn {
        account,
        symbol,
        action,
        include_protective,
        unknown_orders,
        timeout: timeout.timeout,
    };
    let result = match &checked.door {
        Target::Tws | Target::Simulator => run_cancel_all(&checked.config, input).await,
        Target::Server(server) => match server.connect().await {
            Ok(client) => client.cancel_all(input).await,
            Err(error) => Err(error),
        },
    };
    print(&result, format, &checked, output, table::cancelled);
    let sent = |out: &crate::domain::CancelAllOut| out.results.iter().all(|r| r.error.is_none());
    Exit::of(result.as_ref().is_ok_and(sent))
}
