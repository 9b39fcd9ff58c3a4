//! Getting a session, and being refused one.

use std::time::{Duration, Instant};

use ibkr_orders::domain::{OrderReport, Origin};
use ibkr_orders::tws::{ConnectFailure, TwsEvent, TwsSettings};
use test_support::ports::ClosedPort;

use crate::adapter::{Adapter, connected, settings, start};
use crate::frames::{self, order};
use crate::peer::{ACCOUNTS, FakeTws, IDS, START_API};

async fn failure(adapter: &mut Adapter) -> ConnectFailure {
    match adapter.next().await {
        TwsEvent::ConnectFailed(failure) => failure,
        other => panic!("not refused, but {other:?}"),
    }
}

fn unreachable(failure: &ConnectFailure) -> &str {
    match failure {
        ConnectFailure::Unreachable { detail } => detail,
        ConnectFailure::Refused { .. } => panic!("{failure:?}"),
    }
}

fn refused(failure: &ConnectFailure) -> (Option<i32>, &str) {
    match failure {
        ConnectFailure::Refused { code, detail } => (*code, detail),
        ConnectFailure::Unreachable { .. } => panic!("{failure:?}"),
    }
}

fn impatient(port: u16) -> TwsSettings {
    TwsSettings {
        handshake_timeout: Duration::from_millis(1_500),
        ..settings(port)
    }
}

#[tokio::test]
async fn a_session_comes_with_accounts_ids_and_version() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let mut peer = tws.greeted(226).await;
    assert_eq!(peer.request().await.number(), 7);
    peer.send(&frames::next_valid_id(91)).await;
    peer.send(&frames::managed_accounts("DU111,DU222,")).await;
    let info = adapter.up().await;
    assert_eq!(
        (info.session, info.next_valid_id, info.server_version),
        (1, 91, 226)
    );
    assert_eq!(info.accounts, ["DU111", "DU222"]);
}

#[tokio::test]
async fn a_tws_that_is_mute_is_given_up_at_each_stage_and_tried_again() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(impatient(tws.port));
    let mut mute = Vec::new();
    for stage in 0..4 {
        let mut peer = tws.accept().await;
        if stage > 0 {
            peer.read_hello().await;
            peer.acknowledge(225).await;
        }
        if stage > 1 {
            peer.send(&frames::managed_accounts("DU111")).await;
        }
        if stage > 2 {
            // Half a frame.
            peer.send(&frames::next_valid_id(1)[..7]).await;
        }
        let failure = failure(&mut adapter).await;
        assert!(unreachable(&failure).contains("handshake"), "{failure:?}");
        mute.push(peer);
    }
    tws.session().await;
    assert_eq!(adapter.up().await.session, 1, "only sessions are counted");
}

#[tokio::test]
async fn a_client_id_in_use_is_named() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let mut peer = tws.greeted(225).await;
    peer.send(&frames::error(
        -1,
        326,
        "Unable to connect as the client id is already in use.",
    ))
    .await;
    drop(peer);
    let failure = failure(&mut adapter).await;
    assert_eq!(refused(&failure), (Some(326), "client id 7 is in use"));
    tws.session().await;
    adapter.up().await;
}

#[tokio::test]
async fn a_tws_that_is_too_old_is_told_from_one_that_is_away() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let _peer = tws.greeted(212).await;
    let failure = failure(&mut adapter).await;
    let (code, detail) = refused(&failure);
    assert_eq!(code, None);
    assert!(detail.contains("212") && detail.contains("213"), "{detail}");
}

#[tokio::test]
async fn a_tws_that_closes_is_told_from_something_that_is_no_tws() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    drop(tws.accept().await);
    let first = failure(&mut adapter).await;
    assert!(unreachable(&first).contains("API settings"), "{first:?}");

    let mut peer = tws.accept().await;
    peer.read_hello().await;
    peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let second = failure(&mut adapter).await;
    assert!(refused(&second).1.contains("protocol"), "{second:?}");

    let peer = tws.greeted(225).await;
    drop(peer);
    let third = failure(&mut adapter).await;
    assert!(unreachable(&third).contains("closed"), "{third:?}");
}

#[tokio::test]
async fn a_closed_port_is_tried_again_with_growing_delays_until_someone_listens() {
    let nobody = ClosedPort::new();
    let begun = Instant::now();
    let mut adapter = start(settings(nobody.port()));
    for _ in 0..4 {
        let failure = failure(&mut adapter).await;
        assert!(
            unreachable(&failure).contains("nothing listens"),
            "{failure:?}"
        );
    }
    // 10, 20 and 40 ms lie between four attempts.
    assert!(begun.elapsed() >= Duration::from_millis(70));
}

