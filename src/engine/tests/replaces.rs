//! Other terms for an order: what is sent, when, and what TWS makes of it, in every order of events.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, error, execution, open_order, place, status};
use crate::domain::{
    Amount, OpenOrderReport, OrderKey, OrderReport, Origin, Pricing, ReplacementStatus,
    ReportedTerms, Status, StatusReport, TermsChange, WorkingTerms,
};
use crate::engine::core::Core;
use crate::engine::input::{Command, ReplaceCommand};
use crate::engine::internals;
use crate::error::Reason;
use crate::tws::{SendKind, Sent, TwsCommand, TwsEvent};

const SECOND: Duration = Duration::from_secs(1);

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn price(limit: &str) -> TermsChange {
    TermsChange {
        limit_price: Some(amount(limit)),
        ..TermsChange::default()
    }
}

fn quantity(total: &str) -> TermsChange {
    TermsChange {
        quantity: Some(amount(total)),
        ..TermsChange::default()
    }
}

fn command(request_id: &str, change: TermsChange) -> Command {
    Command::Replace(Arc::new(ReplaceCommand {
        key: OrderKey::OrderId(1),
        change,
        expected_revision: None,
        request_id: request_id.to_owned(),
        request_id_given: true,
    }))
}

/// TWS shows order 1 at this price and quantity.
fn shown(word: &str, origin: Origin, limit: &str, total: &str) -> OrderReport {
    let OrderReport::OpenOrder(report) = open_order(1, word, origin) else {
        panic!("no open order")
    };
    OrderReport::OpenOrder(OpenOrderReport {
        terms: ReportedTerms {
            order_type: Some("LMT".to_owned()),
            quantity: Some(amount(total)),
            limit_price: Some(amount(limit)),
            tif: Some("DAY".to_owned()),
            ..ReportedTerms::default()
        },
        ..report
    })
}

fn echo(limit: &str) -> OrderReport {
    shown("Submitted", Origin::Live, limit, "100")
}

fn filled(word: &str, filled: &str) -> OrderReport {
    let OrderReport::Status(report) = status(1, word) else {
        panic!("no status")
    };
    let left = amount("100").value() - amount(filled).value();
    OrderReport::Status(StatusReport {
        filled: amount(filled),
        remaining: Amount::new(left),
        ..report
    })
}

/// Order 1 works at 10, in session 1.
fn working() -> Bench {
    let mut bench = Bench::connected();
    bench.ask(place("placed", true), 5 * SECOND);
    bench.report(echo("10"));
    bench.report(status(1, "Submitted"));
    bench.commands.clear();
    bench
}

/// The prices of the placeOrders since the last look.
fn sent(bench: &mut Bench) -> Vec<Option<Amount>> {
    let commands = std::mem::take(&mut bench.commands);
    let limit = |command| match command {
        TwsCommand::Place { ticket, .. } => {
            assert_eq!(ticket.order_id, 1);
            Some(ticket.terms.pricing.limit_price())
        }
        _ => None,
    };
    commands.into_iter().filter_map(limit).collect()
}

fn outcome(bench: &mut Bench, session: u64, outcome: Sent) {
    bench.tws(TwsEvent::Sent {
        session,
        order_id: 1,
        kind: SendKind::Place,
        outcome,
    });
}

/// A replacement to 11 is on its way and known to be written.
fn replacing() -> (Bench, u64) {
    let mut bench = working();
    let waiter = bench.ask(command("replaced", price("11")), 60 * SECOND);
    assert_eq!(sent(&mut bench), [Some(amount("11"))]);
    outcome(&mut bench, 1, Sent::Written);
    (bench, waiter)
}

fn became(bench: &Bench) -> ReplacementStatus {
    bench.state(1).replacement.as_ref().unwrap().status
}

fn limit(bench: &Bench) -> Option<Amount> {
    bench.state(1).terms.pricing.limit_price()
}

#[track_caller]
fn refused(bench: &Bench, waiter: u64, reason: Reason) {
    let told = bench.told(waiter).expect("answered");
    assert_eq!(told.unwrap_err().reason, reason);
}

