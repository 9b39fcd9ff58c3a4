//! One order, and what TWS may say of it.

use super::super::*;
use crate::domain::report_fixtures::{self, OrderInTws};
use crate::domain::{
    Action, Amount, CompletedReport, ExecutionReport, OrderIdentity, OrderRequest, OrderState,
};

pub(super) const NOW: Timestamp = Timestamp::from_unix_micros(1_795_000_000_000_000);

pub(super) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// An order for 100 shares, just stored.
pub(super) fn order() -> TrackedOrder {
    let mut request = OrderRequest::limit(Action::Buy, "AAPL", amount("100"), amount("10"));
    request.transmit = true;
    request.order_ref = Some("ref-5".to_owned());
    let identity = OrderIdentity {
        order_id: 5,
        client_id: 7,
        account: "DU1".to_owned(),
        request_id: "req-5".to_owned(),
    };
    let state = OrderState::submitting(identity, &request, Timestamp::default());
    TrackedOrder::new(OrderRecord::new(state, 1))
}

pub(super) fn in_status(status: Status) -> TrackedOrder {
    let mut order = order();
    order.record.state.status = status;
    order.record.state.terminal = status.is_terminal();
    order.record.state.transmit = status != Status::Staged;
    order.record.acknowledged = !matches!(status, Status::Submitting | Status::Unconfirmed);
    order
}

/// The order by the names that reports carry.
fn named() -> OrderInTws {
    OrderInTws {
        order_id: 5,
        client_id: 7,
        perm_id: 77,
        order_ref: Some("ref-5".to_owned()),
        account: Some("DU1".to_owned()),
    }
}

pub(super) fn open_order(word: &str, origin: Origin) -> OrderReport {
    named().open_order(origin, word)
}

pub(super) fn status(word: &str, filled: &str) -> OrderReport {
    named().status(Origin::Live, word, amount(filled), amount("100"))
}

pub(super) fn execution(exec_id: &str, quantity: &str, price: &str) -> OrderReport {
    OrderReport::Execution(ExecutionReport {
        price: amount(price),
        ..named().execution(exec_id, amount(quantity))
    })
}

pub(super) fn commission(exec_id: &str, paid: &str) -> OrderReport {
    report_fixtures::commission(Origin::Live, exec_id, amount(paid))
}

pub(super) fn error(code: i32, text: &str) -> OrderReport {
    report_fixtures::error(5, code, text)
}

pub(super) fn completed(word: &str, unfilled: Option<&str>, completed_status: &str) -> OrderReport {
    OrderReport::Completed(CompletedReport {
        account: None,
        unfilled: unfilled.map(amount),
        filled: Some(Amount::ZERO),
        completed_status: Some(completed_status.to_owned()),
        ..named().completed("AAPL", word)
    })
}

pub(super) fn play(order: &mut TrackedOrder, reports: &[OrderReport]) -> Vec<Transition> {
    reports
        .iter()
        .map(|report| apply(order, report, NOW))
        .collect()
}

#[track_caller]
pub(super) fn assert_state(order: &TrackedOrder, status: Status, filled: &str) {
    let state = &order.record.state;
    assert_eq!(
        (state.status, state.filled),
        (status, amount(filled)),
        "{state:#?}"
    );
    assert_eq!(state.terminal, status.is_terminal());
    if status == Status::Filled {
        return;
    }
    // Nothing here changes how much was ordered but what the tests of `changed_in_tws` show.
    assert!(state.remaining.value() + state.filled.value() >= state.terms.quantity.value());
}
