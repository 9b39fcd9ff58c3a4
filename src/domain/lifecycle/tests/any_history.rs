//! What holds whatever comes.

use proptest::prelude::*;

use super::super::*;
use super::scene::{
    NOW, amount, commission, completed, error, execution, open_order, order, status,
};
use rust_decimal::Decimal;

fn any_report() -> impl Strategy<Value = OrderReport> {
    let word = prop::sample::select(vec![
        "ApiPending",
        "PendingSubmit",
        "PreSubmitted",
        "Submitted",
        "PendingCancel",
        "Cancelled",
        "ApiCancelled",
        "Filled",
        "Inactive",
        "Wobbly",
    ]);
    let origin = prop_oneof![Just(Origin::Live), Just(Origin::Snapshot)];
    let code = prop::sample::select(vec![
        0, 103, 104, 110, 136, 161, 200, 201, 202, 321, 399, 404, 999, 2109, 10147, 10148,
    ]);
    prop_oneof![
        (word.clone(), origin).prop_map(|(word, origin)| open_order(word, origin)),
        (word.clone(), 0..=100_i64).prop_map(|(word, filled)| status(word, &filled.to_string())),
        (0..4_u8, 1..3_u8).prop_map(|(n, revision)| execution(
            &format!("e{n}.{revision:02}"),
            &(10 * i64::from(n) + 10).to_string(),
            "10"
        )),
        (0..4_u8, 1..3_u8)
            .prop_map(|(n, revision)| commission(&format!("e{n}.{revision:02}"), "1")),
        (word, 0..=100_i64).prop_map(|(word, left)| completed(word, Some(&left.to_string()), "")),
        code.prop_map(|code| error(code, "text")),
    ]
}

proptest! {
    #[test]
    fn whatever_comes_the_fill_never_falls_and_executions_end_nothing(reports in prop::collection::vec(any_report(), 0..60)) {
        let mut order = order();
        for report in &reports {
            let before = order.record.state.clone();
            let out = apply(&mut order, report, NOW);
            let state = &order.record.state;
            prop_assert!(state.filled >= before.filled, "{report:?}");
            prop_assert!(state.filled.value() >= order.executions.quantity());
            prop_assert_eq!(state.terminal, state.status.is_terminal() && !(state.status == Status::Inactive && state.why_held.is_some()));
            prop_assert_eq!(out.changed, *state != before || out.execution.is_some());
            // Only a part that TWS says still works opens a filled order again, and executions alone never end one.
            prop_assert!(before.status != Status::Filled || state.status == Status::Filled || state.remaining.is_positive());
            prop_assert!(!matches!(report, OrderReport::Execution(_)) || before.terminal || !state.terminal);
            prop_assert!(out.fully_executed == (!state.terminal && state.filled >= state.terms.quantity));
            prop_assert!(before.perm_id.is_none() || state.perm_id == before.perm_id);
        }
    }

    #[test]
    fn every_report_twice_is_the_same_as_once(reports in prop::collection::vec(any_report(), 0..40)) {
        let (mut once, mut twice) = (order(), order());
        for report in &reports {
            apply(&mut once, report, NOW);
            apply(&mut twice, report, NOW);
            apply(&mut twice, report, NOW);
            prop_assert_eq!(&once, &twice);
        }
    }

    #[test]
    fn executions_count_alike_in_any_order(order_of in Just((0..4_u8).flat_map(|n| (1..3_u8).map(move |r| (n, r))).collect::<Vec<_>>()).prop_shuffle()) {
        let mut order = order();
        for (n, revision) in order_of {
            apply(&mut order, &execution(&format!("e{n}.{revision:02}"), if revision == 2 { "20" } else { "15" }, "10"), NOW);
        }
        prop_assert_eq!(order.record.state.filled, amount("80"));
        prop_assert_eq!(order.executions.quantity(), Decimal::from(80));
    }
}
