//! `positions` and `account`: what TWS says of the login's accounts.

use super::args::{AccountArgs, Format, PositionsArgs};
use super::checked::{Checked, Target};
use super::documents::{AccountDocument, PositionsDocument};
use super::exit::Exit;
use super::output::Output;
use super::progress::while_waiting;
use super::simulated::simulated;
use super::{stderr, table};
use crate::api::{run_account, run_positions};
use crate::domain::{AccountIn, AccountOut, PositionsIn, PositionsOut};
use crate::error::Error;

pub(super) async fn positions(args: PositionsArgs, checked: Checked, output: &mut Output) -> Exit {
    let input = PositionsIn {
        account: args.account,
        timeout: args.timeout.timeout,
    };
    let result = while_waiting(positions_through(&checked, input)).await;
    let exit = Exit::of(result.is_ok());
    let error = result.as_ref().err();
    stderr::hint(error.map(|error| error.message.as_str()), &checked);
    match (&result, args.output) {
        (Ok(found), Format::Table) => output.bytes(table::positions(found).as_bytes()),
        (Err(error), Format::Table) => stderr::say(error),
        (Ok(_) | Err(_), Format::Json) => output.json(&PositionsDocument::from(result)),
    }
    exit
}

pub(super) async fn account(args: AccountArgs, checked: Checked, output: &mut Output) -> Exit {
    let input = AccountIn {
        account: args.account,
        timeout: args.timeout.timeout,
    };
    let result = while_waiting(account_through(&checked, input)).await;
    let exit = Exit::of(result.is_ok());
    let error = result.as_ref().err();
    stderr::hint(error.map(|error| error.message.as_str()), &checked);
    match (&result, args.output) {
        (Ok(found), Format::Table) => output.bytes(table::account(found).as_bytes()),
        (Err(error), Format::Table) => stderr::say(error),
        (Ok(_) | Err(_), Format::Json) => output.json(&AccountDocument::from(result)),
    }
    exit
}

async fn positions_through(checked: &Checked, input: PositionsIn) -> Result<PositionsOut, Error> {
    match &checked.door {
        Target::Tws => run_positions(&checked.config, input).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_positions(config, input).await
            })
            .await?
        }
        Target::Server(server) => server.connect().await?.positions(input).await,
    }
}

async fn account_through(checked: &Checked, input: AccountIn) -> Result<AccountOut, Error> {
    match &checked.door {
        Target::Tws => run_account(&checked.config, input).await,
        Target::Simulator => {
            simulated(&checked.config, async |config| {
                run_account(config, input).await
            })
            .await?
        }
        Target::Server(server) => server.connect().await?.account(input).await,
    }
}