#[track_caller]
fn never_sent_again(bench: &mut Bench) {
    bench.wait(90 * SECOND);
    assert_eq!(sent(bench), []);
}

#[test]
fn the_second_frame_with_the_new_terms_accepts_and_answers() {
    let (mut bench, waiter) = replacing();
    assert_eq!(became(&bench), ReplacementStatus::Pending);
    bench.report(echo("11"));
    assert_eq!(
        (bench.told(waiter), limit(&bench)),
        (None, Some(amount("11")))
    );
    bench.report(echo("11"));
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
    assert_eq!(bench.state(1).terms_revision, 2);
    never_sent_again(&mut bench);
    bench.store.check();
}

#[test]
fn one_frame_with_the_new_terms_accepts_when_it_stands_for_a_second() {
    let (mut bench, waiter) = replacing();
    bench.report(echo("11"));
    bench.wait(SECOND / 2);
    assert_eq!(bench.told(waiter), None);
    bench.wait(SECOND);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
}

#[test]
fn a_stale_frame_with_the_old_terms_decides_nothing() {
    let (mut bench, waiter) = replacing();
    bench.report(echo("10"));
    bench.report(status(1, "Submitted"));
    bench.report(echo("10"));
    assert_eq!(
        (bench.told(waiter), became(&bench)),
        (None, ReplacementStatus::Pending)
    );
    bench.report(echo("11"));
    bench.report(echo("11"));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
}

#[test]
fn terms_that_are_neither_the_old_nor_the_new_ones_accept_and_show() {
    let (mut bench, _) = replacing();
    bench.report(echo("12"));
    bench.report(echo("12"));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
    assert_eq!(limit(&bench), Some(amount("12")));
    // Before the write they are somebody else's change.
    let mut bench = working();
    bench.ask(command("replaced", price("11")), 60 * SECOND);
    bench.report(echo("12"));
    bench.report(echo("12"));
    assert_eq!(became(&bench), ReplacementStatus::Pending);
}

#[test]
fn a_fill_before_between_or_after_the_echo_changes_nothing_about_the_decision() {
    for before in [true, false] {
        let (mut bench, _) = replacing();
        if before {
            bench.report(execution(1, "e1", 40));
            bench.report(filled("Submitted", "40"));
        }
        bench.report(echo("11"));
        if !before {
            bench.report(execution(1, "e1", 40));
            bench.report(filled("Submitted", "40"));
        }
        bench.report(echo("11"));
        assert_eq!(became(&bench), ReplacementStatus::Accepted);
        assert_eq!(bench.state(1).filled, amount("40"));
        bench.report(execution(1, "e2", 60));
        bench.report(filled("Filled", "100"));
        bench.assert_status(1, Status::Filled);
        assert_eq!(became(&bench), ReplacementStatus::Accepted);
    }
}

#[test]
fn an_order_that_ends_first_refuses_unless_it_showed_the_new_terms() {
    for (echoed, expected) in [
        (false, ReplacementStatus::Refused),
        (true, ReplacementStatus::Accepted),
    ] {
        let (mut bench, waiter) = replacing();
        if echoed {
            bench.report(echo("11"));
        }
        bench.report(execution(1, "e1", 100));
        bench.report(filled("Filled", "100"));
        assert_eq!(became(&bench), expected);
        assert_eq!(bench.told(waiter), Some(Ok(Status::Filled)));
        let error = bench
            .state(1)
            .replacement
            .as_ref()
            .unwrap()
            .error
            .as_deref();
        assert_eq!(error, (!echoed).then_some("the order ended first"));
        never_sent_again(&mut bench);
    }
}

