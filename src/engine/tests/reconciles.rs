//! What is concluded from what TWS shows and does not show.

use std::time::Duration;

use super::bench::{Bench, completed, error, execution, open_order, row, status};
use crate::domain::{Amount, CompletedReport, ExecutionReport, OrderReport, Origin, Status};
use crate::tws::{Answer, Answers, SendKind, Sent, TwsCommand, TwsEvent};

#[test]
fn an_order_without_a_sign_for_half_a_minute_is_asked_for_and_then_unconfirmed() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.wait(Duration::from_secs(29));
    assert_eq!(bench.reconcile_token(), None);
    bench.wait(Duration::from_secs(2));
    let token = bench.reconcile_token().expect("asked for");
    bench.assert_status(1, Status::Submitting);
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Unconfirmed);
    // A late sign is still a sign.
    bench.report(status(1, "Submitted"));
    bench.assert_status(1, Status::Submitted);
}

#[test]
fn a_reconcile_that_fails_concludes_nothing_and_is_made_again() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.session_down(1);
    bench.session_up(2);
    let token = bench.reconcile_token().expect("asked for");
    bench.tws(TwsEvent::Reconciled {
        session: 2,
        token,
        answers: Answers::none("out of time"),
    });
    bench.assert_status(1, Status::Submitting);
    assert_eq!(bench.reconcile_token(), None);
    bench.wait(Duration::from_secs(2));
    let again = bench.reconcile_token().expect("made again");
    assert!(again > token);
    // The answer to the first one is too late to mean anything.
    bench.reconciled(2, token);
    bench.assert_status(1, Status::Submitting);
    bench.report(open_order(1, "Submitted", Origin::Snapshot));
    bench.reconciled(2, again);
    bench.assert_status(1, Status::Submitted);
}

#[test]
fn an_order_sent_while_a_reconcile_runs_is_not_missed_in_it() {
    let mut bench = Bench::new();
    bench.session_up(1);
    let token = bench.reconcile_token().expect("asked for");
    bench.place(true);
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Submitting);
}

#[test]
fn a_row_older_than_the_live_end_of_an_order_does_not_bring_it_back() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.tws(TwsEvent::ReportsMissed {
        session: 1,
        reason: "lag".to_owned(),
    });
    let token = bench.reconcile_token().expect("asked for");
    bench.report(status(1, "Cancelled"));
    bench.report(open_order(1, "Submitted", Origin::Snapshot));
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Cancelled);
    // A row of a later reconcile is newer, and counts.
    bench.tws(TwsEvent::ReportsMissed {
        session: 1,
        reason: "lag".to_owned(),
    });
    let token = bench.reconcile_token().expect("asked for");
    bench.report(open_order(1, "Submitted", Origin::Snapshot));
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Submitted);
}

#[test]
fn a_cancel_without_a_verdict_goes_again_after_the_reconcile() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.cancel(1);
    bench.session_down(1);
    bench.commands.clear();
    bench.session_up(2);
    let token = bench.reconcile_token().expect("asked for");
    assert!(bench.commands.is_empty());
    bench.report(open_order(1, "Submitted", Origin::Snapshot));
    bench.reconciled(2, token);
    assert!(matches!(
        bench.commands[..],
        [TwsCommand::Cancel {
            session: 2,
            order_id: 1
        }]
    ));
}

#[test]
fn the_verdict_on_a_cancel_is_what_the_reconcile_after_it_shows() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    let waiter = bench.cancel(1);
    bench.report(error(1, 161));
    assert_eq!(bench.told(waiter), None);
    let token = bench.reconcile_token().expect("asked for");
    bench.report(execution(1, "x.01", 100));
    bench.reconciled(1, token);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Filled)));
    bench.place(true);
    bench.report(status(2, "Submitted"));
    let waiter = bench.cancel(2);
    bench.report(error(2, 136));
    let token = bench.reconcile_token().expect("asked for");
    bench.report(open_order(2, "Submitted", Origin::Snapshot));
    bench.commands.clear();
    bench.reconciled(1, token);
    // It stays open: that is the answer, and the cancel is not sent for ever.
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    assert!(bench.commands.is_empty());
}

