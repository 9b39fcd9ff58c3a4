//! Reports and answers that are short.

use super::super::wire;
use super::writer::Writer;

pub(super) fn order_status(out: &mut Writer, status: &wire::OrderStatus) {
    out.maybe_int(status.order_id);
    out.maybe_text(status.status.as_ref());
    out.maybe_text(status.filled.as_ref());
    out.maybe_text(status.remaining.as_ref());
    out.maybe_double(status.avg_fill_price);
    out.perm_id(status.perm_id);
    out.int(status.parent_id.unwrap_or(0));
    out.maybe_double(status.last_fill_price);
    out.maybe_int(status.client_id);
    out.maybe_text(status.why_held.as_ref());
    out.maybe_double(status.mkt_cap_price);
}

pub(super) fn error(out: &mut Writer, error: &wire::ErrorMessage) {
    if out.version < 194 {
        out.message_version(2);
    }
    out.int(error.id.unwrap_or(-1));
    out.int(error.code.unwrap_or(0));
    out.maybe_text(error.text.as_ref());
    if out.version >= 166 {
        // The refused order's details, which the simulator does not give.
        out.empty();
    }
    if out.version >= 194 {
        out.maybe_int(error.time_ms);
    }
}

/// Contract in reports: identity, what a derivative would have, exchange, currency and names.
pub(super) fn contract(out: &mut Writer, contract: &wire::Contract) {
    out.int(contract.con_id.unwrap_or(0));
    out.maybe_text(contract.symbol.as_ref());
    out.maybe_text(contract.sec_type.as_ref());
    out.empty(); // last trade date
    out.double(contract.strike.unwrap_or(0.0));
    out.text(contract.right.as_deref().unwrap_or("?"));
    out.empty(); // multiplier
    out.maybe_text(contract.exchange.as_ref());
    out.maybe_text(contract.currency.as_ref());
    out.maybe_text(contract.local_symbol.as_ref());
    out.maybe_text(contract.trading_class.as_ref());
}

pub(super) fn execution(out: &mut Writer, details: &wire::ExecutionDetails) {
    let default = wire::Execution::default();
    let execution = details.execution.as_ref().unwrap_or(&default);
    out.int(details.request_id.unwrap_or(-1));
    out.int(execution.order_id.unwrap_or(0));
    contract(
        out,
        details
            .contract
            .as_ref()
            .unwrap_or(&wire::Contract::default()),
    );
    out.maybe_text(execution.exec_id.as_ref());
    out.maybe_text(execution.time.as_ref());
    out.maybe_text(execution.account.as_ref());
    out.maybe_text(execution.exchange.as_ref());
    out.maybe_text(execution.side.as_ref());
    out.maybe_text(execution.shares.as_ref());
    out.maybe_double(execution.price);
    out.perm_id(execution.perm_id);
    out.int(execution.client_id.unwrap_or(0));
    out.int(0); // liquidation
    out.maybe_text(execution.cum_qty.as_ref());
    out.maybe_double(execution.avg_price);
    out.maybe_text(execution.order_ref.as_ref());
    out.empties(3); // economic value rule and multiplier, model
    out.int(execution.last_liquidity.unwrap_or(0));
    if out.version >= 178 {
        out.flag(false); // a price still to be revised
    }
    if out.version >= 198 {
        out.empty(); // submitter
    }
}

pub(super) fn commission(out: &mut Writer, report: &wire::CommissionReport) {
    out.message_version(1);
    out.maybe_text(report.exec_id.as_ref());
    out.maybe_double(report.commission);
    out.maybe_text(report.currency.as_ref());
    out.double_or_unset(report.realized_pnl);
    out.double_or_unset(None); // yield
    out.empty(); // its date
}

pub(super) fn order_bound(out: &mut Writer, bound: &wire::OrderBound) {
    out.perm_id(bound.perm_id);
    out.maybe_int(bound.client_id);
    out.maybe_int(bound.order_id);
}

pub(super) fn contract_data(out: &mut Writer, row: &wire::ContractData) {
    let default = wire::Contract::default();
    let contract = row.contract.as_ref().unwrap_or(&default);
    let default = wire::ContractDetails::default();
    let details = row.details.as_ref().unwrap_or(&default);
    if out.version < 164 {
        out.message_version(8);
    }
    out.int(row.request_id.unwrap_or(-1));
    out.maybe_text(contract.symbol.as_ref());
    out.maybe_text(contract.sec_type.as_ref());
    out.empty(); // last trade date with its time
    if out.version >= 182 {
        out.empty(); // and without
    }
    out.double(contract.strike.unwrap_or(0.0));
    out.empty(); // right
    out.maybe_text(contract.exchange.as_ref());
    out.maybe_text(contract.currency.as_ref());
    out.maybe_text(contract.local_symbol.as_ref());
    out.maybe_text(details.market_name.as_ref());
    out.maybe_text(contract.trading_class.as_ref());
    out.int(contract.con_id.unwrap_or(0));
    out.maybe_text(details.min_tick.as_ref());
    if out.version < 164 {
        out.int(1); // multiplier of sizes in market data
    }
    out.empty(); // multiplier
    out.maybe_text(details.order_types.as_ref());
    out.maybe_text(details.valid_exchanges.as_ref());
    out.int(details.price_magnifier.unwrap_or(1));
    out.int(0); // the underlying's contract id
    out.maybe_text(details.long_name.as_ref());
    out.maybe_text(contract.primary_exch.as_ref());
    out.empties(4); // contract month, industry, category, subcategory
    out.maybe_text(details.time_zone_id.as_ref());
    out.empties(4); // trading hours, liquid hours, economic value rule and multiplier
    out.int(0); // security ids
    out.int(1); // aggregated group
    out.empties(4); // the underlying's symbol and type, market rules, real expiration date
    out.maybe_text(details.stock_type.as_ref());
    if out.version == 163 {
        out.maybe_text(details.size_increment.as_ref());
    }
    if out.version >= 164 {
        out.maybe_text(details.min_size.as_ref());
        out.maybe_text(details.size_increment.as_ref());
        out.maybe_text(details.size_increment.as_ref()); // as suggested
    }
    if out.version >= 186 {
        out.int(0); // reasons for which it is not eligible
    }
}
