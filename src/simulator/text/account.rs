//! Positions and account values, and the requests for them.

use super::super::wire;
use super::reader::{ReadError, Reader};
use super::writer::Writer;

pub(super) fn value(out: &mut Writer, row: &wire::AccountValue) {
    out.message_version(2);
    out.maybe_text(row.key.as_ref());
    out.maybe_text(row.value.as_ref());
    out.maybe_text(row.currency.as_ref());
    out.maybe_text(row.account.as_ref());
}

pub(super) fn portfolio(out: &mut Writer, row: &wire::PortfolioValue) {
    out.message_version(8);
    let default = wire::Contract::default();
    let contract = row.contract.as_ref().unwrap_or(&default);
    identity(out, contract);
    out.text("0"); // right: what a stock has here
    out.empty(); // multiplier
    out.maybe_text(contract.exchange.as_ref());
    out.maybe_text(contract.currency.as_ref());
    out.maybe_text(contract.local_symbol.as_ref());
    out.maybe_text(contract.trading_class.as_ref());
    out.maybe_text(row.position.as_ref());
    out.maybe_double(row.market_price);
    out.maybe_double(row.market_value);
    out.maybe_double(row.average_cost);
    out.maybe_double(row.unrealized_pnl);
    out.maybe_double(row.realized_pnl);
    out.maybe_text(row.account.as_ref());
}

pub(super) fn position(out: &mut Writer, row: &wire::Position) {
    out.message_version(3);
    out.maybe_text(row.account.as_ref());
    held_contract(out, row.contract.as_ref());
    out.maybe_text(row.position.as_ref());
    out.maybe_double(row.average_cost);
}

pub(super) fn position_multi(out: &mut Writer, row: &wire::PositionMulti) {
    out.message_version(1);
    out.maybe_int(row.request_id);
    out.maybe_text(row.account.as_ref());
    held_contract(out, row.contract.as_ref());
    out.maybe_text(row.position.as_ref());
    out.maybe_double(row.average_cost);
    out.empty(); // model
}

pub(super) fn summary(out: &mut Writer, row: &wire::AccountSummary) {
    out.message_version(1);
    out.maybe_int(row.request_id);
    out.maybe_text(row.account.as_ref());
    out.maybe_text(row.key.as_ref());
    out.maybe_text(row.value.as_ref());
    out.maybe_text(row.currency.as_ref());
}

pub(super) fn update_multi(out: &mut Writer, row: &wire::AccountUpdateMulti) {
    out.message_version(1);
    out.maybe_int(row.request_id);
    out.maybe_text(row.account.as_ref());
    out.empty(); // model
    out.maybe_text(row.key.as_ref());
    out.maybe_text(row.value.as_ref());
    out.maybe_text(row.currency.as_ref());
}

pub(super) fn pnl(out: &mut Writer, pnl: &wire::Pnl) {
    out.maybe_int(pnl.request_id);
    out.double_or_unset(pnl.daily);
    out.double_or_unset(pnl.unrealized);
    out.double_or_unset(pnl.realized);
}

pub(super) fn pnl_single(out: &mut Writer, pnl: &wire::PnlSingle) {
    out.maybe_int(pnl.request_id);
    out.maybe_text(pnl.position.as_ref());
    out.double_or_unset(pnl.daily);
    out.double_or_unset(pnl.unrealized);
    out.double_or_unset(pnl.realized);
    out.double_or_unset(pnl.value);
}

/// What a contract's number, names and terms are, up to the right.
fn identity(out: &mut Writer, contract: &wire::Contract) {
    out.int(contract.con_id.unwrap_or(0));
    out.maybe_text(contract.symbol.as_ref());
    out.maybe_text(contract.sec_type.as_ref());
    out.empty(); // last trade date
    out.double(contract.strike.unwrap_or(0.0));
}

fn held_contract(out: &mut Writer, contract: Option<&wire::Contract>) {
    let default = wire::Contract::default();
    let contract = contract.unwrap_or(&default);
    identity(out, contract);
    out.empties(2); // right, multiplier
    out.maybe_text(contract.exchange.as_ref());
    out.maybe_text(contract.currency.as_ref());
    out.maybe_text(contract.local_symbol.as_ref());
    out.maybe_text(contract.trading_class.as_ref());
}

pub(super) fn updates_request(
    mut fields: Reader<'_>,
) -> Result<wire::AccountUpdatesRequest, ReadError> {
    fields.skip(1)?;
    Ok(wire::AccountUpdatesRequest {
        subscribe: Some(fields.flag()?),
        account: fields.text()?,
    })
}

pub(super) fn summary_request(
    mut fields: Reader<'_>,
) -> Result<wire::AccountSummaryRequest, ReadError> {
    fields.skip(1)?;
    Ok(wire::AccountSummaryRequest {
        request_id: fields.int()?,
        group: fields.text()?,
        tags: fields.text()?,
    })
}

/// The id of a subscription that ends.
pub(super) fn request_id(mut fields: Reader<'_>) -> Result<i32, ReadError> {
    fields.skip(1)?;
    Ok(fields.int()?.unwrap_or(-1))
}

pub(super) fn positions_multi_request(
    mut fields: Reader<'_>,
) -> Result<wire::AccountRequest, ReadError> {
    fields.skip(1)?;
    pnl_request(fields)
}

pub(super) fn updates_multi_request(
    mut fields: Reader<'_>,
) -> Result<wire::AccountRequest, ReadError> {
    fields.skip(1)?;
    Ok(wire::AccountRequest {
        request_id: fields.int()?,
        account: fields.text()?,
        model: fields.text()?,
        ledger_only: Some(fields.flag()?),
    })
}

pub(super) fn pnl_request(mut fields: Reader<'_>) -> Result<wire::AccountRequest, ReadError> {
    Ok(wire::AccountRequest {
        request_id: fields.int()?,
        account: fields.text()?,
        model: fields.text()?,
        ledger_only: None,
    })
}

pub(super) fn pnl_single_request(
    mut fields: Reader<'_>,
) -> Result<wire::PnlSingleRequest, ReadError> {
    Ok(wire::PnlSingleRequest {
        request_id: fields.int()?,
        account: fields.text()?,
        model: fields.text()?,
        con_id: fields.int()?,
    })
}