#[test]
fn a_total_that_has_filled_already_is_refused_and_one_that_fills_while_it_waits_is_withdrawn() {
    let mut bench = working();
    bench.report(filled("Submitted", "40"));
    for total in ["40", "39"] {
        let waiter = bench.ask(command(total, quantity(total)), SECOND);
        refused(&bench, waiter, Reason::OrderInvalid);
    }
    assert_eq!(sent(&mut bench), []);
    assert_eq!(bench.state(1).replacement, None);
    bench.ask(command("more", quantity("41")), SECOND);
    assert_eq!(sent(&mut bench).len(), 1);

    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    bench.ask(place("placed", true), 60 * SECOND);
    bench.wait(30 * SECOND);
    bench.report(echo("10"));
    bench.report(status(1, "Submitted"));
    bench.commands.clear();
    // Other messages have taken the slots.
    for id in ["a", "b", "c", "d", "e", "f"] {
        bench.ask(place(id, true), 60 * SECOND);
    }
    let waiter = bench.ask(command("less", quantity("50")), 60 * SECOND);
    bench.report(filled("Submitted", "50"));
    assert_eq!(became(&bench), ReplacementStatus::Refused);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    bench.wait(60 * SECOND);
    let again = bench
        .commands
        .iter()
        .any(|command| matches!(command, TwsCommand::Place { ticket, .. } if ticket.order_id == 1));
    assert!(!again);
}

#[test]
fn an_error_refuses_the_change_and_leaves_the_order_alone() {
    for code in [110, 104, 105, 103, 329, 462, 2102, 201, 4_711] {
        let (mut bench, waiter) = replacing();
        bench.report(error(1, code));
        assert_eq!(became(&bench), ReplacementStatus::Refused, "{code}");
        bench.assert_status(1, Status::Submitted);
        assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)), "{code}");
        let replacement = bench.state(1).replacement.clone().unwrap();
        assert_eq!(replacement.error_code, Some(code));
        assert!(
            bench.reconcile_token().is_some(),
            "open orders are asked for"
        );
        never_sent_again(&mut bench);
    }
    // A warning is none, and neither is the answer to a cancel.
    let (mut bench, _) = replacing();
    bench.report(error(1, 2_109));
    bench.cancel(1);
    bench.report(error(1, 161));
    assert_eq!(became(&bench), ReplacementStatus::Pending);
}

#[test]
fn a_refusal_beyond_the_price_band_that_kills_the_order_is_no_acceptance() {
    let (mut bench, waiter) = replacing();
    bench.report(echo("11"));
    bench.report(status(1, "PendingCancel"));
    bench.report(status(1, "Submitted"));
    bench.report(echo("10"));
    bench.report(status(1, "Cancelled"));
    bench.report(error(1, 202));
    bench.report(error(1, 201));
    bench.assert_status(1, Status::Cancelled);
    assert_eq!(became(&bench), ReplacementStatus::Refused);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Cancelled)));
    assert_eq!(limit(&bench), Some(amount("10")));
    assert_eq!(bench.state(1).last_error_code, Some(201));
}

#[test]
fn old_terms_after_the_new_ones_are_asked_about_and_the_answer_decides() {
    for (answer, expected) in [
        ("10", ReplacementStatus::Refused),
        ("11", ReplacementStatus::Accepted),
    ] {
        for accepted_before in [false, true] {
            let (mut bench, _) = replacing();
            bench.report(echo("11"));
            if accepted_before {
                bench.report(echo("11"));
                assert_eq!(became(&bench), ReplacementStatus::Accepted);
            }
            bench.report(echo("10"));
            bench.wait(3 * SECOND);
            assert_ne!(became(&bench), ReplacementStatus::Refused);
            let token = bench.reconcile_token().expect("asked for");
            bench.report(shown("Submitted", Origin::Snapshot, answer, "100"));
            bench.reconciled(1, token);
            assert_eq!(became(&bench), expected, "{answer} {accepted_before}");
            assert_eq!(limit(&bench), Some(amount(answer)));
        }
    }
}

#[test]
fn a_link_lost_before_the_write_refuses_and_nothing_is_sent_later() {
    let mut bench = working();
    let waiter = bench.ask(command("replaced", price("11")), 60 * SECOND);
    bench.commands.clear();
    let reason = "the socket was closed".to_owned();
    outcome(&mut bench, 1, Sent::NotSent { reason });
    assert_eq!(became(&bench), ReplacementStatus::Refused);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    bench.session_down(1);
    bench.connect(2);
    never_sent_again(&mut bench);
}

