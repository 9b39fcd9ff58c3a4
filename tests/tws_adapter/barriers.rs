//! Whether TWS has read what was sent: asked with reqIds, answered by nextValidId.

use std::time::Duration;

use ibkr_orders::domain::OrderReport;
use ibkr_orders::tws::{TwsCommand, TwsEvent, TwsSettings};

use crate::adapter::{Adapter, connected, connected_with, settings, start, ticket};
use crate::frames;
use crate::peer::{CURRENT_TIME, FakeTws, IDS, PLACE_ORDER, START_API};

fn ask(adapter: &Adapter, token: u64) {
    adapter.command(TwsCommand::Barrier { session: 1, token });
}

fn impatient(port: u16) -> TwsSettings {
    TwsSettings {
        barrier_timeout: Duration::from_millis(400),
        ..settings(port)
    }
}

/// The next event, which must be the answer to a barrier: its token and the id in it.
async fn answer(adapter: &mut Adapter) -> (u64, Option<i32>) {
    match adapter.next().await {
        TwsEvent::BarrierAnswered {
            session: 1,
            token,
            next_valid_id,
        } => (token, next_valid_id),
        other => panic!("no answer, but {other:?}"),
    }
}

#[tokio::test]
async fn it_follows_the_order_and_its_answer_follows_what_tws_said_before() {
    let (_tws, mut peer, mut adapter) = connected().await;
    adapter.place(1, ticket(90));
    ask(&adapter, 1);
    peer.expect(PLACE_ORDER).await;
    let asked = peer.expect(IDS).await;
    assert_eq!(asked.bytes, [0, 0, 0, 6, 0, 0, 0, 208, 8, 0]);
    peer.send(&frames::error(90, 321, "Error validating request"))
        .await;
    peer.send(&frames::next_valid_id(91)).await;
    assert!(matches!(adapter.next().await, TwsEvent::Sent { .. }));
    assert!(matches!(adapter.report().await, OrderReport::Error(_)));
    assert_eq!(answer(&mut adapter).await, (1, Some(91)));
}

#[tokio::test]
async fn answers_count_for_the_oldest_barrier_first() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for token in [1, 2, 3] {
        ask(&adapter, token);
        peer.expect(IDS).await;
    }
    for token in [1, 2, 3] {
        peer.send(&frames::next_valid_id(100)).await;
        assert_eq!(answer(&mut adapter).await, (token, Some(100)));
    }
    // One more is nobody's.
    peer.send(&frames::next_valid_id(101)).await;
    let unasked = TwsEvent::NextValidId {
        session: 1,
        next_valid_id: 101,
    };
    assert_eq!(adapter.next().await, unasked);
}

#[tokio::test]
async fn the_id_that_tws_names_at_a_login_answers_no_barrier() {
    let tws = FakeTws::bind().await;
    let mut adapter = start(TwsSettings {
        handshake_timeout: Duration::from_secs(2),
        ..settings(tws.port)
    });
    let mut peer = tws.greeted(225).await;
    peer.expect(START_API).await;
    peer.send(&frames::managed_accounts("DU111")).await;
    // Late: it is asked for, and then comes by itself.
    peer.expect(IDS).await;
    peer.send(&frames::next_valid_id(90)).await;
    adapter.up().await;
    ask(&adapter, 1);
    peer.expect(IDS).await;
    // The answer to the question, which was sent before the barrier.
    peer.send(&frames::next_valid_id(90)).await;
    let event = adapter.next().await;
    assert!(matches!(event, TwsEvent::NextValidId { .. }), "{event:?}");
    peer.send(&frames::next_valid_id(90)).await;
    assert_eq!(answer(&mut adapter).await, (1, Some(90)));
}

#[tokio::test]
async fn one_without_an_answer_is_asked_once_more_and_then_told_and_costs_no_session() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    ask(&adapter, 1);
    peer.expect(IDS).await;
    peer.expect(IDS).await;
    let unanswered = TwsEvent::BarrierUnanswered {
        session: 1,
        token: 1,
    };
    assert_eq!(adapter.next().await, unanswered);
    adapter.place(1, ticket(90));
    peer.expect(PLACE_ORDER).await;
    assert!(matches!(adapter.next().await, TwsEvent::Sent { .. }));
    // Late is not never.
    peer.send(&frames::next_valid_id(91)).await;
    assert_eq!(answer(&mut adapter).await, (1, Some(91)));
}

#[tokio::test]
async fn a_lost_answer_makes_later_proofs_come_later_and_none_too_early() {
    let (_tws, mut peer, mut adapter) = connected_with(impatient).await;
    ask(&adapter, 1);
    peer.expect(IDS).await;
    ask(&adapter, 2);
    peer.expect(IDS).await;
    // The answer to the first is lost; this is that to the second.
    peer.send(&frames::next_valid_id(90)).await;
    assert_eq!(answer(&mut adapter).await.0, 1);
    // The second is asked once more.
    peer.expect(IDS).await;
    peer.send(&frames::next_valid_id(90)).await;
    assert_eq!(answer(&mut adapter).await.0, 2);
}

#[tokio::test]
async fn a_heartbeat_that_is_answered_shows_as_well_that_all_before_it_was_read() {
    let (_tws, mut peer, mut adapter) = connected_with(|port| TwsSettings {
        heartbeat_interval: Duration::from_millis(300),
        ..settings(port)
    })
    .await;
    ask(&adapter, 1);
    peer.expect(IDS).await;
    peer.expect(CURRENT_TIME).await;
    peer.send(&frames::current_time(1_795_000_000)).await;
    assert_eq!(answer(&mut adapter).await, (1, None));
    assert!(matches!(adapter.next().await, TwsEvent::Heartbeat { .. }));
}

#[tokio::test]
async fn after_an_id_was_refused_tws_is_asked_for_ids_once() {
    let (_tws, mut peer, mut adapter) = connected().await;
    for id in 90..100 {
        adapter.place(1, ticket(id));
        peer.expect(PLACE_ORDER).await;
    }
    adapter.until_sent(99).await;
    for id in 90..100 {
        peer.send(&frames::error(id, 103, "Duplicate order id"))
            .await;
        assert!(matches!(adapter.report().await, OrderReport::Error(_)));
    }
    peer.expect(IDS).await;
    peer.send(&frames::next_valid_id(4_711)).await;
    let named = TwsEvent::NextValidId {
        session: 1,
        next_valid_id: 4_711,
    };
    assert_eq!(adapter.next().await, named);
    adapter.place(1, ticket(4_711));
    peer.expect(PLACE_ORDER).await;
}

#[tokio::test]
async fn an_id_sequence_that_is_spent_ends_the_session_with_what_to_do() {
    let (_tws, mut peer, mut adapter) = connected().await;
    peer.send(&frames::next_valid_id(1_500_000_000)).await;
    let reason = adapter.down().await;
    assert!(
        reason.contains("1500000000") && reason.contains("reset the API order id sequence"),
        "{reason}"
    );
}
