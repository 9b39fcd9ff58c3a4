//! What TWS says about orders, and about itself.

use std::time::Instant;

use ibkr_orders::domain::{Amount, OrderReport, Origin};
use ibkr_orders::tws::{TwsCommand, TwsEvent};

use crate::adapter::{Adapter, connected};
use crate::frames::{self, order};
use crate::peer::{CANCEL_ORDER, Peer};

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

#[tokio::test]
async fn a_fill_is_told_frame_by_frame_in_the_order_of_tws() {
    let (_tws, mut peer, mut adapter) = connected().await;
    let filled = order(90, "Filled");
    for bytes in [
        order(90, "PreSubmitted").open(),
        order(90, "PreSubmitted").status("0", "100"),
        filled.execution(-1, "0000e0d5.1.01"),
        filled.open(),
        filled.status("100", "0"),
        frames::commission("0000e0d5.1.01", 1.000125),
        frames::error(90, 399, "Order Message:\nWarning: late"),
    ] {
        peer.send(&bytes).await;
    }

    let OrderReport::OpenOrder(open) = adapter.report().await else {
        panic!()
    };
    assert_eq!(
        (open.order_id, open.client_id, open.perm_id),
        (90, 7, Some(1_090))
    );
    assert_eq!(
        (open.order_ref.as_deref(), open.account.as_deref()),
        (Some("gw-90"), Some("DU111"))
    );
    assert_eq!(
        (open.status.as_str(), open.origin),
        ("PreSubmitted", Origin::Live)
    );
    assert_eq!(
        (open.reject_reason, open.warning_text, open.completed_status),
        (None, None, None)
    );

    let OrderReport::Status(status) = adapter.report().await else {
        panic!()
    };
    assert_eq!(
        (status.filled, status.remaining),
        (Amount::ZERO, amount("100"))
    );
    assert_eq!(
        (status.avg_fill_price, status.why_held),
        (Some(amount("150.25")), None)
    );

    let OrderReport::Execution(execution) = adapter.report().await else {
        panic!()
    };
    assert_eq!(execution.exec_id, "0000e0d5.1.01");
    assert_eq!(
        (execution.quantity, execution.price),
        (amount("100"), amount("150.25"))
    );
    assert_eq!(execution.time_text, "20260825 14:11:30 US/Eastern");
    assert_eq!(execution.time.unwrap().to_string(), "2026-08-25T18:11:30Z");
    assert_eq!(
        (execution.origin, execution.exchange.as_str()),
        (Origin::Live, "NASDAQ")
    );

    assert!(matches!(adapter.report().await, OrderReport::OpenOrder(r) if r.status == "Filled"));
    assert!(matches!(adapter.report().await, OrderReport::Status(r) if r.filled == amount("100")));
    let OrderReport::Commission(commission) = adapter.report().await else {
        panic!()
    };
    assert_eq!(
        (commission.amount, commission.currency.as_str()),
        (amount("1.000125"), "USD")
    );
    let OrderReport::Error(warning) = adapter.report().await else {
        panic!()
    };
    assert_eq!(
        (warning.code, warning.text.as_str()),
        (399, "Order Message:\nWarning: late")
    );
}

#[tokio::test]
async fn orders_of_other_clients_are_told_as_theirs_and_what_is_no_report_is_left_out() {
    let (_tws, mut peer, mut adapter) = connected().await;
    peer.send(&order(90, "PreSubmitted").what_if().open()).await;
    peer.send(&order(91, "Submitted").of_client(3).open()).await;
    peer.send(&order(91, "Submitted").of_client(3).status("0", "1"))
        .await;
    peer.send(&order(91, "Filled").of_client(0).execution(-1, "e.2.01"))
        .await;
    peer.send(&frames::commission("e.9.01", f64::MAX)).await;
    peer.send(&order(92, "AnUnheardWord").status("0", "1"))
        .await;
    assert!(
        matches!(adapter.next().await, TwsEvent::Previewed { report, .. } if report.order_id == 90)
    );
    assert!(matches!(adapter.report().await, OrderReport::OpenOrder(r) if r.client_id == 3));
    assert!(matches!(adapter.report().await, OrderReport::Status(r) if r.client_id == 3));
    assert!(matches!(adapter.report().await, OrderReport::Execution(r) if r.client_id == 0));
    assert!(
        matches!(adapter.report().await, OrderReport::Status(r) if r.order_id == 92 && r.status == "AnUnheardWord")
    );
}

