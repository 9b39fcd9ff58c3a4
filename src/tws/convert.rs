//! What TWS says about orders, from `ibapi`'s types into the gateway's words.

use ibapi::contracts::Contract;
use ibapi::orders::{
    Action as IbAction, CommissionReport as IbCommission, ExecutionData, ExecutionSide, Order,
    OrderData, OrderStatus, OrderStatusKind,
};
use ibapi::{Notice, StartupMessage};
use time_tz::Tz;

use super::execution_time;
use crate::domain::{
    Action, Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport,
    OpenOrderReport, OrderReport, Origin, ReportedContract, ReportedTerms, StatusReport,
};

/// Request ids of `ibapi` start here; a live execution carries -1.
const REQUEST_IDS_FROM: i32 = 1_500_000_000;

/// A report that carries a number which is none: nothing can be said about the order from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{report} of order {order_id} carries a number that cannot be read")]
pub(super) struct Unreadable {
    report: &'static str,
    order_id: i32,
}

/// `None` for a what-if, which is no order.
pub(super) fn open_order(data: OrderData, origin: Origin) -> Option<OrderReport> {
    let OrderData {
        order_id,
        contract,
        order,
        order_state,
    } = data;
    if order.what_if {
        return None;
    }
    let terms = terms(&order);
    Some(OrderReport::OpenOrder(OpenOrderReport {
        origin,
        order_id,
        client_id: order.client_id,
        perm_id: perm_id(order.perm_id),
        order_ref: text(order.order_ref),
        account: text(order.account),
        contract: reported(contract),
        terms,
        filled_quantity: amount(order.filled_quantity),
        status: status_word(order_state.status),
        reject_reason: text(order_state.reject_reason),
        warning_text: text(order_state.warning_text),
        completed_status: text(order_state.completed_status),
    }))
}

pub(super) fn status(status: OrderStatus, origin: Origin) -> Result<OrderReport, Unreadable> {
    let unreadable = Unreadable {
        report: "orderStatus",
        order_id: status.order_id,
    };
    let (Some(filled), Some(remaining)) = (amount(status.filled), amount(status.remaining)) else {
        return Err(unreadable);
    };
    Ok(OrderReport::Status(StatusReport {
        origin,
        order_id: status.order_id,
        client_id: status.client_id,
        perm_id: perm_id(status.perm_id),
        status: status_word(status.status),
        filled,
        remaining,
        avg_fill_price: status.average_fill_price.and_then(not_zero),
        why_held: text(status.why_held),
    }))
}

/// The origin is in the data: a live execution has no request id.
pub(super) fn execution(
    data: ExecutionData,
    session_zone: Option<&Tz>,
) -> Result<OrderReport, Unreadable> {
    let ExecutionData {
        request_id,
        contract,
        execution,
    } = data;
    let unreadable = Unreadable {
        report: "execDetails",
        order_id: execution.order_id,
    };
    let (Some(quantity), Some(price)) = (amount(execution.shares), amount(execution.price)) else {
        return Err(unreadable);
    };
    Ok(OrderReport::Execution(ExecutionReport {
        origin: if request_id >= REQUEST_IDS_FROM {
            Origin::Snapshot
        } else {
            Origin::Live
        },
        order_id: execution.order_id,
        client_id: execution.client_id,
        perm_id: perm_id(execution.perm_id),
        order_ref: text(execution.order_reference),
        account: text(execution.account_number),
        contract: reported(contract),
        side: match execution.side {
            ExecutionSide::Bought => Some(Action::Buy),
            ExecutionSide::Sold => Some(Action::Sell),
        },
        exec_id: execution.execution_id,
        quantity,
        price,
        exchange: execution.exchange,
        time: execution_time::parse(&execution.time, session_zone),
        time_text: execution.time,
        cumulative_quantity: not_zero(execution.cumulative_quantity),
        avg_price: not_zero(execution.average_price),
    }))
}

/// `None` while TWS does not know the commission yet.
pub(super) fn commission(report: IbCommission, origin: Origin) -> Option<OrderReport> {
    Some(OrderReport::Commission(CommissionReport {
        origin,
        amount: amount(report.commission)?,
        exec_id: report.execution_id,
        currency: report.currency,
    }))
}

