//! Sessions that come and go, and TWS's own link to IB.

use std::time::Duration;

use super::bench::{Bench, place, status};
use crate::domain::{AccountReport, LinkState, Status};
use crate::error::Reason;
use crate::tws::{ConnectFailure, SessionInfo, TwsCommand, TwsEvent};

fn ib_link(connected: bool, data_lost: bool) -> TwsEvent {
    TwsEvent::IbLink {
        session: 1,
        connected,
        data_lost,
        text: "Connectivity".to_owned(),
    }
}

#[test]
fn an_order_waits_for_a_session_and_is_told_why_there_is_none() {
    let mut bench = Bench::new();
    let waiter = bench.ask(place("a", true), Duration::from_secs(2));
    bench.tws(TwsEvent::ConnectFailed(ConnectFailure::Refused {
        code: Some(326),
        detail: "client id 7 is in use".to_owned(),
    }));
    assert_eq!(bench.told(waiter), None);
    bench.wait(Duration::from_secs(2));
    let error = bench.told(waiter).unwrap().unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert_eq!(
        error.message,
        "could not connect to TWS: client id 7 is in use"
    );
    assert_eq!(error.tws.map(|said| said.code), Some(326));
    assert!(bench.store.orders.is_empty());

    let patient = bench.ask(place("a", true), Duration::from_secs(2));
    bench.session_up(1);
    bench.wait(Duration::from_secs(1));
    assert_eq!(bench.store.orders.len(), 1);
    bench.report(status(1, "Submitted"));
    assert_eq!(bench.told(patient), Some(Ok(Status::Submitted)));
}

#[test]
fn only_so_many_callers_wait_for_a_session() {
    let mut bench = Bench::new();
    for n in 0..4 {
        bench.ask(place(&format!("a{n}"), true), Duration::from_secs(2));
    }
    let one_more = bench.ask(place("b", true), Duration::from_secs(2));
    assert_eq!(
        bench.told(one_more).unwrap().unwrap_err().reason,
        Reason::Overloaded
    );
}

#[test]
fn what_waits_for_its_slot_when_the_session_breaks_is_known_not_to_be_sent() {
    let mut bench = Bench::with_rate(6);
    bench.connect(1);
    bench.place(false);
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: None,
    });
    bench.place(true);
    let release = bench.transmit(1);
    let new = bench.place(true);
    bench.session_down(1);
    assert_eq!(bench.told(new), Some(Ok(Status::Rejected)));
    assert_eq!(
        bench.told(release).unwrap().unwrap_err().reason,
        Reason::TwsUnavailable
    );
    bench.assert_status(1, Status::Staged);
    assert!(!bench.state(1).transmit);
    // What had gone out may have arrived.
    bench.assert_status(2, Status::Submitting);
    bench.connect(2);
    bench.assert_status(2, Status::Unconfirmed);
    bench.assert_status(1, Status::Staged);
    assert!(
        !bench
            .commands
            .iter()
            .any(|command| matches!(command, TwsCommand::Place { session: 2, .. }))
    );
    assert_eq!(
        bench.links,
        [
            LinkState::Restored,
            LinkState::Reconciled,
            LinkState::Lost,
            LinkState::Restored,
            LinkState::Reconciled
        ]
    );
}

#[test]
fn without_ib_orders_are_refused_and_cancels_go() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.commands.clear();
    bench.tws(ib_link(false, false));
    let refused = bench.place(true);
    assert_eq!(
        bench.told(refused).unwrap().unwrap_err().reason,
        Reason::IbUnavailable
    );
    bench.cancel(1);
    assert!(matches!(
        bench.commands[..],
        [TwsCommand::Cancel { order_id: 1, .. }]
    ));
    bench.commands.clear();
    bench.tws(ib_link(true, true));
    assert!(bench.reconcile_token().is_some());
    assert_eq!(bench.links[2..], [LinkState::IbLost, LinkState::IbRestored]);
}

#[test]
fn a_login_that_is_not_the_right_one_gets_nothing_not_even_a_question() {
    let login = |session, account: &str| {
        TwsEvent::SessionUp(SessionInfo {
            session,
            accounts: vec![account.to_owned()],
            next_valid_id: 1,
            server_version: 226,
            tws_time: None,
            heartbeat_in: Duration::from_secs(10),
        })
    };
    let mut bench = Bench::new();
    bench.tws(login(1, "U1"));
    let live = bench.place(true);
    assert_eq!(
        bench.told(live).unwrap().unwrap_err().reason,
        Reason::LiveAccount
    );
    bench.session_down(1);
    bench.tws(login(2, "DU1"));
    bench.session_down(2);
    bench.commands.clear();
    bench.tws(login(3, "DU2"));
    let other = bench.place(true);
    let cancel = bench.cancel(1);
    assert_eq!(
        bench.told(other).unwrap().unwrap_err().reason,
        Reason::StoreMismatch
    );
    assert_eq!(
        bench.told(cancel).unwrap().unwrap_err().reason,
        Reason::OrderNotFound
    );
    assert!(bench.commands.is_empty());
    assert!(bench.store.orders.is_empty());
}

