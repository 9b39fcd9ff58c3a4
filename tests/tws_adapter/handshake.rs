//! Getting a session, and being refused one.

use std::time::{Duration, Instant};

use ibkr_orders::domain::{OrderReport, Origin};
use ibkr_orders::tws::{ConnectFailure, TwsEvent, TwsSettings};
use test_support::ports::ClosedPort;

use tokio::net::TcpListener;

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
async fn however_many_open_orders_come_at_the_login_all_are_told_after_the_session() {
    const ORDERS: i32 = 5_000;
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
    burst.extend(frames::next_valid_id(5_001));
    peer.send(&burst).await;
    let info = adapter.up().await;
    assert_eq!(
        (info.next_valid_id, info.accounts),
        (5_001, vec!["DU111".to_owned()])
    );
    for id in 1..=ORDERS {
        match adapter.report().await {
            OrderReport::OpenOrder(report) => {
                assert_eq!((report.order_id, report.origin), (id, Origin::Snapshot));
            }
            other => panic!("{other:?}"),
        }
        match adapter.report().await {
            OrderReport::Status(report) => {
                assert_eq!((report.order_id, report.origin), (id, Origin::Snapshot));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_tws_does_not_name_by_itself_is_asked_for() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(impatient(tws.port));
    let mut peer = tws.greeted(225).await;
    peer.expect(START_API).await;
    peer.expect(IDS).await;
    peer.expect(ACCOUNTS).await;
    peer.send(&frames::next_valid_id(0)).await;
    // Of no use: asked again at once.
    peer.expect(IDS).await;
    peer.send(&frames::next_valid_id(500)).await;
    peer.send(&frames::managed_accounts("DU1, DU2,DU1, ")).await;
    let info = adapter.up().await;
    assert_eq!(info.next_valid_id, 500);
    assert_eq!(info.accounts, ["DU1", "DU2"]);
}

#[tokio::test]
async fn an_id_sequence_that_is_spent_is_refused_with_what_to_do() {
    for id in [1_500_000_000, i32::MAX] {
        let tws = FakeTws::bind().await;
        let mut adapter = start(settings(tws.port));
        let mut peer = tws.greeted(225).await;
        peer.expect(START_API).await;
        peer.send(&frames::managed_accounts("DU111")).await;
        peer.send(&frames::next_valid_id(id)).await;
        let failure = failure(&mut adapter).await;
        let (code, detail) = refused(&failure);
        assert_eq!(code, None);
        assert!(
            detail.contains(&id.to_string())
                && detail.contains("nothing is sent")
                && detail.contains("reset the API order id sequence"),
            "{detail}"
        );
        peer.closed().await;
    }
}

#[tokio::test]
async fn every_address_of_a_name_is_tried_and_the_first_may_be_mute() {
    let mute = TcpListener::bind(("::1", 0)).await.unwrap();
    let port = mute.local_addr().unwrap().port();
    // The same port on the other address, where nobody has taken it meanwhile.
    let Ok(speaks) = TcpListener::bind(("127.0.0.1", port)).await else {
        return;
    };
    let names = tokio::net::lookup_host(("localhost", port)).await.unwrap();
    let names: Vec<_> = names.map(|address| address.is_ipv6()).collect();
    let tws = FakeTws::of(speaks);
    let mut adapter = start(TwsSettings {
        host: "localhost".to_owned(),
        handshake_timeout: Duration::from_secs(2),
        ..settings(port)
    });
    if names.contains(&true) {
        // It takes the connection and says nothing.
        let _held = mute.accept().await.unwrap();
        tws.session().await;
    } else {
        tws.session().await;
    }
    assert_eq!(adapter.up().await.session, 1);
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
        peer.send(&frames::managed_accounts(" ,")).await;
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
