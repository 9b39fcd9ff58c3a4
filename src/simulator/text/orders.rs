//! Orders as TWS shows them: openOrder and completedOrder. The two have most fields in common and in the same order.

use super::super::wire;
use super::answers::contract;
use super::writer::Writer;

/// Which of the two is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row {
    Open,
    Completed,
}

pub(super) fn open_order(out: &mut Writer, open: &wire::OpenOrder) {
    out.int(open.order_id.unwrap_or(0));
    let (order, state) = (open.order.as_ref(), open.order_state.as_ref());
    row(out, Row::Open, open.contract.as_ref(), order, state);
}

pub(super) fn completed_order(out: &mut Writer, completed: &wire::CompletedOrder) {
    let (order, state) = (completed.order.as_ref(), completed.order_state.as_ref());
    row(
        out,
        Row::Completed,
        completed.contract.as_ref(),
        order,
        state,
    );
}

fn row(
    out: &mut Writer,
    row: Row,
    of: Option<&wire::Contract>,
    order: Option<&wire::Order>,
    state: Option<&wire::OrderState>,
) {
    let (no_contract, no_order) = (wire::Contract::default(), wire::Order::default());
    let no_state = wire::OrderState::default();
    let order = order.unwrap_or(&no_order);
    let state = state.unwrap_or(&no_state);
    contract(out, of.unwrap_or(&no_contract));
    terms(out, row, order);
    institutional(out, row, order);
    volatility(out, row, order);
    trail_and_legs(out, row, order);
    status(out, row, order, state);
    match row {
        Row::Open => adjustments(out, order),
        Row::Completed => completion(out, order, state),
    }
    from_later_versions(out, row, order);
}

/// What is traded, for how much, until when, for whom.
fn terms(out: &mut Writer, row: Row, order: &wire::Order) {
    out.maybe_text(order.action.as_ref());
    out.maybe_text(order.total_quantity.as_ref());
    out.maybe_text(order.order_type.as_ref());
    out.price(order.lmt_price);
    out.price(order.aux_price);
    out.maybe_text(order.tif.as_ref());
    out.maybe_text(order.oca_group.as_ref());
    out.maybe_text(order.account.as_ref());
    out.empty(); // open or close
    out.int(order.origin.unwrap_or(0));
    out.maybe_text(order.order_ref.as_ref());
    if row == Row::Open {
        out.int(order.client_id.unwrap_or(0));
    }
    out.perm_id(order.perm_id);
    out.flag(order.outside_rth.unwrap_or(false));
    out.flag(false); // hidden
    out.int(0); // discretionary amount
    out.maybe_text(order.good_after_time.as_ref());
    if row == Row::Open {
        out.empty(); // shares allocation, long gone
    }
    out.empties(3); // an adviser's group, method, percentage
    if out.version < 177 {
        out.empty(); // and profile
    }
    out.empty(); // model
    out.maybe_text(order.good_till_date.as_ref());
}

/// What institutions and auctions need.
fn institutional(out: &mut Writer, row: Row, order: &wire::Order) {
    out.int(0); // rule 80A
    out.empties(2); // percent offset, settling firm
    out.int(order.short_sale_slot.unwrap_or(0));
    out.empty(); // designated location
    out.int(order.exempt_code.unwrap_or(-1));
    if row == Row::Open {
        out.int(0); // auction strategy
    }
    out.empties(5); // starting, stock reference price, delta, stock range
    match row {
        Row::Open => out.maybe_int(order.display_size),
        Row::Completed => out.int(order.display_size.unwrap_or(i32::MAX)),
    }
    if row == Row::Open {
        out.flag(false); // block order
    }
    out.zeros(2); // sweep to fill, all or none
    out.empty(); // minimum quantity
    out.int(order.oca_type.unwrap_or(0));
    if row == Row::Open {
        out.zeros(2); // electronic trade, firm quote only
        out.empty(); // price cap
        out.int(order.parent_id.unwrap_or(0));
    }
    out.int(order.trigger_method.unwrap_or(0));
}

fn volatility(out: &mut Writer, row: Row, order: &wire::Order) {
    out.empty(); // volatility
    out.int(order.volatility_type.unwrap_or(0));
    let hedge = order.delta_neutral_order_type.as_deref().unwrap_or("");
    out.text(hedge);
    out.empty(); // its price
    if !hedge.is_empty() {
        out.int(0); // its contract
        if row == Row::Open {
            out.empties(3); // settling firm, clearing account and intent
            out.text("?"); // open or close
        }
        out.flag(false); // short sale
        out.int(order.delta_neutral_short_sale_slot.unwrap_or(0));
        out.empty(); // designated location
    }
    out.flag(false); // continuous update
    out.int(order.reference_price_type.unwrap_or(0));
}

