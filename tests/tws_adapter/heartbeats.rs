//! Whether TWS is there, and what its clock says.

use std::time::Duration;

use ibkr_orders::tws::{TwsEvent, TwsSettings};

use crate::adapter::{connected_with, settings, start};
use crate::frames::{self, order};
use crate::peer::{CURRENT_TIME, FakeTws, IDS};

fn quick(port: u16) -> TwsSettings {
    TwsSettings {
        heartbeat_interval: Duration::from_millis(30),
        heartbeat_timeout: Duration::from_millis(1_500),
        ..settings(port)
    }
}

/// With the distance between time requests that a real TWS needs.
fn spaced(port: u16) -> TwsSettings {
    TwsSettings {
        time_request_spacing: Duration::from_secs(3_600),
        ..quick(port)
    }
}

#[tokio::test]
async fn heartbeats_tell_the_clock_of_tws_and_a_mute_tws_costs_the_session() {
    let (tws, mut peer, mut adapter) = connected_with(quick).await;
    for second in 0..3 {
        peer.expect(CURRENT_TIME).await;
        peer.send(&frames::current_time(1_795_000_000 + second))
            .await;
        match adapter.next().await {
            TwsEvent::Heartbeat {
                session: 1,
                tws_time,
                next_in,
            } => {
                assert_eq!(tws_time.unix_micros(), (1_795_000_000 + second) * 1_000_000);
                assert!(next_in <= Duration::from_millis(30));
            }
            other => panic!("{other:?}"),
        }
    }
    peer.expect(CURRENT_TIME).await;
    // Before it is given up it is asked for something that it always answers.
    peer.expect(IDS).await;
    let reason = adapter.down().await;
    assert!(reason.contains("silent"), "{reason}");
    peer.closed().await;
    tws.session().await;
    assert_eq!(adapter.up().await.session, 2);
}

#[tokio::test]
async fn a_time_request_that_tws_leaves_unanswered_is_no_sign_of_death() {
    let (_tws, mut peer, mut adapter) = connected_with(quick).await;
    for _ in 0..3 {
        peer.expect(CURRENT_TIME).await;
        peer.expect(IDS).await;
        peer.send(&frames::next_valid_id(90)).await;
        assert!(matches!(adapter.next().await, TwsEvent::NextValidId { .. }));
    }
    // Whatever TWS says is life.
    peer.expect(CURRENT_TIME).await;
    peer.send(&order(90, "Submitted").open()).await;
    adapter.report().await;
    peer.expect(CURRENT_TIME).await;
}

#[tokio::test]
async fn time_requests_keep_their_distance_and_nothing_is_asked_at_the_login() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(spaced(tws.port));
    let mut peer = tws.session().await;
    let info = adapter.up().await;
    assert_eq!(info.heartbeat_in, Duration::from_millis(30));
    // What the handshake said of TWS's clock stands in for the first answer.
    assert_eq!(info.tws_time.unwrap().to_string(), "2026-11-01T15:00:00Z");
    peer.expect(CURRENT_TIME).await;
    peer.send(&frames::current_time(1_795_000_000)).await;
    assert!(matches!(adapter.next().await, TwsEvent::Heartbeat { .. }));
    for _ in 0..5 {
        peer.expect(IDS).await;
        peer.send(&frames::next_valid_id(90)).await;
        adapter.next().await;
    }
}

#[tokio::test]
async fn half_a_message_from_a_tws_that_then_is_silent_is_no_life() {
    let (_tws, mut peer, mut adapter) = connected_with(quick).await;
    peer.send(&order(90, "Submitted").open()[..30]).await;
    let reason = adapter.down().await;
    assert!(reason.contains("silent"), "{reason}");
    peer.closed().await;
}

#[tokio::test]
async fn a_gateway_that_takes_no_events_for_a_while_does_not_take_tws_for_silent() {
    let tws = FakeTws::bind().await;
    let (sender, events) = tokio::sync::mpsc::channel(2);
    let handle = ibkr_orders::tws::start(
        TwsSettings {
            heartbeat_timeout: Duration::from_millis(300),
            ..quick(tws.port)
        },
        sender,
    );
    let mut adapter = crate::adapter::Adapter { handle, events };
    let mut peer = tws.session().await;
    adapter.up().await;
    // Answered at once, but nobody takes what comes before the answer.
    peer.expect(CURRENT_TIME).await;
    for id in 1..=20 {
        peer.send(&order(id, "Submitted").open()).await;
    }
    peer.send(&frames::current_time(1_795_000_000)).await;
    // Longer than the limit of a heartbeat: this is what is tested.
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    for _ in 1..=20 {
        adapter.report().await;
    }
    assert!(matches!(adapter.next().await, TwsEvent::Heartbeat { .. }));
}
