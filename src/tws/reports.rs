//! Messages of TWS about orders, in the gateway's words.

use super::decode::{Context, Message, Unread};
use super::execution_time;
use super::frames::execution::{CommissionAndFeesReport, Execution, ExecutionDetails};
use super::frames::order::{CompletedOrder, Contract, OpenOrder, Order, OrderState, OrderStatus};
use super::frames::{self};
use super::numbers::{self, double};
use super::requests::REQUEST_IDS_FROM;
use crate::domain::{
    Action, Amount, CommissionReport, CompletedReport, ExecutionReport, Margins, OpenOrderReport,
    OrderReport, Origin, PreviewReport, ReportedContract, ReportedTerms, StatusReport,
};

/// Text of TWS's that is repeated in a log or an event, at most.
const QUOTED_CHARS_MAX: usize = 64;

/// What could not be read of one message so far.
pub(super) struct Problems {
    message: &'static str,
    found: Vec<String>,
}

impl Problems {
    pub(super) fn of(message: &'static str, error: Option<prost::DecodeError>) -> Self {
        Self {
            message,
            found: error.iter().map(ToString::to_string).collect(),
        }
    }

    fn add(&mut self, field: &str, text: &str) {
        let text: String = text.chars().take(QUOTED_CHARS_MAX).collect();
        self.found.push(format!("{field} {text:?}"));
    }

    pub(super) fn missing(&mut self, field: &str) {
        self.found.push(format!("no {field}"));
    }

    /// A part of the message as far as it can be read, and whether that is the whole of it.
    pub(super) fn part<M: prost::Message + Default>(
        &mut self,
        name: &str,
        bytes: Option<Vec<u8>>,
    ) -> (M, bool) {
        let Some(bytes) = bytes else {
            self.missing(name);
            return (M::default(), false);
        };
        let (part, error) = frames::decode(&bytes);
        if let Some(error) = &error {
            self.found.push(format!("{name}: {error}"));
        }
        (part, error.is_none())
    }

    /// The contract; what of it cannot be read is missing from it.
    fn contract(&mut self, bytes: Option<Vec<u8>>) -> ReportedContract {
        let (contract, _) = self.part("contract", bytes);
        reported(contract)
    }

    /// How the order stands. An order without a status is one that says nothing of where it stands.
    fn state(&mut self, bytes: Option<Vec<u8>>) -> OrderState {
        let (state, whole): (OrderState, _) = self.part("orderState", bytes);
        if whole && state.status.as_deref().is_none_or(str::is_empty) {
            self.missing("status");
        }
        state
    }

    pub(super) fn quantity(&mut self, field: &str, given: Option<&str>) -> Option<Amount> {
        numbers::quantity(given).unwrap_or_else(|_| {
            self.add(field, given.unwrap_or_default());
            None
        })
    }

    fn action(&mut self, field: &str, word: Option<&str>, buy: &str, sell: &str) -> Option<Action> {
        match word {
            Some(word) if word == buy => Some(Action::Buy),
            Some(word) if word == sell => Some(Action::Sell),
            other => {
                self.add(field, other.unwrap_or_default());
                None
            }
        }
    }

    /// `None` when all was read.
    pub(super) fn told(
        self,
        order_id: Option<i32>,
        client_id: Option<i32>,
        origin: Origin,
        lost: bool,
    ) -> Option<Unread> {
        (!self.found.is_empty()).then(|| Unread {
            message: self.message,
            order_id,
            client_id,
            detail: self.found.join("; "),
            origin,
            lost,
        })
    }
}

pub(super) fn open_order(body: &[u8], context: &Context<'_>) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<OpenOrder>(body);
    let mut problems = Problems::of("openOrder", error);
    let contract = problems.contract(frame.contract);
    let (order, whole): (Order, _) = problems.part("order", frame.order);
    let order_id = frame.order_id.or(order.order_id);
    let client_id = order.client_id;
    if order.what_if == Some(true) {
        let (state, _) = problems.part("orderState", frame.order_state);
        return previewed(order_id, client_id, state, context);
    }
    let OrderState {
        status,
        reject_reason,
        warning_text,
        completed_status,
        ..
    } = problems.state(frame.order_state);
    let terms = terms(&order, &mut problems);
    let filled_quantity = problems.quantity("filledQuantity", order.filled_quantity.as_deref());
    let origin = context.orders;
    // Without a client id it is ours, but only where all of it was read.
    let (Some(known_id), true) = (order_id, whole || client_id.is_some()) else {
        problems.missing("order id or client id");
        let unread = problems.told(order_id, client_id, origin, true);
        return (Message::Other, unread);
    };
    let report = OpenOrderReport {
        origin,
        order_id: known_id,
        client_id: client_id.unwrap_or(context.client_id),
        perm_id: perm_id(order.perm_id),
        order_ref: text(order.order_ref),
        account: text(order.account),
        contract,
        terms,
        filled_quantity,
        status: status.unwrap_or_default(),
        reject_reason: text(reject_reason),
        warning_text: text(warning_text),
        completed_status: text(completed_status),
    };
    let unread = problems.told(order_id, client_id, origin, false);
    (Message::Report(OrderReport::OpenOrder(report)), unread)
}