#[test]
fn an_unconfirmed_order_that_tws_does_not_know_is_cancelled_once_nothing_shows_it() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.session_down(1);
    bench.connect(2);
    bench.assert_status(1, Status::Unconfirmed);
    let waiter = bench.cancel(1);
    bench.report(error(1, 10147));
    bench.assert_status(1, Status::Unconfirmed);
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(2, token);
    bench.assert_status(1, Status::Cancelled);
    assert_eq!(bench.state(1).last_error_code, Some(10147));
    assert_eq!(bench.told(waiter), Some(Ok(Status::Cancelled)));
}

#[test]
fn a_message_that_left_in_part_causes_a_reconcile() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.tws(TwsEvent::Sent {
        session: 1,
        order_id: 1,
        kind: SendKind::Place,
        outcome: Sent::Unknown {
            reason: "timed out".to_owned(),
        },
    });
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Unconfirmed);
}

#[test]
fn a_completed_order_without_ids_is_found_by_its_reference_where_that_names_one() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.session_down(1);
    bench.session_up(2);
    let token = bench.reconcile_token().expect("asked for");
    let order_ref = bench.state(1).order_ref.clone();
    bench.report(completed("somebody's", 4_711, "Filled"));
    bench.report(completed(&order_ref, 4_712, "Filled"));
    bench.assert_status(1, Status::Submitting);
    bench.reconciled(2, token);
    bench.assert_status(1, Status::Filled);
    assert_eq!(bench.state(1).perm_id, Some(4_712));
}

#[test]
fn a_reconcile_that_never_ends_is_given_up_and_made_again() {
    let mut bench = Bench::connected();
    bench.session_down(1);
    bench.session_up(2);
    let first = bench.reconcile_token().expect("asked for");
    bench.wait(Duration::from_secs(45));
    let second = bench.reconcile_token().expect("made again");
    assert!(second > first);
}

#[test]
fn a_reconcile_that_failed_reaches_back_as_far_when_it_is_made_again() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.session_down(1);
    bench.later(60);
    bench.session_up(2);
    let (token, first) = bench.reconcile().expect("asked for");
    assert_eq!(first, 3, "two and a half days");
    bench.heartbeat(2);
    bench.tws(TwsEvent::Reconciled {
        session: 2,
        token,
        answers: Answers::none("out of time"),
    });
    bench.wait(Duration::from_secs(2));
    let (token, again) = bench.reconcile().expect("made again");
    assert_eq!(again, first);
    bench.reconciled(2, token);
    bench.heartbeat(2);
    assert_eq!(bench.days_of_the_next(2), 0);
}

#[test]
fn an_answer_that_tws_never_ends_counts_as_it_came_the_second_time() {
    let partial = |times| Answer::Partial { times };
    for answers in [
        |partial| Answers {
            open_orders: partial,
            ..Answers::whole()
        },
        |partial| Answers {
            completed_orders: partial,
            ..Answers::whole()
        },
        |partial| Answers {
            executions: partial,
            ..Answers::whole()
        },
    ] {
        let mut bench = Bench::connected();
        bench.place(true);
        bench.session_down(1);
        bench.session_up(2);
        let told = |bench: &mut Bench, times| {
            let token = bench.reconcile_token().expect("asked for");
            bench.tws(TwsEvent::Reconciled {
                session: 2,
                token,
                answers: answers(partial(times)),
            });
        };
        told(&mut bench, 1);
        bench.assert_status(1, Status::Submitting);
        bench.wait(Duration::from_secs(2));
        told(&mut bench, 2);
        bench.assert_status(1, Status::Unconfirmed);
    }
}

#[test]
fn what_tws_could_not_hear_from_ib_is_asked_for_however_long_it_was() {
    let mut bench = Bench::connected();
    let link = |connected| TwsEvent::IbLink {
        session: 1,
        connected,
        data_lost: false,
        text: "Connectivity".to_owned(),
    };
    bench.tws(link(false));
    bench.later(24);
    // TWS itself goes on answering, and knows nothing of what IB did meanwhile.
    bench.heartbeat(1);
    bench.missed(1);
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(1, token);
    bench.tws(link(true));
    assert_eq!(bench.reconcile().map(|(_, days)| days), Some(2));
}