#[tokio::test]
async fn messages_without_an_order_are_sorted_by_what_they_mean() {
    let (_tws, mut peer, mut adapter) = connected().await;
    let messages = [
        (1100, "lost"),
        (1102, "restored - data maintained"),
        (2110, "broken"),
        (1101, "restored - data lost"),
        (2104, "farm connection is OK"),
        (100, "max rate"),
        (502, "couldn't connect"),
    ];
    for (code, text) in messages {
        peer.send(&frames::error(-1, code, text)).await;
    }
    let mut links = Vec::new();
    for (_, expected) in &messages[..4] {
        match adapter.next().await {
            TwsEvent::IbLink {
                session: 1,
                connected,
                data_lost,
                text,
            } => {
                assert_eq!(text, *expected);
                links.push((connected, data_lost));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(
        links,
        [(false, false), (true, false), (false, false), (true, true)]
    );
    for (code, text) in &messages[4..] {
        let notice = adapter.next().await;
        let expected = TwsEvent::Notice {
            session: 1,
            code: *code,
            text: (*text).to_owned(),
        };
        assert_eq!(notice, expected);
    }
}

#[tokio::test]
async fn a_report_that_cannot_be_read_is_said_to_be_missed_and_the_next_is_told() {
    let (_tws, mut peer, mut adapter) = connected().await;
    peer.send(&order(90, "Submitted").status_without_remaining())
        .await;
    match adapter.next().await {
        TwsEvent::Unreadable {
            session: 1,
            message: "orderStatus",
            order_id: Some(90),
            ..
        } => {}
        other => panic!("{other:?}"),
    }
    let missed = adapter.next().await;
    assert!(
        matches!(missed, TwsEvent::ReportsMissed { session: 1, .. }),
        "{missed:?}"
    );
    peer.send(&order(90, "Filled").status("100", "0")).await;
    assert!(matches!(adapter.report().await, OrderReport::Status(r) if r.status == "Filled"));
    // Somebody else's is counted, and no reason to reconcile.
    peer.send(
        &order(5, "Submitted")
            .of_client(3)
            .status_without_remaining(),
    )
    .await;
    assert!(matches!(adapter.next().await, TwsEvent::Unreadable { .. }));
    peer.send(&frames::error(-1, 2104, "OK")).await;
    assert!(matches!(adapter.next().await, TwsEvent::Notice { .. }));
}

#[tokio::test]
async fn many_unreadable_reports_are_not_as_many_calls_for_a_reconcile() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in 1..=50 {
        peer.send(&order(id, "Submitted").status_without_remaining())
            .await;
        peer.send(&frames::error(id, 399, "Warning: x")).await;
    }
    peer.send(&frames::error(-1, 2104, "OK")).await;
    let mut events = adapter
        .until(|event| matches!(event, TwsEvent::Notice { code: 2104, .. }))
        .await;
    let count = |events: &[TwsEvent], which: fn(&TwsEvent) -> bool| {
        events.iter().filter(|event| which(event)).count()
    };
    let is_missed = |event: &TwsEvent| matches!(event, TwsEvent::ReportsMissed { .. });
    // Every message is counted and what can be read is told.
    assert_eq!(
        count(&events, |event| matches!(
            event,
            TwsEvent::Unreadable { .. }
        )),
        50
    );
    assert_eq!(
        count(&events, |event| matches!(event, TwsEvent::Report { .. })),
        50
    );
    events.extend(adapter.until(is_missed).await);
    assert!((1..10).contains(&count(&events, is_missed)));
}

/// Sends order statuses from a task of its own, as fast as the adapter reads.
async fn flood(mut peer: Peer, count: i32) -> Peer {
    let mut bytes = Vec::new();
    for id in 1..=count {
        bytes.extend(order(id, "Submitted").status("0", "100"));
        if bytes.len() > 1 << 16 {
            peer.send(&bytes).await;
            bytes.clear();
        }
    }
    peer.send(&bytes).await;
    peer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_reports_is_told_whole_and_in_order() {
    const REPORTS: i32 = 40_000;
    let (_tws, peer, mut adapter) = connected().await;
    let begun = Instant::now();
    let sender = tokio::spawn(flood(peer, REPORTS));
    for id in 1..=REPORTS {
        match adapter.report().await {
            OrderReport::Status(report) => assert_eq!(report.order_id, id),
            other => panic!("{other:?}"),
        }
    }
    let rate = f64::from(REPORTS) / begun.elapsed().as_secs_f64();
    println!("{rate:.0} reports a second");
    sender.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_that_nobody_takes_wait_in_tws_and_none_is_lost() {
    const REPORTS: i32 = 20_000;
    let tws = crate::peer::FakeTws::bind().await;
    let (sender, events) = tokio::sync::mpsc::channel(8);
    let handle = ibkr_orders::tws::start(crate::adapter::settings(tws.port), sender);
    let mut adapter = Adapter { handle, events };
    let peer = tws.session().await;
    adapter.up().await;
    let sender = tokio::spawn(flood(peer, REPORTS));
    // Nobody takes a report, and a cancel goes out all the same.
    adapter.command(TwsCommand::Cancel {
        session: 1,
        order_id: 90,
    });
    for id in 1..=REPORTS {
        loop {
            match adapter.next().await {
                TwsEvent::Report {
                    report: OrderReport::Status(report),
                    ..
                } => {
                    assert_eq!(report.order_id, id);
                    break;
                }
                TwsEvent::Sent { order_id: 90, .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let mut peer = sender.await.unwrap();
    peer.expect(CANCEL_ORDER).await;
}