/// The echo of a preview. A row about somebody else's concerns nobody here.
fn previewed(
    order_id: Option<i32>,
    client_id: Option<i32>,
    state: OrderState,
    context: &Context<'_>,
) -> (Message, Option<Unread>) {
    let ours = client_id.is_none_or(|client_id| client_id == context.client_id);
    let Some(order_id) = order_id.filter(|_| ours) else {
        return (Message::Other, None);
    };
    let margins = |initial, maintenance, equity_with_loan| Margins {
        initial: double(initial),
        maintenance: double(maintenance),
        equity_with_loan: double(equity_with_loan),
    };
    let report = PreviewReport {
        order_id,
        before: margins(
            state.init_margin_before,
            state.maint_margin_before,
            state.equity_with_loan_before,
        ),
        change: margins(
            state.init_margin_change,
            state.maint_margin_change,
            state.equity_with_loan_change,
        ),
        after: margins(
            state.init_margin_after,
            state.maint_margin_after,
            state.equity_with_loan_after,
        ),
        margin_currency: text(state.margin_currency),
        commission: double(state.commission_and_fees),
        min_commission: double(state.min_commission_and_fees),
        max_commission: double(state.max_commission_and_fees),
        commission_currency: text(state.commission_and_fees_currency),
        warning_text: text(state.warning_text),
        reject_reason: text(state.reject_reason),
    };
    (Message::Previewed(Box::new(report)), None)
}

pub(super) fn order_status(body: &[u8], context: &Context<'_>) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<OrderStatus>(body);
    let OrderStatus {
        order_id,
        status,
        filled,
        remaining,
        avg_fill_price,
        perm_id: id,
        client_id,
        why_held,
    } = frame;
    let mut problems = Problems::of("orderStatus", error);
    let filled = problems.quantity("filled", filled.as_deref());
    let remaining = problems.quantity("remaining", remaining.as_deref());
    let origin = context.orders;
    // TWS always says all of them, an explicit 0 too.
    let (Some(known_id), Some(status), Some(filled), Some(remaining)) =
        (order_id, text(status), filled, remaining)
    else {
        problems.missing("order id, status, or quantity filled or remaining");
        let unread = problems.told(order_id, client_id, origin, true);
        return (Message::Other, unread);
    };
    let report = StatusReport {
        origin,
        order_id: known_id,
        client_id: client_id.unwrap_or(context.client_id),
        perm_id: perm_id(id),
        status,
        filled,
        remaining,
        avg_fill_price: double(avg_fill_price).filter(|price| !price.is_zero()),
        why_held: text(why_held),
    };
    let unread = problems.told(order_id, client_id, origin, false);
    (Message::Report(OrderReport::Status(report)), unread)
}

pub(super) fn execution(body: &[u8], context: &Context<'_>) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<ExecutionDetails>(body);
    let mut problems = Problems::of("execDetails", error);
    let contract = problems.contract(frame.contract);
    let (execution, whole) = problems.part("execution", frame.execution);
    let Execution {
        order_id,
        exec_id,
        time,
        acct_number,
        exchange,
        side,
        shares,
        price,
        perm_id: id,
        client_id,
        cum_qty,
        avg_price,
        order_ref,
    } = execution;
    let origin = match frame.req_id {
        Some(request) if request >= REQUEST_IDS_FROM => Origin::Snapshot,
        Some(_) => context.executions,
        // It could not be read: while executions are asked for, it is a row of the answer.
        None => context.commissions,
    };
    let side = problems.action("side", side.as_deref(), "BOT", "SLD");
    let quantity = problems.quantity("shares", shares.as_deref());
    let cumulative_quantity = problems
        .quantity("cumQty", cum_qty.as_deref())
        .filter(|quantity| !quantity.is_zero());
    let (Some(exec_id), Some(quantity), Some(price), true) = (
        text(exec_id),
        quantity,
        double(price),
        whole || client_id.is_some(),
    ) else {
        problems.missing("execution id, client id, quantity or price");
        let unread = problems.told(order_id, client_id, origin, true);
        return (Message::Other, unread);
    };
    let time_text = time.unwrap_or_default();
    let report = ExecutionReport {
        origin,
        // Without one it is still an execution of the order that its permanent id names.
        order_id: order_id.unwrap_or(0),
        client_id: client_id.unwrap_or(context.client_id),
        perm_id: perm_id(id),
        order_ref: text(order_ref),
        account: text(acct_number),
        contract,
        side,
        exec_id,
        quantity,
        price,
        exchange: exchange.unwrap_or_default(),
        time: execution_time::parse(&time_text, context.zone),
        time_text,
        cumulative_quantity,
        avg_price: double(avg_price).filter(|price| !price.is_zero()),
    };
    let unread = problems.told(order_id, client_id, origin, false);
    (Message::Report(OrderReport::Execution(report)), unread)
}

