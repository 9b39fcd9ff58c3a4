//! Executions and their corrections.

use rust_decimal::Decimal;

use super::super::*;
use super::scene::{
    NOW, amount, assert_state, commission, execution, open_order, order, play, status,
};
use crate::domain::{Amount, Fill, report_fixtures};

#[test]
fn an_execution_before_any_status_acknowledges_the_order() {
    let mut order = order();
    let out = apply(&mut order, &execution("a.01", "30", "10"), NOW);
    assert!(out.acknowledged_by_broker);
    assert_state(&order, Status::Submitted, "30");
}

#[test]
fn executions_alone_end_nothing_until_open_orders_come_without_the_order() {
    let mut order = order();
    play(
        &mut order,
        &[
            execution("a.01", "30", "10"),
            execution("b.01", "30", "11"),
            execution("c.01", "40", "12"),
        ],
    );
    assert_state(&order, Status::Submitted, "100");
    assert!(absent_when_executed(&mut order, NOW));
    assert_state(&order, Status::Filled, "100");
    assert!(!absent_when_executed(&mut order, NOW));
    assert_eq!(order.record.state.avg_fill_price, Some(amount("11.1")));
}

#[test]
fn a_correction_replaces_the_execution_it_names() {
    let mut order = order();
    play(
        &mut order,
        &[
            execution("x.1.01", "100", "10"),
            commission("x.1.01", "2"),
            status("Filled", "100"),
        ],
    );
    let out = apply(&mut order, &execution("x.1.02", "90", "10.5"), NOW);
    assert!(
        matches!(&out.execution, Some(ExecutionChange::Replaced { previous, .. }) if previous == "x.1.01")
    );
    assert_state(&order, Status::Filled, "90");
    assert_eq!(order.record.state.avg_fill_price, Some(amount("10.5")));
    assert_eq!(order.record.state.commission, Some(amount("2")));
    // What was counted before the correction does not come back.
    play(
        &mut order,
        &[
            execution("x.1.01", "100", "10"),
            status("Filled", "100"),
            open_order("Filled", Origin::Live),
        ],
    );
    assert_state(&order, Status::Filled, "90");
}

#[test]
fn a_restart_does_not_forget_that_a_correction_took_shares_away() {
    let mut order = order();
    play(
        &mut order,
        &[
            execution("x.1.01", "100", "10"),
            execution("x.1.02", "90", "10"),
        ],
    );
    // As the next process reads it: the corrected execution alone.
    let fills = [Fill {
        order_id: 5,
        exec_id: "x.1.02".to_owned(),
        perm_id: None,
        quantity: amount("90"),
        price: amount("10"),
        time: None,
        exchange: "NASDAQ".to_owned(),
        commission: None,
        currency: None,
    }];
    order.executions = Executions::from_fills(fills, Decimal::from(90));
    play(&mut order, &[status("Filled", "100")]);
    assert_state(&order, Status::Filled, "90");
}

#[test]
fn an_execution_shown_again_without_its_commission_does_not_undo_it() {
    let mut order = order();
    play(
        &mut order,
        &[execution("a.01", "30", "10"), commission("a.01", "2")],
    );
    let again = report_fixtures::commission(Origin::Snapshot, "a.01", Amount::ZERO);
    assert!(!apply(&mut order, &again, NOW).changed);
    assert_eq!(order.record.state.commission, Some(amount("2")));
    // TWS itself may charge nothing.
    apply(&mut order, &commission("a.01", "0"), NOW);
    assert_eq!(order.record.state.commission, Some(Amount::ZERO));
}