#[tokio::test]
async fn more_open_orders_than_the_handshake_takes_are_all_reported_and_ids_are_asked_for() {
    const ORDERS: i32 = 130;
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let mut peer = tws.greeted(225).await;
    peer.expect(START_API).await;
    let mut burst = Vec::new();
    for id in 1..=ORDERS {
        burst.extend(order(id, "Submitted").open());
        burst.extend(order(id, "Submitted").status("0", "100"));
    }
    burst.extend(frames::open_orders_end());
    burst.extend(frames::managed_accounts("DU111"));
    burst.extend(frames::next_valid_id(500));
    peer.send(&burst).await;
    // What ibapi's handshake no longer heard is asked for: the id comes with the burst meanwhile, the accounts were before it.
    peer.expect(IDS).await;
    peer.send(&frames::next_valid_id(500)).await;
    peer.expect(ACCOUNTS).await;
    // An error without an id ends ibapi's wait; the question is asked again.
    peer.send(&frames::error(-1, 320, "Error reading request"))
        .await;
    peer.expect(ACCOUNTS).await;
    peer.send(&frames::managed_accounts("DU111")).await;
    let info = adapter.up().await;
    assert_eq!(
        (info.next_valid_id, info.accounts),
        (500, vec!["DU111".to_owned()])
    );

    let mut opened = Vec::new();
    let mut statuses = Vec::new();
    while statuses.len() < ORDERS as usize {
        match adapter.next().await {
            TwsEvent::Report {
                report: OrderReport::OpenOrder(report),
                ..
            } => {
                if opened.is_empty() {
                    assert_eq!(report.origin, Origin::Snapshot);
                }
                opened.push(report.order_id);
            }
            TwsEvent::Report {
                report: OrderReport::Status(report),
                ..
            } => statuses.push(report.order_id),
            TwsEvent::Notice { code: 320, .. } => {}
            other => panic!("{other:?}"),
        }
    }
    let all: Vec<i32> = (1..=ORDERS).collect();
    assert_eq!((opened, statuses), (all.clone(), all));
}

#[tokio::test]
async fn a_tws_without_accounts_is_refused() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let mut peer = tws.greeted(225).await;
    peer.expect(START_API).await;
    peer.send(&frames::managed_accounts("")).await;
    peer.send(&frames::next_valid_id(1)).await;
    for _ in 0..4 {
        peer.expect(ACCOUNTS).await;
        peer.send(&frames::managed_accounts("")).await;
    }
    let failure = failure(&mut adapter).await;
    assert!(refused(&failure).1.contains("accounts"), "{failure:?}");
    peer.closed().await;
}

#[tokio::test]
async fn what_tws_sends_during_the_handshake_follows_the_session_as_snapshot() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let mut peer = tws.greeted(225).await;
    peer.expect(START_API).await;
    for bytes in [
        order(5, "Submitted").open(),
        order(5, "Submitted").status("10", "90"),
        order(5, "Submitted").execution(-1, "e.1.01"),
        frames::commission("e.1.01", 1.0),
        order(4, "Filled").completed("0", "100"),
        frames::open_orders_end(),
        frames::error(
            -1,
            1100,
            "Connectivity between IBKR and Trader Workstation has been lost.",
        ),
        frames::managed_accounts("DU111"),
        frames::next_valid_id(6),
    ] {
        peer.send(&bytes).await;
    }
    adapter.up().await;
    let events = adapter
        .until(|event| matches!(event, TwsEvent::IbLink { .. }))
        .await;
    let kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            TwsEvent::Report { report, .. } => match report {
                OrderReport::OpenOrder(r) => ("open", Some(r.origin)),
                OrderReport::Status(r) => ("status", Some(r.origin)),
                OrderReport::Execution(r) => ("execution", Some(r.origin)),
                OrderReport::Commission(r) => ("commission", Some(r.origin)),
                OrderReport::Completed(_) => ("completed", None),
                OrderReport::Error(_) => ("error", None),
            },
            TwsEvent::IbLink {
                connected: false, ..
            } => ("lost", None),
            other => panic!("{other:?}"),
        })
        .collect();
    let snapshot = Some(Origin::Snapshot);
    assert_eq!(
        kinds,
        [
            ("open", snapshot),
            ("status", snapshot),
            ("execution", snapshot),
            ("commission", snapshot),
            ("completed", None),
            ("lost", None),
        ]
    );
}

#[tokio::test]
async fn the_adapter_ends_in_time_with_and_without_a_session() {
    let (_tws, mut peer, mut adapter) = connected().await;
    assert!(adapter.handle.shutdown(Duration::from_secs(5)).await);
    peer.closed().await;
    let last = adapter.events.recv().await;
    assert!(
        matches!(last, Some(TwsEvent::SessionDown { session: 1, .. })),
        "{last:?}"
    );
    assert_eq!(adapter.events.recv().await, None, "the channel closes");

    let tws = FakeTws::bind().await;
    let adapter = start(settings(tws.port));
    let mut peer = tws.accept().await;
    peer.read_hello().await;
    assert!(adapter.handle.shutdown(Duration::from_secs(5)).await);
    peer.closed().await;
}

#[tokio::test]
async fn dropping_the_handle_or_the_events_ends_the_adapter() {
    let (_tws, mut peer, adapter) = connected().await;
    drop(adapter.handle);
    peer.closed().await;

    let (_tws, mut peer, adapter) = connected().await;
    drop(adapter.events);
    peer.closed().await;
}

#[test]
fn the_adapter_needs_no_runtime_of_its_callers() {
    let nobody = ClosedPort::new();
    let mut adapter = start(settings(nobody.port()));
    let event = adapter.events.blocking_recv();
    assert!(
        matches!(event, Some(TwsEvent::ConnectFailed(_))),
        "{event:?}"
    );
}
