//! Over a limit there is a status, not a collapse.

use std::time::{Duration, Instant};

use ibkr_orders::domain::{OrderKey, PlaceIn, Status, WatchIn};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;
use serde_json::json;

use crate::world::{LIMIT, World, limit_order, resting};

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.request_bytes_max = 4_096;
    })
    .await;
    let large = PlaceIn {
        order: json!({"action": "BUY", "symbol": "A".repeat(8_192), "order_type": "MKT", "quantity": 1}).into(),
        ..resting("large")
    };
    let error = world.client.place(large).await.unwrap_err();
    assert!(
        matches!(
            error.reason,
            Reason::Overloaded | Reason::RequestInvalid | Reason::GatewayUnavailable
        ),
        "{error:?}"
    );
    world.place(resting("small")).await;
    world.end().await;
}

#[tokio::test]
async fn one_watcher_too_many_is_told_so_and_room_is_given_back() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.watchers_max = 3;
    })
    .await;
    let order_id = world.place(resting("a")).await.order_id;
    let mut watches = Vec::new();
    for _ in 0..3 {
        let mut watch = world.watch(order_id, 0).await;
        watch.next().await.unwrap().unwrap();
        watches.push(watch);
    }
    let error = match world.client.watch(WatchIn::new(order_id)).await {
        Err(error) => error,
        Ok(mut watch) => watch.next().await.unwrap().unwrap_err(),
    };
    assert_eq!(error.reason, Reason::Overloaded);
    watches.pop();
    crate::world::eventually("there is room again", async || {
        match world.client.watch(WatchIn::new(order_id)).await {
            Ok(mut watch) => watch.next().await.unwrap().is_ok(),
            Err(_) => false,
        }
    })
    .await;
    drop(watches);
    world.end().await;
}

#[tokio::test]
async fn more_streams_than_a_connection_may_have_wait_and_do_not_break_it() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.streams_per_connection_max = 8;
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..100 {
        let client = world.client.clone();
        calls.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    for out in calls.join_all().await {
        assert!(out.unwrap().submitted);
    }
    world.end().await;
}

#[tokio::test]
async fn one_call_too_many_is_told_so() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.calls_in_flight_max = 4;
    })
    .await;
    world.control().hold_acknowledgements().await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 0..4 {
        let client = world.client.clone();
        waiting.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    world
        .tws_shows(|view| view.place_messages_total() == 4)
        .await;
    let error = world.client.place(resting("fifth")).await.unwrap_err();
    assert_eq!(error.reason, Reason::Overloaded);
    world.control().release_acknowledgements().await.unwrap();
    for out in waiting.join_all().await {
        assert!(out.unwrap().submitted);
    }
    world.place(resting("fifth")).await;
    world.end().await;
}

#[tokio::test]
async fn callers_beyond_those_who_may_wait_for_tws_are_told_so() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.queued_operations_max = 5;
    })
    .await;
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..20 {
        let client = world.client.clone();
        let input = PlaceIn {
            timeout: LIMIT.as_secs_f64(),
            ..resting(&number.to_string())
        };
        calls.spawn(async move { client.place(input).await });
    }
    // Five wait, and a sixth may be in the engine's hands.
    let mut over = 0;
    while over < 14 {
        let out = calls.join_next().await.unwrap().unwrap();
        assert_eq!(out.unwrap_err().reason, Reason::Overloaded);
        over += 1;
    }
    world.control().refuse_connections(false).await.unwrap();
    let mut placed = 0;
    while let Some(out) = calls.join_next().await {
        match out.unwrap() {
            Ok(out) => {
                assert!(out.submitted);
                placed += 1;
            }
            Err(error) => {
                assert_eq!(error.reason, Reason::Overloaded);
                over += 1;
            }
        }
    }
    assert!((5..=6).contains(&placed), "{placed} placed, {over} refused");
    world
        .look(move |view| assert_eq!(view.place_messages_total(), placed))
        .await;
    world.end().await;
}