fn trail_and_legs(out: &mut Writer, row: Row, order: &wire::Order) {
    out.maybe_double(order.trail_stop_price);
    out.maybe_double(order.trailing_percent);
    if row == Row::Open {
        out.empties(2); // basis points and their type
    }
    out.empty(); // legs in words
    out.zeros(3); // legs, their prices, routing parameters
    match row {
        Row::Open => out.empties(2), // scale: first and next size
        Row::Completed => {
            out.int(i32::MAX);
            out.int(i32::MAX);
        }
    }
    out.empty(); // its increment
    out.empty(); // hedge
    if row == Row::Open {
        out.flag(false); // opted out of smart routing
    }
    out.empty(); // clearing account
    out.maybe_text(order.clearing_intent.as_ref());
    out.zeros(2); // not held, delta neutral contract
    out.maybe_text(order.algo_strategy.as_ref());
    if order.algo_strategy.is_some() {
        out.int(0); // its parameters, which are not echoed
    }
    out.flag(false); // solicited
}

fn status(out: &mut Writer, row: Row, order: &wire::Order, state: &wire::OrderState) {
    if row == Row::Open {
        out.flag(order.what_if.unwrap_or(false));
    }
    out.maybe_text(state.status.as_ref());
    if row == Row::Open {
        margins(out, state);
    }
    out.zeros(2); // size and price at random
    out.int(0); // conditions
}

/// Before, change and after of initial margin, maintenance margin and equity; then the commission.
fn margins(out: &mut Writer, state: &wire::OrderState) {
    out.double_or_unset(state.init_margin_before);
    out.double_or_unset(state.maint_margin_before);
    out.double_or_unset(state.equity_with_loan_before);
    out.double_or_unset(state.init_margin_change);
    out.double_or_unset(state.maint_margin_change);
    out.double_or_unset(state.equity_with_loan_change);
    out.double_or_unset(state.init_margin_after);
    out.double_or_unset(state.maint_margin_after);
    out.double_or_unset(state.equity_with_loan_after);
    out.maybe_double(state.commission);
    out.maybe_double(state.min_commission);
    out.maybe_double(state.max_commission);
    out.maybe_text(state.commission_currency.as_ref());
    if out.version >= 195 {
        out.maybe_text(state.margin_currency.as_ref());
        for _ in 0..9 {
            out.double_or_unset(None); // the nine margins outside trading hours
        }
        out.empties(2); // suggested size, reason of a rejection
        out.int(0); // allocations
    }
    out.maybe_text(state.warning_text.as_ref());
}

/// How a stop may be adjusted, and what came after it in the versions before 157.
fn adjustments(out: &mut Writer, order: &wire::Order) {
    out.maybe_text(order.adjusted_order_type.as_ref());
    out.double_or_unset(None); // trigger price
    out.double_or_unset(order.trail_stop_price);
    out.double_or_unset(order.lmt_price_offset);
    out.double_or_unset(None); // adjusted stop
    out.double_or_unset(None); // adjusted stop limit
    out.double_or_unset(None); // adjusted trailing amount
    out.int(order.adjustable_trailing_unit.unwrap_or(0));
    out.empties(3); // soft dollar tier
    out.double(0.0); // cash quantity
    out.flag(order.dont_use_auto_price_for_hedge.unwrap_or(false));
    out.zeros(2); // OMS container, discretionary up to the limit
    out.int(order.use_price_mgmt_algo.unwrap_or(0));
}

fn completion(out: &mut Writer, order: &wire::Order, state: &wire::OrderState) {
    out.double_or_unset(order.trail_stop_price);
    out.double_or_unset(order.lmt_price_offset);
    out.double(0.0); // cash quantity
    out.flag(order.dont_use_auto_price_for_hedge.unwrap_or(false));
    out.flag(false); // OMS container
    out.maybe_text(order.auto_cancel_date.as_ref());
    out.maybe_text(order.filled_quantity.as_ref());
    out.int(i32::MAX); // contract of a future
    out.flag(false); // the parent is cancelled too
    out.maybe_text(order.shareholder.as_ref());
    out.flag(false); // imbalance only
    out.int(order.route_marketable_to_bbo.unwrap_or(0));
    out.perm_id(order.parent_perm_id);
    out.maybe_text(state.completed_time.as_ref());
    out.maybe_text(state.completed_status.as_ref());
}

/// Fields that single versions added.
fn from_later_versions(out: &mut Writer, row: Row, order: &wire::Order) {
    let open = row == Row::Open;
    if open && out.version >= 158 {
        out.empty(); // duration
    }
    if open && out.version >= 160 {
        out.empty(); // to ATS
    }
    if open && out.version >= 162 {
        out.flag(false); // the parent is cancelled too
    }
    if out.version >= 170 {
        out.empties(5); // pegged to best and to midpoint
    }
    if out.version >= 183 {
        out.empty(); // customer account
    }
    if out.version >= 184 {
        out.flag(false); // professional customer
    }
    if open && out.version >= 185 {
        out.empty(); // accrued interest
    }
    if open && out.version >= 189 {
        out.flag(order.include_overnight.unwrap_or(false));
    }
    if open && out.version >= 193 {
        out.empties(2); // operator, manual order indicator
    }
    if out.version >= 198 {
        out.maybe_text(order.submitter.as_ref());
    }
    if open && out.version >= 199 {
        out.flag(false); // imbalance only
    }
}
