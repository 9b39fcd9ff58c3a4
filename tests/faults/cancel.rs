//! Cancels and their verdicts.

use std::time::Duration;

use ibkr_orders::domain::{LinkState, OrderKey, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::{Fault, SimulatorConfig};

use crate::world::{LIMIT, World, eventually, resting, staged};

async fn rests(world: &World) -> i32 {
    let order_id = world.place(resting("a")).await.order_id;
    world.until_status(order_id, Status::Submitted).await;
    order_id
}

/// Waits until TWS has got the order's cancel.
async fn cancel_came(world: &World, order_id: i32) {
    world
        .tws_shows(move |view| view.cancel_messages((7, order_id)) == 1)
        .await;
}

#[tokio::test]
async fn callers_who_wait_a_day_for_a_cancel_and_go_away_leave_the_order_to_others() {
    const DAY: f64 = 86_400.0;
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.timers.tws_heartbeat_interval = Duration::from_secs(60);
        config.bounds.waiters_per_order_max = 20;
    })
    .await;
    let order_id = world.place(resting("a")).await.order_id;
    world.control().mute().await.unwrap();
    let waiting = || world.gateway.stats().callers_waiting.get();
    // Each is reset while it waits, and the next one comes.
    for _ in 0..50 {
        let asked = tokio::time::timeout(Duration::from_millis(10), world.cancel(order_id, DAY));
        let _ = asked.await;
    }
    assert!(world.get(order_id).await.cancel_requested);
    eventually("nobody waits", async || waiting() == 0).await;

    // As many as may wait; one more is told at once how the order stands.
    let held: Vec<_> = (0..20)
        .map(|_| {
            let client = world.client.clone();
            tokio::spawn(async move { client.cancel(OrderKey::OrderId(order_id), DAY).await })
        })
        .collect();
    eventually("all wait", async || waiting() == 20).await;
    let early = world.gateway.stats().answered_early.get();
    let beyond = tokio::time::timeout(LIMIT, world.cancel(order_id, DAY)).await;
    let beyond = beyond.expect("an answer at once").unwrap();
    assert!(beyond.cancel_requested && !beyond.terminal);
    assert_eq!(world.gateway.stats().answered_early.get(), early + 1);

    world.control().unmute().await.unwrap();
    for call in held {
        let ended = tokio::time::timeout(LIMIT, call).await.unwrap().unwrap();
        assert_eq!(ended.unwrap().status, Status::Cancelled);
    }
    assert_eq!(world.cancel_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_cancel_is_confirmed_and_repeating_it_says_the_same() {
    let world = World::start().await;
    let order_id = rests(&world).await;
    for _ in 0..2 {
        let cancelled = world.cancel(order_id, 5.0).await.unwrap();
        assert_eq!(cancelled.status, Status::Cancelled);
        assert_eq!(
            (cancelled.last_error_code, cancelled.last_error),
            (None, None)
        );
    }
    assert_eq!(world.cancel_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn ten_cancels_at_once_send_one() {
    let world = World::start().await;
    let order_id = rests(&world).await;
    world.control().hold_cancels().await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let client = world.client.clone();
        calls.spawn(async move { client.cancel(OrderKey::OrderId(order_id), 10.0).await });
    }
    world.until_status(order_id, Status::PendingCancel).await;
    world.control().release_cancels().await.unwrap();
    for state in calls.join_all().await {
        assert_eq!(state.unwrap().status, Status::Cancelled);
    }
    assert_eq!(world.cancel_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_cancel_without_a_verdict_is_sent_again_after_the_reconcile_while_the_order_is_open() {
    let world = World::start().await;
    let order_id = rests(&world).await;
    world.control().hold_cancels().await.unwrap();
    let asked = world.cancel(order_id, 0.2).await.unwrap();
    assert!(asked.cancel_requested && !asked.terminal);
    cancel_came(&world, order_id).await;
    world.reconnect().await;
    world
        .tws_shows(move |view| view.cancel_messages((7, order_id)) == 2)
        .await;
    world.control().release_cancels().await.unwrap();
    world.until_status(order_id, Status::Cancelled).await;
    world.end().await;
}

#[tokio::test]
async fn a_cancel_without_a_verdict_is_sent_again_after_a_restart() {
    let mut world = World::start().await;
    let order_id = rests(&world).await;
    world.control().hold_cancels().await.unwrap();
    world.cancel(order_id, 0.2).await.unwrap();
    cancel_came(&world, order_id).await;
    world.restart().await;
    world
        .tws_shows(move |view| view.cancel_messages((7, order_id)) == 2)
        .await;
    world.control().release_cancels().await.unwrap();
    world.until_status(order_id, Status::Cancelled).await;
    world.end().await;
}

#[tokio::test]
async fn a_cancel_that_comes_too_late_finds_the_fill() {
    // TWS filled it and told nobody: 10148.
    let world = World::start().await;
    let order_id = rests(&world).await;
    for fault in [
        Fault::LoseStatuses,
        Fault::LoseOpenOrders,
        Fault::LoseExecutions,
    ] {
        world.control().set_fault(fault).await.unwrap();
    }
    world.control().fill(order_id).await.unwrap();
    assert_eq!(world.get(order_id).await.status, Status::Submitted);
    let state = world.cancel(order_id, 10.0).await.unwrap();
    assert_eq!((state.status, state.filled), (Status::Filled, 10.into()));
    // And from then on there is nothing to cancel.
    let error = world.cancel(order_id, 1.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    assert_eq!(world.cancel_frames(order_id).await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_cancel_of_an_order_that_ended_unseen_finds_its_end() {
    // The exchange ended it while every word was lost: 161, then the reconcile knows.
    let world = World::with(SimulatorConfig::explicit(), |_| {}).await;
    let order_id = rests(&world).await;
    world.control().mute().await.unwrap();
    world.control().expire(order_id).await.unwrap();
    world.control().unmute().await.unwrap();
    assert_eq!(world.get(order_id).await.status, Status::Submitted);
    let state = world.cancel(order_id, 10.0).await.unwrap();
    assert_eq!((state.status, state.filled), (Status::Cancelled, 0.into()));
    world.end().await;
}

#[tokio::test]
async fn verdicts_change_no_working_order_and_cause_a_reconcile() {
    for code in [136, 161, 10147, 10148] {
        let world = World::start().await;
        let order_id = rests(&world).await;
        world.control().hold_cancels().await.unwrap();
        let client = world.client.clone();
        let cancelling =
            tokio::spawn(async move { client.cancel(OrderKey::OrderId(order_id), 10.0).await });
        world.until_status(order_id, Status::PendingCancel).await;
        let queries = world.look(queries).await;
        world
            .control()
            .send_error(order_id, code, "a verdict")
            .await
            .unwrap();
        // The cancel is answered after the reconcile, with the order still open.
        let state = cancelling.await.unwrap().unwrap();
        assert!(!state.terminal, "{code}: {state:?}");
        assert!(world.look(self::queries).await > queries, "{code}");
        // Its end, when it comes, is seen.
        world.control().release_cancels().await.unwrap();
        world.until_status(order_id, Status::Cancelled).await;
        world.end().await;
    }
}

fn queries(view: &ibkr_orders::simulator::View<'_>) -> usize {
    let kind = ibkr_orders::simulator::MessageKind::CompletedOrders;
    view.messages()
        .iter()
        .filter(|message| message.kind == kind)
        .count()
}

#[tokio::test]
async fn an_unconfirmed_order_that_tws_does_not_know_is_cancelled_with_that_code() {
    let world = World::start().await;
    world
        .control()
        .set_fault(Fault::DropBeforeOrder(1))
        .await
        .unwrap();
    let order_id = world
        .client
        .place(resting("a"))
        .await
        .unwrap()
        .order_id
        .unwrap();
    world.until_status(order_id, Status::Unconfirmed).await;
    let state = world.cancel(order_id, 10.0).await.unwrap();
    assert_eq!(
        (state.status, state.last_error_code),
        (Status::Cancelled, Some(10147))
    );
    world.end().await;
}

#[tokio::test]
async fn a_staged_order_is_discarded_and_the_161_after_it_is_nothing() {
    let world = World::start().await;
    let order_id = world.place(staged("a")).await.order_id;
    let state = world.cancel(order_id, 5.0).await.unwrap();
    assert_eq!(
        (state.status, state.last_error_code),
        (Status::Cancelled, None)
    );
    // The 161 has come by the time TWS has answered something later.
    world.place(resting("b")).await;
    let state = world.get(order_id).await;
    assert_eq!(
        (state.status, state.last_error_code),
        (Status::Cancelled, None)
    );
    let error = world.transmit(order_id, 1.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    world.end().await;
}

#[tokio::test]
async fn a_cancel_asked_while_the_link_is_down_is_refused_or_waits_for_the_link() {
    let world = World::start().await;
    let order_id = rests(&world).await;
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    let error = world.cancel(order_id, 0.2).await.unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    let client = world.client.clone();
    let waiting =
        tokio::spawn(async move { client.cancel(OrderKey::OrderId(order_id), 15.0).await });
    world.control().refuse_connections(false).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status, Status::Cancelled);
    world.end().await;
}

#[tokio::test]
async fn an_order_that_filled_between_cancel_and_reconnect_is_filled_and_not_cancelled_again() {
    let world = World::start().await;
    let order_id = rests(&world).await;
    world.control().hold_cancels().await.unwrap();
    world.cancel(order_id, 0.2).await.unwrap();
    cancel_came(&world, order_id).await;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    world.control().fill(order_id).await.unwrap();
    world.control().refuse_connections(false).await.unwrap();
    world.link_shown(&mut watch, LinkState::Restored).await;
    world.link_shown(&mut watch, LinkState::Reconciled).await;
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 10.into());
    assert_eq!(world.cancel_frames(order_id).await, 1);
    world.end().await;
}
