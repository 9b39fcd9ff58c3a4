//! `get` and `list`: read the store, beside a running gateway or without one.

use super::args::{Format, GetArgs, ListArgs};
use super::checked::{Checked, Target};
use super::documents::{GetDocument, ListDocument};
use super::exit::Exit;
use super::output::Output;
use super::{stderr, table};
use crate::api::{run_get, run_list};
use crate::domain::{ListIn, ListOut, OrderDetail, OrderKey};
use crate::error::Error;

pub(super) async fn get(args: GetArgs, checked: Checked, output: &mut Output) -> Exit {
    let result = order(args.key.key(), &checked).await;
    let exit = Exit::of(result.is_ok());
    match (&result, args.output) {
        (Ok(found), Format::Table) => output.bytes(table::detail(found).as_bytes()),
        (Err(error), Format::Table) => stderr::say(error),
        (Ok(_) | Err(_), Format::Json) => output.json(&GetDocument::from(result)),
    }
    exit
}

pub(super) async fn list(args: ListArgs, checked: Checked, output: &mut Output) -> Exit {
    let ListArgs {
        status,
        symbol,
        bracket_id,
        page_size,
        page_token,
        output: format,
        door: _,
        settings: _,
    } = args;
    let request = ListIn {
        statuses: status,
        symbol,
        bracket_id,
        page_size,
        page_token,
    };
    let result = orders(request, &checked).await;
    let exit = Exit::of(result.is_ok());
    match (&result, format) {
        (Ok(found), Format::Table) => output.bytes(table::orders(found).as_bytes()),
        (Err(error), Format::Table) => stderr::say(error),
        (Ok(_) | Err(_), Format::Json) => output.json(&ListDocument::from(result)),
    }
    exit
}

async fn order(key: OrderKey, checked: &Checked) -> Result<OrderDetail, Error> {
    match &checked.door {
        Target::Tws | Target::Simulator => run_get(&checked.config, key).await,
        Target::Server(server) => server.connect().await?.get(key).await,
    }
}

async fn orders(request: ListIn, checked: &Checked) -> Result<ListOut, Error> {
    match &checked.door {
        Target::Tws | Target::Simulator => run_list(&checked.config, request).await,
        Target::Server(server) => server.connect().await?.list(request).await,
    }
}