/// A commission that TWS does not know yet is none; it comes again.
pub(super) fn commission(body: &[u8], context: &Context<'_>) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<CommissionAndFeesReport>(body);
    let CommissionAndFeesReport {
        exec_id,
        commission_and_fees,
        currency,
    } = frame;
    let mut problems = Problems::of("commissionAndFeesReport", error);
    let origin = context.commissions;
    let amount = double(commission_and_fees);
    let exec_id = text(exec_id);
    if exec_id.is_none() {
        problems.missing("execution id");
    }
    let lost = exec_id.is_none() || amount.is_none();
    // Whose it is only its execution says.
    let unread = problems.told(None, None, origin, lost);
    let (Some(exec_id), Some(amount)) = (exec_id, amount) else {
        return (Message::Other, unread);
    };
    let report = CommissionReport {
        origin,
        exec_id,
        amount,
        currency: currency.unwrap_or_default(),
    };
    (Message::Report(OrderReport::Commission(report)), unread)
}

pub(super) fn completed_order(body: &[u8], _: &Context<'_>) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<CompletedOrder>(body);
    let mut problems = Problems::of("completedOrder", error);
    let contract = problems.contract(frame.contract);
    let (order, _): (Order, _) = problems.part("order", frame.order);
    let OrderState {
        status,
        reject_reason: _,
        warning_text: _,
        completed_status,
        ..
    } = problems.state(frame.order_state);
    let terms = terms(&order, &mut problems);
    // In this answer the quantity is what did not fill.
    let unfilled = terms.quantity;
    let filled = problems
        .quantity("filledQuantity", order.filled_quantity.as_deref())
        .filter(|filled| filled.is_positive());
    let order_id = order.order_id.filter(|id| *id > 0);
    // 0 is also what a row has that carries none.
    let client_id = order.client_id.filter(|id| *id != 0);
    let report = CompletedReport {
        order_id,
        client_id,
        perm_id: perm_id(order.perm_id),
        order_ref: text(order.order_ref),
        account: text(order.account),
        contract,
        terms,
        status: status.unwrap_or_default(),
        unfilled,
        filled,
        completed_status: text(completed_status),
    };
    let unread = problems.told(order_id, client_id, Origin::Snapshot, false);
    (Message::Report(OrderReport::Completed(report)), unread)
}

fn reported(contract: Contract) -> ReportedContract {
    let Contract {
        con_id,
        symbol,
        sec_type,
        exchange: _,
        primary_exch: _,
        currency,
    } = contract;
    ReportedContract {
        con_id: con_id.filter(|id| *id != 0).map(i64::from),
        symbol: text(symbol),
        sec_type: text(sec_type),
        currency: text(currency),
    }
}

fn terms(order: &Order, problems: &mut Problems) -> ReportedTerms {
    ReportedTerms {
        action: problems.action("action", order.action.as_deref(), "BUY", "SELL"),
        order_type: text(order.order_type.clone()),
        quantity: problems.quantity("totalQuantity", order.total_quantity.as_deref()),
        limit_price: double(order.lmt_price),
        aux_price: double(order.aux_price),
        trail_stop_price: double(order.trail_stop_price),
        trailing_percent: double(order.trailing_percent),
        limit_offset: double(order.lmt_price_offset),
        tif: text(order.tif.clone()),
        parent_order_id: order.parent_id.filter(|id| *id != 0),
        oca_group: text(order.oca_group.clone()),
    }
}

/// 0 stands for none.
fn perm_id(value: Option<i64>) -> Option<i64> {
    value.filter(|id| *id != 0)
}

pub(super) fn text(value: Option<String>) -> Option<String> {
    value.filter(|text| !text.is_empty())
}