#[tokio::test]
async fn orders_beyond_the_pacing_are_refused_before_they_are_stored() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.ib_max_messages_per_second = 10;
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..60 {
        let client = world.client.clone();
        let id = number.to_string();
        let input = PlaceIn {
            timeout: 0.5,
            ..resting(&id)
        };
        calls.spawn(async move { (client.place(input).await, id) });
    }
    let mut refused = 0;
    for (out, id) in calls.join_all().await {
        match out {
            Ok(out) => assert!(out.submitted),
            Err(error) => {
                refused += 1;
                assert_eq!(error.reason, Reason::Pacing);
                assert!(error.retry_after.is_some());
                let missing = world
                    .client
                    .get(OrderKey::RequestId(id.clone()))
                    .await
                    .unwrap_err();
                assert_eq!(missing.reason, Reason::OrderNotFound);
                assert_eq!(world.orders_in_tws(&id).await, 0);
            }
        }
    }
    assert!((1..60).contains(&refused), "{refused}");
    world.end().await;
}

#[tokio::test]
async fn a_burst_is_spread_so_that_tws_never_complains() {
    // A TWS that complains beyond so many a second, and ends the session at the third complaint. Real TWS: 50; the more is
    // for frames that a loaded machine delivers late and together.
    let simulator = SimulatorConfig {
        max_messages_per_second: Some(90),
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let begun = Instant::now();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..180 {
        let client = world.client.clone();
        calls.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    for out in calls.join_all().await {
        assert!(out.unwrap().submitted);
    }
    // 45 in any second: the last one waits for three of them.
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(2_900), "{took:?}");
    world
        .look(|view| assert_eq!((view.logins_total(), view.place_messages_total()), (1, 180)))
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_cancel_goes_before_waiting_orders_and_an_order_not_yet_sent_is_never_sent() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.ib_max_messages_per_second = 10;
    })
    .await;
    let first = world.place(resting("first")).await.order_id;
    // They fill the second that runs and the two after it.
    const WAITING: i32 = 30;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..WAITING {
        let client = world.client.clone();
        calls.spawn(async move { client.place(resting(&number.to_string())).await });
    }
    // Ids are given in the order in which orders are queued, so the one that has the last of them is sent last.
    let last = first + WAITING;
    crate::world::eventually("the last order is stored", async || {
        world.client.get(OrderKey::OrderId(last)).await.is_ok()
    })
    .await;
    let cancelled = world.cancel(last, 5.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    let cancelled = world.cancel(first, 5.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    for out in calls.join_all().await {
        out.unwrap();
    }
    assert_eq!(world.place_frames(last).await, 0);
    assert_eq!(world.cancel_frames(last).await, 0);
    let (cancel_at, last_place_at) = world
        .look(move |view| {
            use ibkr_orders::simulator::MessageKind;
            let position = |found: &dyn Fn(&ibkr_orders::simulator::ReceivedMessage) -> bool| {
                view.messages().iter().rposition(found)
            };
            (
                position(&|message| message.kind == MessageKind::CancelOrder),
                position(&|message| message.kind == MessageKind::PlaceOrder),
            )
        })
        .await;
    assert!(cancel_at < last_place_at, "the cancel waited behind orders");
    world.end().await;
}

#[tokio::test]
async fn a_thousand_callers_at_once_are_all_answered() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.ib_max_messages_per_second = 100_000;
    })
    .await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let client = world.client.clone();
        calls.spawn(async move { client.place(limit_order(&number.to_string(), 1)).await });
    }
    let mut ids = std::collections::HashSet::new();
    for out in calls.join_all().await {
        assert!(ids.insert(out.unwrap().order_id));
    }
    assert_eq!(ids.len(), 1_000);
    world
        .look(|view| assert_eq!(view.place_messages_total(), 1_000))
        .await;
    world.end().await;
}