#[test]
fn paper_logins_are_those_of_single_accounts_and_of_advisers() {
    for account in ["DU1234567", "DF1234567", "DI1234567"] {
        assert!(crate::engine::is_paper(account), "{account}");
    }
    for account in ["U1234567", "F1234567", "I1234567", "D1234567", ""] {
        assert!(!crate::engine::is_paper(account), "{account}");
    }
}

#[test]
fn an_id_that_tws_names_raises_the_next_one_and_never_lowers_it() {
    let mut bench = Bench::connected();
    let named = |session, next_valid_id| TwsEvent::NextValidId {
        session,
        next_valid_id,
    };
    bench.tws(named(1, 40));
    bench.tws(named(1, 30));
    // What a session before this one said does not count.
    bench.tws(named(0, 90));
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 99,
        next_valid_id: Some(41),
    });
    bench.place(true);
    let placed = bench.commands.iter().find_map(|command| match command {
        TwsCommand::Place { ticket, .. } => Some(ticket.order_id),
        _ => None,
    });
    assert_eq!(placed, Some(41));
}

#[test]
fn a_barrier_that_tws_leaves_unanswered_makes_a_reconcile_due_and_may_be_answered_late() {
    let mut bench = Bench::connected();
    bench.place(false);
    bench.commands.clear();
    bench.tws(TwsEvent::BarrierUnanswered {
        session: 1,
        token: 1,
    });
    assert!(bench.reconcile_token().is_some());
    bench.assert_status(1, Status::Submitting);
    bench.tws(TwsEvent::BarrierAnswered {
        session: 1,
        token: 1,
        next_valid_id: Some(2),
    });
    bench.assert_status(1, Status::Staged);
}

#[test]
fn what_another_login_tells_is_not_about_our_orders() {
    let mut bench = Bench::connected();
    bench.place(true);
    bench.report(status(1, "Submitted"));
    bench.session_down(1);
    bench.tws(TwsEvent::SessionUp(SessionInfo {
        session: 2,
        accounts: vec!["DU999".to_owned()],
        next_valid_id: 1,
        server_version: 226,
        tws_time: None,
        heartbeat_in: Duration::from_secs(10),
    }));
    // The other store's order 1, as its snapshot shows it.
    bench.report_in(2, status(1, "Filled"));
    bench.assert_status(1, Status::Submitted);
    bench.session_down(2);
    bench.session_up(3);
    bench.report_in(3, status(1, "PreSubmitted"));
    bench.assert_status(1, Status::PreSubmitted);
}

#[test]
fn positions_and_values_are_asked_for_behind_the_first_reconcile_of_a_session() {
    let mut bench = Bench::new();
    bench.session_up(1);
    assert!(bench.accounts_asked.is_empty());
    let token = bench.reconcile_token().expect("a reconcile begins");
    bench.reconciled(1, token);
    let asked = Some("DU1".to_owned());
    assert_eq!(bench.accounts_asked, std::slice::from_ref(&asked));
    // Another reconcile is no reason to ask for them.
    bench.missed(1);
    let token = bench.reconcile_token().expect("a reconcile begins");
    bench.reconciled(1, token);
    assert_eq!(bench.accounts_asked.len(), 1);
    // TWS may have lost what it knew while it had lost IB.
    bench.tws(ib_link(false, false));
    bench.missed(1);
    let token = bench.reconcile_token().expect("a reconcile begins");
    bench.reconciled(1, token);
    assert_eq!(bench.accounts_asked.len(), 1);
    bench.tws(ib_link(true, false));
    let token = bench.reconcile_token().expect("a reconcile begins");
    bench.reconciled(1, token);
    assert_eq!(bench.accounts_asked, [asked.clone(), asked]);
}

#[test]
fn what_is_known_of_accounts_is_stale_without_tws_and_without_ib() {
    let mut bench = Bench::connected();
    let stale = |bench: &Bench| bench.core.accounts.snapshot().is_stale();
    let answered = |bench: &mut Bench, session| {
        for report in [
            AccountReport::Asked {
                account: Some("DU1".to_owned()),
                summary: false,
                messages: 3,
            },
            AccountReport::PositionsEnd,
            AccountReport::ValuesEnd {
                account: "DU1".to_owned(),
            },
        ] {
            bench.tws(TwsEvent::Account { session, report });
        }
    };
    assert!(stale(&bench));
    answered(&mut bench, 1);
    assert!(!stale(&bench));
    bench.tws(ib_link(false, false));
    assert!(stale(&bench));
    answered(&mut bench, 1);
    bench.tws(ib_link(true, true));
    assert!(stale(&bench));
    answered(&mut bench, 1);
    bench.session_down(1);
    assert!(stale(&bench));
}

#[test]
fn a_login_that_nothing_is_sent_to_is_not_asked_for_its_accounts() {
    let mut bench = Bench::new();
    bench.tws(TwsEvent::SessionUp(SessionInfo {
        session: 1,
        accounts: vec!["U1".to_owned()],
        next_valid_id: 1,
        server_version: 226,
        tws_time: None,
        heartbeat_in: Duration::from_secs(10),
    }));
    assert!(bench.reconcile_token().is_none());
    assert!(bench.accounts_asked.is_empty());
}