#[test]
fn a_completed_row_is_not_ours_because_it_shares_a_reference() {
    // An order that was sent after the rows were asked for.
    let mut bench = Bench::new();
    bench.session_up(1);
    let token = bench.reconcile_token().expect("asked for");
    let waiter = bench.place(true);
    let order_ref = bench.state(1).order_ref.clone();
    bench.report(completed(&order_ref, 4_712, "Filled"));
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Submitting);
    bench.report(status(1, "Submitted"));
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));

    // Another client's execution has the row's permanent id; two rows fit; a row is of a larger order.
    let foreign = OrderReport::Execution(ExecutionReport {
        client_id: 99,
        perm_id: Some(4_712),
        ..match execution(1, "f.01", 100) {
            OrderReport::Execution(report) => report,
            other => panic!("{other:?}"),
        }
    });
    let larger = match completed(&order_ref, 4_713, "Cancelled") {
        OrderReport::Completed(row) => OrderReport::Completed(CompletedReport {
            unfilled: Some(101.into()),
            ..row
        }),
        other => panic!("{other:?}"),
    };
    for rows in [
        vec![completed(&order_ref, 4_712, "Filled"), foreign],
        vec![
            completed(&order_ref, 4_713, "Cancelled"),
            completed(&order_ref, 4_714, "Filled"),
        ],
        vec![larger],
    ] {
        let mut bench = Bench::connected();
        bench.place(true);
        bench.session_down(1);
        bench.session_up(2);
        let token = bench.reconcile_token().expect("asked for");
        for row in rows {
            bench.report_in(2, row);
        }
        bench.reconciled(2, token);
        bench.assert_status(1, Status::Unconfirmed);
        assert_eq!(bench.state(1).perm_id, None);
    }
}

#[test]
fn a_row_of_the_executions_does_not_say_how_the_order_stands_now() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(execution(1, "a.01", 30));
    bench.assert_status(1, Status::Submitted);
    bench.missed(1);
    let token = bench.reconcile_token().expect("asked for");
    bench.report(open_order(1, "PreSubmitted", Origin::Snapshot));
    bench.report(row(execution(1, "a.01", 30)));
    bench.reconciled(1, token);
    bench.assert_status(1, Status::PreSubmitted);
    // Gone from TWS: its executions, known and new, do not make it work again.
    for (exec_id, filled) in [("a.01", 30), ("b.01", 40)] {
        bench.missed(1);
        let token = bench.reconcile_token().expect("asked for");
        let quantity = if exec_id == "a.01" { 30 } else { 10 };
        bench.report(row(execution(1, exec_id, quantity)));
        bench.reconciled(1, token);
        bench.assert_status(1, Status::Unconfirmed);
        assert_eq!(bench.state(1).filled, Amount::from(filled));
    }
}

#[test]
fn an_order_that_works_again_after_its_end_is_asked_for() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.session_down(1);
    bench.connect(2);
    bench.cancel(1);
    bench.report(error(1, 10147));
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(2, token);
    bench.assert_status(1, Status::Cancelled);
    // TWS was still loading: now it knows the order.
    bench.report(open_order(1, "Submitted", Origin::Live));
    bench.report(status(1, "Submitted"));
    bench.assert_status(1, Status::Cancelled);
    assert_eq!(bench.reconcile_token(), None, "not for each report");
    bench.wait(Duration::from_secs(1));
    let token = bench.reconcile_token().expect("asked for");
    bench.report(open_order(1, "Submitted", Origin::Snapshot));
    bench.reconciled(2, token);
    bench.assert_status(1, Status::Submitted);
}

#[test]
fn an_order_id_that_tws_does_not_know_answers_a_cancel() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    let waiter = bench.cancel(1);
    bench.report(error(1, 135));
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(1, token);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Unconfirmed)));
}

#[test]
fn an_inactive_order_can_be_cancelled_again_when_the_first_cancel_got_no_answer() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Inactive"));
    let cancels = |bench: &Bench| {
        let cancels = bench.commands.iter();
        cancels
            .filter(|command| matches!(command, TwsCommand::Cancel { .. }))
            .count()
    };
    bench.cancel(1);
    bench.cancel(1);
    assert_eq!(cancels(&bench), 1);
    bench.wait(Duration::from_secs(31));
    bench.cancel(1);
    assert_eq!(cancels(&bench), 2);
}

#[test]
fn an_order_held_for_shares_that_tws_does_not_show_any_more_is_unconfirmed_until_it_is_shown_again()
{
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Inactive"));
    bench.report(error(1, 404));
    bench.assert_status(1, Status::Inactive);
    assert!(!bench.state(1).terminal);
    bench.missed(1);
    let token = bench.reconcile_token().expect("asked for");
    bench.reconciled(1, token);
    bench.assert_status(1, Status::Unconfirmed);
    bench.report(open_order(1, "Submitted", Origin::Live));
    bench.assert_status(1, Status::Submitted);
}