#[test]
fn a_link_lost_after_the_write_leaves_it_to_what_tws_shows_next() {
    for (answer, expected) in [
        ("11", ReplacementStatus::Accepted),
        ("10", ReplacementStatus::Unconfirmed),
    ] {
        let (mut bench, waiter) = replacing();
        bench.session_down(1);
        assert_eq!(became(&bench), ReplacementStatus::Pending);
        bench.session_up(2);
        let token = bench.reconcile_token().unwrap();
        bench.report_in(2, shown("Submitted", Origin::Snapshot, answer, "100"));
        bench.reconciled(2, token);
        assert_eq!(became(&bench), expected);
        assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
        // Later it may come all the same.
        bench.report_in(2, echo("11"));
        assert_eq!(became(&bench), ReplacementStatus::Accepted);
        never_sent_again(&mut bench);
    }
}

#[test]
fn silence_asks_after_five_seconds_and_is_unconfirmed_after_thirty() {
    let (mut bench, waiter) = replacing();
    bench.wait(4 * SECOND);
    assert_eq!(bench.reconcile_token(), None);
    bench.wait(2 * SECOND);
    let token = bench.reconcile_token().expect("open orders are asked for");
    let shows_old = |bench: &mut Bench| {
        bench.report(shown("Submitted", Origin::Snapshot, "10", "100"));
        bench.reconciled(1, token);
    };
    shows_old(&mut bench);
    assert_eq!(became(&bench), ReplacementStatus::Unconfirmed);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));

    let (mut bench, waiter) = replacing();
    bench.wait(29 * SECOND);
    assert_eq!(bench.told(waiter), None);
    bench.wait(2 * SECOND);
    assert_eq!(became(&bench), ReplacementStatus::Unconfirmed);
    bench.report(echo("11"));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
    never_sent_again(&mut bench);
}

#[test]
fn a_later_replacement_ends_the_wait_for_an_unconfirmed_one() {
    let (mut bench, _) = replacing();
    bench.wait(31 * SECOND);
    assert_eq!(became(&bench), ReplacementStatus::Unconfirmed);
    bench.commands.clear();
    bench.ask(command("second", price("12")), 60 * SECOND);
    assert_eq!(sent(&mut bench), [Some(amount("12"))]);
    outcome(&mut bench, 1, Sent::Written);
    bench.report(echo("12"));
    bench.report(echo("12"));
    let last = bench.state(1).replacement.clone().unwrap();
    assert_eq!(
        (last.request_id.as_str(), last.status),
        ("second", ReplacementStatus::Accepted)
    );
}

#[test]
fn one_instruction_at_a_time_and_a_cancel_is_always_taken() {
    let (mut bench, _) = replacing();
    let waiter = bench.ask(command("second", price("12")), SECOND);
    refused(&bench, waiter, Reason::InstructionPending);
    bench.cancel(1);
    assert!(matches!(
        bench.commands[..],
        [TwsCommand::Cancel { order_id: 1, .. }]
    ));
    bench.report(status(1, "Cancelled"));
    assert_eq!(became(&bench), ReplacementStatus::Refused);

    // A placement on its way.
    let mut bench = Bench::connected();
    bench.ask(place("placed", true), 5 * SECOND);
    let waiter = bench.ask(command("early", price("11")), SECOND);
    refused(&bench, waiter, Reason::InstructionPending);
    // After a cancel nothing but the cancel goes out.
    let mut bench = working();
    bench.cancel(1);
    let waiter = bench.ask(command("late", price("11")), SECOND);
    refused(&bench, waiter, Reason::OrderState);
}

