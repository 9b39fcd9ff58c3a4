//! Watchers who are slow, stuck or gone, and many of them.

use std::time::Duration;

use ibkr_orders::domain::{Status, WatchEvent, WatchIn};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;

use crate::world::{LIMIT, World, eventually, limit_order, resting};

/// Fills an order one share at a time.
async fn storm(world: &World, order_id: i32, shares: u32) {
    for _ in 0..shares {
        world
            .control()
            .fill_at(order_id, 1.into(), 1.into())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_slow_watcher_gets_every_event_once_in_order() {
    let world = World::start().await;
    let order_id = world.place(limit_order("a", 300)).await.order_id;
    let mut watch = world.watch_all(0).await;
    watch.next().await.unwrap().unwrap();
    storm(&world, order_id, 300).await;
    // It begins to read when everything is over.
    world.until_status(order_id, Status::Filled).await;
    let mut last = 0;
    let mut fills = 0;
    while fills < 300 {
        let update = tokio::time::timeout(LIMIT, watch.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        match update.event {
            WatchEvent::Order(_) => {
                assert!(update.sequence > last);
                last = update.sequence;
            }
            WatchEvent::Fill(_) => {
                assert!(update.sequence > last);
                last = update.sequence;
                fills += 1;
            }
            WatchEvent::SnapshotEnd {} | WatchEvent::Link(_) | WatchEvent::Heartbeat { .. } => {}
        }
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_hand_over_from_store_to_live_loses_and_repeats_nothing_in_a_storm() {
    let world = World::start().await;
    let order_id = world.place(limit_order("a", 200)).await.order_id;
    let submitted = world.until_status(order_id, Status::Submitted).await;
    let storming = {
        let control = world.control();
        tokio::spawn(async move {
            for _ in 0..200 {
                control.fill_at(order_id, 1.into(), 1.into()).await.unwrap();
            }
        })
    };
    // Each resumes every few events, so that a hand-over falls on every moment of a commit.
    let mut watches = tokio::task::JoinSet::new();
    for number in 0..4 {
        let client = world.client.clone();
        watches.spawn(async move {
            let mut last = submitted.sequence;
            let mut fills = 0;
            loop {
                let input = WatchIn {
                    after_sequence: last,
                    ..WatchIn::new(order_id)
                };
                let mut watch = client.watch(input).await.unwrap();
                let until = last + 11 + number;
                while last < until {
                    // A watch ends where its order does; until then something comes at least once a second.
                    let Some(update) = tokio::time::timeout(LIMIT, watch.next()).await.unwrap()
                    else {
                        return fills;
                    };
                    let update = update.unwrap();
                    if matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_)) {
                        // The store has one order: its events are gapless.
                        assert_eq!(update.sequence, last + 1, "after {fills} fills");
                        last = update.sequence;
                        fills += u32::from(matches!(update.event, WatchEvent::Fill(_)));
                    }
                }
            }
        });
    }
    storming.await.unwrap();
    assert_eq!(watches.join_all().await, [200; 4]);
    world.end().await;
}

#[tokio::test]
async fn a_stuck_watcher_holds_up_nobody_is_told_and_resumes_without_a_gap() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.watcher_lag_events_max = 50;
    })
    .await;
    let order_id = world.place(limit_order("a", 5_000)).await.order_id;
    let submitted = world.until_status(order_id, Status::Submitted).await;
    let mut stuck = world.watch_all(submitted.sequence).await;
    // Nobody reads it while more is shown than its connection holds.
    storm(&world, order_id, 5_000).await;
    // Others go on meanwhile.
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 5_000.into());
    world.place(resting("b")).await;
    // What it reads then is gapless up to the word that it lags, and goes on there when it resumes.
    let mut last = submitted.sequence;
    let mut fills = 0;
    let mut lagged = 0;
    while fills < 5_000 {
        match tokio::time::timeout(LIMIT, stuck.next()).await.unwrap() {
            Some(Ok(update)) => match update.event {
                WatchEvent::Order(_) | WatchEvent::Fill(_) => {
                    assert_eq!(update.sequence, last + 1, "after {fills} fills");
                    last = update.sequence;
                    fills += i32::from(matches!(update.event, WatchEvent::Fill(_)));
                }
                WatchEvent::SnapshotEnd {} | WatchEvent::Link(_) | WatchEvent::Heartbeat { .. } => {
                }
            },
            Some(Err(error)) => {
                assert_eq!(error.reason, Reason::Lagged);
                lagged += 1;
                stuck = world.watch_all(last).await;
            }
            None => panic!("it ended without a word after {fills} fills"),
        }
    }
    assert!(lagged > 0, "its connection held everything");
    world.end().await;
}

#[tokio::test]
async fn a_thousand_watches_opened_and_dropped_leave_nothing_behind() {
    let world = World::with(SimulatorConfig::explicit(), |config| {
        config.bounds.watchers_max = 300;
    })
    .await;
    let order_id = world.place(resting("a")).await.order_id;
    // Five times as many as there may be at once: those that are gone must not count.
    for _ in 0..5 {
        let mut watches = Vec::new();
        for _ in 0..200 {
            watches.push(world.watch(order_id, 0).await);
        }
        drop(watches);
        eventually("the watches are forgotten", async || {
            world.gateway.stats().watchers.get() == 0
        })
        .await;
    }
    world.control().fill(order_id).await.unwrap();
    world.until_status(order_id, Status::Filled).await;
    world.end().await;
}

#[tokio::test]
async fn watchers_whose_connection_vanishes_are_forgotten() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    for _ in 0..10 {
        // A client of its own; when it goes its connection is cut in the middle of the watch.
        let client = ibkr_orders::client::Client::connect(
            world.url(),
            ibkr_orders::client::ClientOptions::default(),
        )
        .await
        .unwrap();
        let mut watch = client.watch(WatchIn::new(order_id)).await.unwrap();
        watch.next().await.unwrap().unwrap();
    }
    eventually("the watches are forgotten", async || {
        world.gateway.stats().watchers.get() == 0
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn a_quiet_watch_says_with_each_heartbeat_whether_tws_is_there() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    let input = WatchIn {
        poll_interval: 0.05,
        ..WatchIn::new(order_id)
    };
    let mut watch = world.client.watch(input).await.unwrap();
    for expected in [true, false, true] {
        if !expected {
            world.control().refuse_connections(true).await.unwrap();
            world.control().drop_connections().await.unwrap();
        } else {
            world.control().refuse_connections(false).await.unwrap();
        }
        let heard = async {
            loop {
                let update = watch.next().await.unwrap().unwrap();
                if matches!(update.event, WatchEvent::Heartbeat { connected } if connected == expected)
                {
                    return;
                }
            }
        };
        tokio::time::timeout(LIMIT, heard).await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_watch_with_a_limit_ends_at_it_with_a_word() {
    let world = World::start().await;
    let order_id = world.place(resting("a")).await.order_id;
    let begun = std::time::Instant::now();
    let input = WatchIn {
        max_wait: Some(0.3),
        ..WatchIn::new(order_id)
    };
    let watch = world.client.watch(input).await.unwrap();
    let (_, error) = crate::world::to_the_end(watch).await;
    assert_eq!(error.unwrap().reason, Reason::MaxWait);
    assert!(begun.elapsed() >= Duration::from_millis(290));
    world.end().await;
}
