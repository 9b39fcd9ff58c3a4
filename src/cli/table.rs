//! Tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use crate::domain::{AccountOut, PositionsOut, Timestamp};
use crate::domain::{
    Amount, CancelAllOut, CancelResult, Fill, Halt, LimitLeft, LimitsOut, ListOut, OrderDetail,
    OrderState, PriceFields, TradingState,
};

/// A page of orders.
pub(super) fn orders(list: &ListOut) -> String {
    let mut text = order_lines(&list.orders);
    if let Some(token) = &list.next_page_token {
        text.push_str(&format!("more: --page-token {token}\n"));
    }
    text
}

/// Orders, a line each.
fn order_lines(orders: &[OrderState]) -> String {
    let mut table = new_table(&[
        "order",
        "bracket",
        "status",
        "action",
        "quantity",
        "symbol",
        "type",
        "limit",
        "stop",
        "tif",
        "filled",
        "average",
        "account",
        "updated",
        "last error",
    ]);
    for order in orders {
        let pricing = order.terms.pricing;
        table.add_row([
            order.order_id.to_string(),
            order
                .bracket_id
                .map(|id| id.to_string())
                .unwrap_or_default(),
            order.status.to_string(),
            order.terms.action.to_string(),
            order.terms.quantity.to_string(),
            order.terms.symbol().to_owned(),
            pricing.order_type().to_string(),
            amount(pricing.limit_price()),
            amount(order.trail_stop.or(PriceFields::from(pricing).stop_price)),
            order.terms.tif.to_string(),
            order.filled.to_string(),
            amount(order.avg_fill_price),
            order.account.clone(),
            order.last_update.to_string(),
            last_error(order),
        ]);
    }
    align_right(&mut table, &[0, 1, 4, 7, 8, 10, 11]);
    format!("{table}\n")
}

/// Positions, a line each.
pub(super) fn positions(found: &PositionsOut) -> String {
    let PositionsOut {
        positions,
        as_of,
        stale,
    } = found;
    let mut table = new_table(&[
        "account",
        "symbol",
        "kind",
        "exchange",
        "quantity",
        "average cost",
        "price",
        "value",
        "unrealized",
        "realized",
        "currency",
        "contract",
    ]);
    for position in positions {
        table.add_row([
            one_line(&position.account),
            one_line(&position.symbol),
            one_line(&position.sec_type),
            one_line(position.exchange.as_deref().unwrap_or_default()),
            position.quantity.to_string(),
            position.average_cost.to_string(),
            amount(position.market_price),
            amount(position.market_value),
            amount(position.unrealized_pnl),
            amount(position.realized_pnl),
            one_line(&position.currency),
            position.con_id.to_string(),
        ]);
    }
    align_right(&mut table, &[4, 5, 6, 7, 8, 9, 11]);
    format!("{table}\n{}", freshness(*as_of, *stale))
}

/// Values of an account, a line each.
pub(super) fn account(found: &AccountOut) -> String {
    let AccountOut {
        account,
        values,
        as_of,
        stale,
    } = found;
    let mut table = new_table(&["name", "currency", "value"]);
    for value in values {
        table.add_row([
            one_line(&value.name),
            one_line(value.currency.as_deref().unwrap_or_default()),
            one_line(&value.value),
        ]);
    }
    align_right(&mut table, &[2]);
    let account = one_line(account);
    format!("{account}\n{table}\n{}", freshness(*as_of, *stale))
}

/// A line below that says how old it is.
fn freshness(as_of: Option<Timestamp>, stale: bool) -> String {
    let as_of = match as_of {
        Some(as_of) => format!("as of {as_of}"),
        None => "TWS has not said them yet".to_owned(),
    };
    let stale = if stale { "; may be old or not all" } else { "" };
    format!("{as_of}{stale}\n")
}

/// One order, a line per field, and its fills.
pub(super) fn detail(detail: &OrderDetail) -> String {
    let OrderDetail { order, fills, legs } = detail;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for (name, value) in [
        ("order", order.order_id.to_string()),
        ("request", order.request_id.clone()),
        ("status", order.status.to_string()),
        ("what", what(order)),
        ("account", order.account.clone()),
        ("filled", order.filled.to_string()),
        ("remaining", order.remaining.to_string()),
        ("average price", amount(order.avg_fill_price)),
        ("commission", amount(order.commission)),
        ("last error", last_error(order)),
        ("placed", order.created_at.to_string()),
        ("updated", order.last_update.to_string()),
    ] {
        table.add_row([name.to_owned(), value]);
    }
    let exits = if legs.is_empty() {
        String::new()
    } else {
        format!("\n{}", order_lines(legs))
    };
    format!("{table}\n\n{}{exits}", fill_lines(fills))
}