#[test]
fn a_cancel_withdraws_a_replacement_that_has_not_left() {
    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    bench.ask(place("placed", true), 60 * SECOND);
    bench.wait(30 * SECOND);
    bench.report(echo("10"));
    bench.report(status(1, "Submitted"));
    for id in ["a", "b", "c", "d", "e", "f"] {
        bench.ask(place(id, true), 60 * SECOND);
    }
    bench.commands.clear();
    let waiter = bench.ask(command("replaced", price("11")), 60 * SECOND);
    bench.cancel(1);
    assert_eq!(became(&bench), ReplacementStatus::Refused);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    bench.wait(60 * SECOND);
    let of_one = |command: &&TwsCommand| matches!(command, TwsCommand::Place { ticket, .. } if ticket.order_id == 1);
    assert_eq!(bench.commands.iter().filter(of_one).count(), 0);
}

#[test]
fn an_order_that_tws_has_not_shown_in_this_session_is_not_sent_to_it() {
    let mut bench = working();
    bench.session_down(1);
    bench.session_up(2);
    let token = bench.reconcile_token().unwrap();
    let patient = bench.ask(command("patient", price("11")), 60 * SECOND);
    let hasty = bench.ask(command("hasty", price("12")), Duration::ZERO);
    refused(&bench, hasty, Reason::TwsUnavailable);
    assert_eq!(bench.told(patient), None);
    bench.report_in(2, shown("Submitted", Origin::Snapshot, "10", "100"));
    bench.reconciled(2, token);
    bench.wait(SECOND);
    assert_eq!(sent(&mut bench), [Some(amount("11"))]);

    // A TWS that was started anew without the order, and with its ids set back: what waits is never sent to it.
    let mut bench = working();
    bench.session_down(1);
    bench.session_up(2);
    let token = bench.reconcile_token().unwrap();
    let patient = bench.ask(command("patient", price("11")), 20 * SECOND);
    bench.reconciled(2, token);
    bench.wait(SECOND);
    assert_eq!(sent(&mut bench), []);
    assert!(bench.told(patient).is_some_and(|told| told.is_err()));
}

#[test]
fn a_lost_link_to_ib_refuses_a_new_one_and_withdraws_one_that_waits() {
    let mut bench = working();
    bench.tws(TwsEvent::IbLink {
        session: 1,
        connected: false,
        data_lost: false,
        text: "1100".to_owned(),
    });
    let waiter = bench.ask(command("replaced", price("11")), 60 * SECOND);
    refused(&bench, waiter, Reason::IbUnavailable);
    assert_eq!(sent(&mut bench), []);
}

#[test]
fn a_request_is_answered_again_and_its_id_is_for_nothing_else() {
    let (mut bench, first) = replacing();
    let again = bench.ask(command("replaced", price("11")), 60 * SECOND);
    assert_eq!(bench.told(again), None, "it waits with the first");
    bench.report(echo("11"));
    bench.report(echo("11"));
    for waiter in [first, again] {
        assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    }
    let later = bench.ask(command("replaced", price("11")), 60 * SECOND);
    let (_, outcome) = bench.replies.iter().find(|(id, _)| *id == later).unwrap();
    assert!(outcome.as_ref().unwrap().replayed);
    for other in [
        command("replaced", price("12")),
        command("placed", price("11")),
        place("replaced", true),
    ] {
        let waiter = bench.ask(other, 60 * SECOND);
        refused(&bench, waiter, Reason::RequestIdReused);
    }
    assert_eq!(sent(&mut bench), []);
}

#[test]
fn nothing_is_sent_where_nothing_differs_or_the_terms_are_not_those_expected() {
    let mut bench = working();
    let waiter = bench.ask(command("same", price("10")), 60 * SECOND);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Submitted)));
    assert_eq!(became(&bench), ReplacementStatus::Accepted);
    let expecting = |revision| {
        let Command::Replace(command) = command(&format!("r{revision}"), price("11")) else {
            panic!("no replacement")
        };
        let mut command = ReplaceCommand::clone(&command);
        command.expected_revision = Some(revision);
        Command::Replace(Arc::new(command))
    };
    let waiter = bench.ask(expecting(2), 60 * SECOND);
    refused(&bench, waiter, Reason::OrderChanged);
    assert_eq!(sent(&mut bench), []);
    bench.ask(expecting(1), 60 * SECOND);
    assert_eq!(sent(&mut bench).len(), 1);
}

