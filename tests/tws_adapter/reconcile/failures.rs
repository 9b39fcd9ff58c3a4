//! What TWS fails to do in a reconcile: it refuses a query, does not end its answer, ends it late, or sends what cannot be read.

use std::time::Duration;

use ibkr_orders::domain::{OrderReport, Origin};
use ibkr_orders::tws::{Answer, Answers, TwsEvent, TwsSettings};

use super::{
    events_until_reconciled, nothing_completed_or_executed, nothing_open_or_completed, reconcile,
    reconciled, summary,
};
use crate::adapter::{connected, connected_with, settings, ticket};
use crate::frames::{self, order};
use crate::peer::{ALL_OPEN_ORDERS, COMPLETED_ORDERS, EXECUTIONS, OPEN_ORDERS, PLACE_ORDER};

fn impatient(port: u16) -> TwsSettings {
    TwsSettings {
        reconcile_step_timeout: Duration::from_millis(500),
        ..settings(port)
    }
}

const fn partial(times: u32) -> Answer {
    Answer::Partial { times }
}

#[tokio::test]
async fn executions_without_an_end_count_as_far_as_they_came_and_a_late_end_ends_no_later_query() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    for (token, order_id) in [(1, 80), (2, 81), (3, 82)] {
        reconcile(&adapter, token);
        nothing_open_or_completed(&mut peer).await;
        let id = peer.expect(EXECUTIONS).await.number();
        let exec_id = format!("e.{order_id}.01");
        let row = order(order_id, "Filled").execution(id, &exec_id);
        peer.send(&row).await;
        // The end of the one before, whose limit has passed.
        peer.send(&frames::executions_end(id - 1)).await;
        let (reports, answers) = reconciled(&mut adapter, token).await;
        assert_eq!(
            summary(&reports),
            [("execution", order_id, Origin::Snapshot)]
        );
        let expected = Answers {
            executions: partial(u32::try_from(token).unwrap()),
            ..Answers::whole()
        };
        assert_eq!(answers, expected);
    }
    // A whole one begins the count anew.
    reconcile(&adapter, 4);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    assert_eq!(reconciled(&mut adapter, 4).await.1, Answers::whole());
}

#[tokio::test]
async fn orders_that_are_asked_for_and_never_answered_cost_their_limit_and_no_session() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    for times in 1..=5 {
        reconcile(&adapter, times.into());
        peer.expect(OPEN_ORDERS).await;
        peer.send(&order(90, "Submitted").open()).await;
        peer.expect(COMPLETED_ORDERS).await;
        let id = peer.expect(EXECUTIONS).await.number();
        peer.send(&frames::executions_end(id)).await;
        let (reports, answers) = reconciled(&mut adapter, times.into()).await;
        assert_eq!(summary(&reports), [("open", 90, Origin::Snapshot)]);
        let expected = Answers {
            open_orders: partial(times),
            completed_orders: partial(times),
            executions: Answer::Whole,
        };
        assert_eq!(answers, expected);
    }
    adapter.place(1, ticket(90));
    peer.expect(PLACE_ORDER).await;
}

#[tokio::test]
async fn a_late_end_of_an_earlier_query_does_not_end_a_later_one() {
    let (_tws, mut peer, mut adapter) = connected_with(|port| TwsSettings {
        reconcile_step_timeout: Duration::from_millis(1_500),
        ..settings(port)
    })
    .await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    nothing_completed_or_executed(&mut peer).await;
    let (_, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(answers.open_orders, partial(1));

    reconcile(&adapter, 2);
    peer.expect(OPEN_ORDERS).await;
    // The answer to the first request: order 90 is not in it yet.
    peer.send(&frames::open_orders_end()).await;
    // So the query is not over, and is asked once more.
    peer.expect(OPEN_ORDERS).await;
    peer.send(&order(90, "Submitted").open()).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    let (reports, answers) = reconciled(&mut adapter, 2).await;
    assert_eq!(answers, Answers::whole());
    assert_eq!(summary(&reports), [("open", 90, Origin::Snapshot)]);

    // The last one missing comes while nothing is asked: the next query is asked once.
    peer.send(&frames::open_orders_end()).await;
    peer.send(&frames::error(-1, 2104, "OK")).await;
    assert!(matches!(adapter.next().await, TwsEvent::Notice { .. }));
    reconcile(&adapter, 3);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    nothing_completed_or_executed(&mut peer).await;
    assert_eq!(reconciled(&mut adapter, 3).await.1, Answers::whole());
}

const READ_ONLY: &str =
    "Error validating request.-'bX' : cause - The API interface is currently in Read-Only mode.";

#[tokio::test]
async fn a_read_only_api_is_asked_for_all_open_orders_instead() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::error(-1, 321, READ_ONLY)).await;
    // Twice: for all one knows an end mark of the first query may still come.
    for _ in 0..2 {
        peer.expect(ALL_OPEN_ORDERS).await;
        peer.send(&order(90, "Submitted").open()).await;
        peer.send(&frames::open_orders_end()).await;
    }
    nothing_completed_or_executed(&mut peer).await;
    let (reports, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(answers, Answers::whole());
    assert_eq!(summary(&reports), [("open", 90, Origin::Snapshot); 2]);
}