fn fill_lines(fills: &[Fill]) -> String {
    if fills.is_empty() {
        return "no fills\n".to_owned();
    }
    let mut table = new_table(&[
        "execution",
        "quantity",
        "price",
        "time",
        "exchange",
        "commission",
        "currency",
    ]);
    for fill in fills {
        table.add_row([
            fill.exec_id.clone(),
            fill.quantity.to_string(),
            fill.price.to_string(),
            fill.time.map(|time| time.to_string()).unwrap_or_default(),
            fill.exchange.clone(),
            amount(fill.commission),
            fill.currency.clone().unwrap_or_default(),
        ]);
    }
    align_right(&mut table, &[1, 2, 5]);
    format!("{table}\n")
}

/// The order in a phrase: `BUY 10 MSFT LMT 450.25 DAY`.
fn what(order: &OrderState) -> String {
    let mut words = vec![
        order.terms.action.to_string(),
        order.terms.quantity.to_string(),
        order.terms.symbol().to_owned(),
        order.terms.pricing.order_type().to_string(),
    ];
    words.extend(
        order
            .terms
            .pricing
            .limit_price()
            .map(|price| price.to_string()),
    );
    words.push(order.terms.tif.to_string());
    words.join(" ")
}

fn last_error(order: &OrderState) -> String {
    match (order.last_error_code, &order.last_error) {
        (Some(code), Some(text)) => format!("{code}: {}", one_line(text)),
        (None, Some(text)) => one_line(text),
        (Some(code), None) => code.to_string(),
        (None, None) => String::new(),
    }
}

/// Text from outside without line breaks or anything a terminal would obey.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn amount(amount: Option<Amount>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

/// Limits, a line each, under the halts.
pub(super) fn limits(out: &LimitsOut) -> String {
    let mut table = new_table(&["table", "rule", "limit", "of", "used", "left"]);
    for LimitLeft {
        table: of_table,
        rule,
        warn,
        limit,
        of,
        used,
        left,
    } in &out.limits
    {
        let rule = if *warn {
            format!("warn_{rule}")
        } else {
            rule.clone()
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        table.add_row([
            of_table.clone(),
            rule,
            limit.clone(),
            text(of),
            text(used),
            text(left),
        ]);
    }
    align_right(&mut table, &[2, 4, 5]);
    let mut text = halts(out.state, &out.halts);
    if out.positions_stale {
        text.push_str(
            "positions may be old: where a rule needs them, only what reduces one passes\n",
        );
    }
    if let Some(problem) = &out.problem {
        text.push_str(&format!("the limits file is not used: {problem}\n"));
    }
    if out.limits.is_empty() {
        text.push_str("no limits\n");
    } else {
        text.push_str(&format!("\n{table}\n"));
    }
    text
}

/// Whether new orders are taken, and the halts, a line each.
pub(super) fn halts(state: TradingState, halts: &[Halt]) -> String {
    let mut text = format!("{state}\n");
    if halts.is_empty() {
        return text;
    }
    let mut table = new_table(&["since", "caller", "account", "halted by", "reason"]);
    for Halt {
        reason,
        caller,
        account,
        halted_by,
        since,
    } in halts
    {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "any".to_owned());
        table.add_row([
            since.to_string(),
            name(caller),
            name(account),
            halted_by.clone().unwrap_or_default(),
            reason.clone(),
        ]);
    }
    text.push_str(&format!("{table}\n"));
    text
}

/// What became of the orders that were to be cancelled, a line each.
pub(super) fn cancelled(out: &CancelAllOut) -> String {
    let mut table = new_table(&["order", "status", "note"]);
    for CancelResult {
        order_id,
        status,
        protective,
        error,
    } in &out.results
    {
        let note = match (protective, error) {
            (true, _) => "an exit of a position, left alone".to_owned(),
            (false, Some(error)) => error.clone(),
            (false, None) => String::new(),
        };
        let status = status.map_or_else(String::new, |status| status.to_string());
        table.add_row([order_id.to_string(), status, note]);
    }
    align_right(&mut table, &[0]);
    format!("{table}\n{} still open\n", out.still_open.len())
}

fn new_table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        // Never folded: a program that cuts columns, or a wide terminal, gets whole lines.
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    table
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
