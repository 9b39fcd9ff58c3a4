//! What bounds a watch: who may watch, for how long, how far behind, and until the shutdown.

use std::sync::Arc;
use std::time::Duration;

use ibkr_orders::domain::Status;
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::feed::{FeedLimits, Watch, WatchSpec};

use crate::orders::order_event;
use crate::world::{LIMITS, World, end, next, quiet, soon, take};

#[tokio::test]
async fn what_cannot_be_watched_is_refused_with_its_reason() {
    let mut world = World::with(FeedLimits {
        watchers_max: 1,
        ..LIMITS
    })
    .await;
    let refused = |outcome: Result<Watch, Error>| outcome.unwrap_err().reason;
    assert_eq!(
        refused(world.watch_after(1, 0).await),
        Reason::OrderNotFound
    );
    // An empty store's cursor is its base less one.
    drop(world.watch_after(0, world.base - 1).await.unwrap());
    assert_eq!(
        refused(world.watch_after(0, world.base).await),
        Reason::Sequence
    );
    world.place(1).await;
    for foreign in [1, world.base - 2, world.base + 1, u64::MAX] {
        assert_eq!(
            refused(world.watch_after(1, foreign).await),
            Reason::Sequence,
            "{foreign}"
        );
    }
    assert_eq!(
        (world.feed.watchers(), world.feed.channels()),
        (0, 0),
        "a refused watch leaves nothing"
    );
    let only = world.watch(1).await;
    assert_eq!(refused(world.watch_after(1, 0).await), Reason::Overloaded);
    drop(only);
    drop(world.watch(1).await);
}

#[tokio::test]
async fn a_watch_ends_when_max_wait_has_passed() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            max_wait: Some(Duration::from_secs(2)),
            ..quiet(1)
        })
        .await
        .unwrap();
    take(&mut watch, 2, world.base).await;
    let error = end(&mut watch).await.unwrap();
    assert_eq!(error.reason, Reason::MaxWait);
    assert!(error.message.contains(&world.base.to_string()), "{error}");
}

#[tokio::test]
async fn a_watcher_that_fell_behind_catches_up_from_the_store_without_a_gap() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    let mut events = Vec::new();
    // More than either channel holds.
    for n in 0..5000 {
        let sequence = world.head + 1 + n;
        row.state.sequence = sequence;
        events.push(order_event(&row));
    }
    let stored = events.clone();
    world
        .store
        .transact(move |t| stored.iter().try_for_each(|event| t.append_event(event)))
        .await
        .unwrap();
    world.head += 5000;
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
    for watch in [&mut one, &mut all] {
        take(watch, 2, world.base).await;
        for n in 1..=5000 {
            assert_eq!(next(watch).await.sequence, world.base + n);
        }
        tokio::time::timeout(Duration::from_millis(20), watch.next())
            .await
            .expect_err("each event once");
    }
}

#[tokio::test]
async fn a_watcher_behind_its_bound_ends_and_can_resume() {
    let mut world = World::with(FeedLimits {
        lag_events_max: 5000,
        ..LIMITS
    })
    .await;
    let mut row = world.place(1).await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    let mut events = Vec::new();
    for n in 1..=10_000 {
        row.state.sequence = world.head + n;
        events.push(order_event(&row));
    }
    let stored = events.clone();
    world
        .store
        .transact(move |t| stored.iter().try_for_each(|event| t.append_event(event)))
        .await
        .unwrap();
    world
        .feed
        .publish(events.into_iter().map(Arc::new).collect());
    for watch in [&mut one, &mut all] {
        take(watch, 2, world.base).await;
        let error = end(watch).await.unwrap();
        assert_eq!(error.reason, Reason::Lagged);
        assert!(
            error
                .message
                .contains(&format!("resume after sequence {}", world.base)),
            "{error}"
        );
    }
    // Who resumes is not behind: it reads what it missed.
    let mut resumed = world.watch_after(0, world.base).await.unwrap();
    for n in 1..=10_000 {
        assert_eq!(next(&mut resumed).await.sequence, world.base + n);
    }
}

#[tokio::test]
async fn a_thousand_watches_opened_and_dropped_leave_nothing() {
    let mut world = World::new().await;
    for id in 1..=50 {
        world.place(id).await;
    }
    let mut watches = Vec::new();
    for n in 0..1000 {
        let mut watch = world.watch(n % 51).await;
        if n % 3 == 0 {
            next(&mut watch).await;
        }
        watches.push(watch);
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (1000, 51));
    while let Some(watch) = watches.pop() {
        drop(watch);
        if watches.len() == 500 {
            assert_eq!(world.feed.watchers(), 500);
        }
    }
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

#[tokio::test]
async fn at_shutdown_a_watch_shows_what_it_has_and_says_where_to_resume() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut waiting = world.watch(1).await;
    take(&mut waiting, 2, world.base).await;
    let mut behind = world.watch(1).await;
    let asleep = tokio::spawn(async move { end(&mut waiting).await });
    tokio::task::yield_now().await;
    world.feed.close();
    assert_eq!(
        soon(asleep).await.unwrap().unwrap().reason,
        Reason::ShuttingDown
    );
    world.status(&mut row, Status::PreSubmitted).await;
    assert_eq!(
        take(&mut behind, 3, world.base).await,
        ["0:1:SUBMITTED", "0:snapshot_end", "1:1:PRE_SUBMITTED"]
    );
    let error = end(&mut behind).await.unwrap();
    assert_eq!(error.reason, Reason::ShuttingDown);
    assert!(error.message.contains(&world.head.to_string()), "{error}");
    let refused = world.feed.watch(quiet(1)).await.unwrap_err();
    assert_eq!(refused.reason, Reason::ShuttingDown);
    assert_eq!(
        (world.feed.watchers(), world.feed.channels()),
        (0, 0),
        "an ended watch holds nothing"
    );
}