#[test]
fn a_staged_order_has_the_new_terms_once_tws_has_read_them() {
    let mut bench = Bench::connected();
    bench.ask(place("placed", false), 5 * SECOND);
    let read = |bench: &mut Bench, token| {
        bench.tws(TwsEvent::BarrierAnswered {
            session: 1,
            token,
            next_valid_id: None,
        });
    };
    read(&mut bench, 1);
    bench.assert_status(1, Status::Staged);
    bench.commands.clear();
    let waiter = bench.ask(command("replaced", price("11")), 60 * SECOND);
    let [
        TwsCommand::Place { ticket, .. },
        TwsCommand::Barrier { token: 2, .. },
    ] = &bench.commands[..]
    else {
        panic!("{:?}", bench.commands)
    };
    assert!(!ticket.transmit);
    let release = bench.transmit(1);
    refused(&bench, release, Reason::InstructionPending);
    read(&mut bench, 2);
    assert_eq!(bench.told(waiter), Some(Ok(Status::Staged)));
    assert_eq!(
        (became(&bench), limit(&bench)),
        (ReplacementStatus::Accepted, Some(amount("11")))
    );
    assert_eq!(bench.state(1).terms_revision, 2);
    bench.commands.clear();
    bench.transmit(1);
    assert_eq!(sent(&mut bench), [Some(amount("11"))]);
    bench.store.check();

    // In a later session nobody knows whether TWS still has it.
    let mut bench = Bench::connected();
    bench.ask(place("placed", false), 5 * SECOND);
    read(&mut bench, 1);
    bench.session_down(1);
    bench.connect(2);
    let waiter = bench.ask(command("late", price("11")), 60 * SECOND);
    refused(&bench, waiter, Reason::OrderState);
}

#[test]
fn a_process_that_ends_at_any_step_sends_nothing_again() {
    // Stored, written, shown once, accepted: each found by the next process.
    for step in 0..4 {
        let mut bench = working();
        bench.ask(command("replaced", price("11")), 60 * SECOND);
        if step > 0 {
            outcome(&mut bench, 1, Sent::Written);
        }
        for _ in 1..step {
            bench.report(echo("11"));
        }
        bench.core = Core::new(internals::settings(), bench.store.found());
        bench.commands.clear();
        bench.session_up(1);
        let token = bench.reconcile_token().unwrap();
        let left = step > 0;
        let limit_now = if left { "11" } else { "10" };
        bench.report(shown("Submitted", Origin::Snapshot, limit_now, "100"));
        bench.reconciled(1, token);
        let expected = if left {
            ReplacementStatus::Accepted
        } else {
            ReplacementStatus::Unconfirmed
        };
        assert_eq!(became(&bench), expected, "{step}");
        let again = bench.ask(command("replaced", price("11")), 60 * SECOND);
        assert_eq!(bench.told(again), Some(Ok(Status::Submitted)), "{step}");
        never_sent_again(&mut bench);
        bench.store.check();
    }
}

#[test]
fn a_change_by_hand_while_it_waits_for_its_slot_is_kept() {
    let mut bench = Bench::with_rate(1);
    bench.connect(1);
    bench.ask(place("placed", true), 60 * SECOND);
    bench.wait(30 * SECOND);
    bench.report(echo("10"));
    bench.report(status(1, "Submitted"));
    for id in ["a", "b", "c", "d", "e", "f"] {
        bench.ask(place(id, true), 60 * SECOND);
    }
    bench.commands.clear();
    bench.ask(command("replaced", price("11")), 60 * SECOND);
    bench.report(shown("Submitted", Origin::Live, "10", "80"));
    bench.wait(60 * SECOND);
    let tickets: Vec<WorkingTerms> = bench
        .commands
        .iter()
        .filter_map(|command| match command {
            TwsCommand::Place { ticket, .. } if ticket.order_id == 1 => {
                Some(ticket.terms.working())
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        tickets,
        [WorkingTerms {
            pricing: Pricing::Limit {
                limit: amount("11")
            },
            quantity: amount("80"),
            ..bench.state(1).terms.working()
        }]
    );
}