#[tokio::test]
async fn a_query_that_is_refused_is_named_and_the_others_are_asked_all_the_same() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for token in 1..=6 {
        reconcile(&adapter, token);
        peer.expect(OPEN_ORDERS).await;
        peer.send(&frames::error(-1, 321, READ_ONLY)).await;
        peer.expect(ALL_OPEN_ORDERS).await;
        peer.send(&frames::error(-1, 321, READ_ONLY)).await;
        nothing_completed_or_executed(&mut peer).await;
        let (_, answers) = reconciled(&mut adapter, token).await;
        let expected = Answers {
            open_orders: Answer::None {
                reason: format!("TWS said 321: {READ_ONLY}"),
            },
            ..Answers::whole()
        };
        assert_eq!(answers, expected);
    }
    adapter.place(1, ticket(90));
    peer.expect(PLACE_ORDER).await;
}

#[tokio::test]
async fn a_refusal_of_the_executions_query_is_known_by_its_id() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    nothing_open_or_completed(&mut peer).await;
    let id = peer.expect(EXECUTIONS).await.number();
    let id = i32::try_from(id).unwrap();
    // Not of this query.
    peer.send(&frames::error(id - 1, 322, "Error processing request"))
        .await;
    peer.send(&frames::error(id, 322, "Error processing request"))
        .await;
    let (_, answers) = reconciled(&mut adapter, 1).await;
    assert_eq!(
        answers.executions,
        Answer::None {
            reason: "TWS said 322: Error processing request".to_owned()
        }
    );
}

#[tokio::test]
async fn a_row_that_cannot_be_read_costs_that_row_and_never_the_answer() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for token in 1..=6 {
        reconcile(&adapter, token);
        peer.expect(OPEN_ORDERS).await;
        peer.send(&order(90, "Submitted").status_without_remaining())
            .await;
        peer.send(&order(91, "Submitted").open()).await;
        peer.send(&frames::open_orders_end()).await;
        nothing_completed_or_executed(&mut peer).await;
        let (events, answers) = events_until_reconciled(&mut adapter, token).await;
        assert_eq!(answers, Answers::whole());
        // Counted, and no reason to ask again: the answer would be the same.
        assert!(
            matches!(
                events.as_slice(),
                [
                    TwsEvent::Unreadable {
                        message: "orderStatus",
                        order_id: Some(90),
                        ..
                    },
                    TwsEvent::Report {
                        report: OrderReport::OpenOrder(row),
                        ..
                    },
                ] if row.order_id == 91
            ),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_read_beside_an_answer_is_missed_and_the_answer_is_whole() {
    let (_tws, mut peer, mut adapter) = connected().await;
    reconcile(&adapter, 1);
    peer.expect(OPEN_ORDERS).await;
    peer.send(&frames::open_orders_end()).await;
    peer.expect(COMPLETED_ORDERS).await;
    peer.send(&order(90, "Submitted").status_without_remaining())
        .await;
    let missed = adapter
        .until(|event| matches!(event, TwsEvent::ReportsMissed { .. }))
        .await;
    assert_eq!(missed.len(), 2, "{missed:?}");
    peer.send(&frames::completed_orders_end()).await;
    let id = peer.expect(EXECUTIONS).await.number();
    peer.send(&frames::executions_end(id)).await;
    assert_eq!(reconciled(&mut adapter, 1).await.1, Answers::whole());
}