pub(super) fn completed(data: OrderData) -> OrderReport {
    let OrderData {
        order_id: _, // -1 by ibapi; what TWS carries, mostly nothing, is in the order
        contract,
        order,
        order_state,
    } = data;
    let terms = terms(&order);
    OrderReport::Completed(CompletedReport {
        order_id: (order.order_id > 0).then_some(order.order_id),
        client_id: (order.client_id != 0).then_some(order.client_id),
        perm_id: perm_id(order.perm_id),
        order_ref: text(order.order_ref),
        account: text(order.account),
        contract: reported(contract),
        terms,
        status: status_word(order_state.status),
        unfilled: amount(order.total_quantity),
        filled: not_zero(order.filled_quantity).filter(|filled| filled.is_positive()),
        completed_status: text(order_state.completed_status),
    })
}

fn reported(contract: Contract) -> ReportedContract {
    ReportedContract {
        con_id: (contract.contract_id != 0).then_some(i64::from(contract.contract_id)),
        symbol: text(contract.symbol.0),
        sec_type: text(contract.security_type.to_string()),
        currency: text(contract.currency.0),
    }
}

fn terms(order: &Order) -> ReportedTerms {
    ReportedTerms {
        action: match order.action {
            IbAction::Buy => Some(Action::Buy),
            IbAction::Sell => Some(Action::Sell),
            _ => None,
        },
        order_type: text(order.order_type.clone()),
        quantity: amount(order.total_quantity),
        limit_price: order.limit_price.and_then(amount),
        aux_price: order.aux_price.and_then(amount),
        trail_stop_price: order.trail_stop_price.and_then(amount),
        trailing_percent: order.trailing_percent.and_then(amount),
        limit_offset: order.limit_price_offset.and_then(amount),
        tif: text(order.tif.to_string()),
        parent_order_id: (order.parent_id != 0).then_some(order.parent_id),
        oca_group: text(order.oca_group.clone()),
    }
}

/// An error or warning that names an order; `None` for one that does not.
pub(super) fn error(notice: Notice) -> Result<OrderReport, Notice> {
    match notice.request_id {
        Some(order_id) if (1..REQUEST_IDS_FROM).contains(&order_id) => {
            Ok(OrderReport::Error(ErrorReport {
                order_id,
                code: notice.code,
                text: notice.message,
            }))
        }
        _ => Err(notice),
    }
}

/// What TWS sent by itself while the session was set up: it shows what TWS holds.
pub(super) fn startup(
    message: StartupMessage,
    session_zone: Option<&Tz>,
) -> Result<Option<OrderReport>, Unreadable> {
    Ok(match message {
        StartupMessage::OpenOrder(data) => open_order(data, Origin::Snapshot),
        StartupMessage::OrderStatus(data) => Some(status(data, Origin::Snapshot)?),
        StartupMessage::Execution(data) => match execution(data, session_zone)? {
            OrderReport::Execution(report) => Some(OrderReport::Execution(ExecutionReport {
                origin: Origin::Snapshot,
                ..report
            })),
            other => Some(other),
        },
        StartupMessage::CommissionReport(data) => commission(data, Origin::Snapshot),
        StartupMessage::CompletedOrder(data) => Some(completed(data)),
        // End marks, account values, and what a later ibapi may add: nothing about an order.
        _ => None,
    })
}

/// A double as an exact decimal; `None` for the values that TWS means as "not set", and for what is no number.
pub(super) fn amount(value: f64) -> Option<Amount> {
    /// Beyond any quantity or price. Products of such, and sums of those, fit a decimal; and every whole number among them is exact.
    const BELIEVABLE_MAX: f64 = 1e12;
    if value.abs() > BELIEVABLE_MAX {
        return None;
    }
    if value.fract() == 0.0 {
        return Some(Amount::from(value as i64));
    }
    Amount::from_f64(value)
}

fn not_zero(value: f64) -> Option<Amount> {
    amount(value).filter(|amount| !amount.is_zero())
}

fn perm_id(value: i64) -> Option<i64> {
    (value != 0).then_some(value)
}

fn text(value: String) -> Option<String> {
    (!value.is_empty()).then_some(value)
}

fn status_word(status: OrderStatusKind) -> String {
    match status {
        OrderStatusKind::Unknown(word) => word,
        known => known.as_str().to_owned(),
    }
}
