//! What a watcher learns of the link to TWS: changes in their place, and heartbeats in silence.

use std::time::{Duration, Instant};

use ibkr_orders::domain::{LinkState, Status, WatchEvent, WatchUpdate};
use ibkr_orders::error::Reason;
use ibkr_orders::feed::WatchSpec;

use crate::world::{LINGER, World, end, link, next, take};

#[tokio::test]
async fn link_changes_stand_in_their_place_among_the_events_even_for_a_slow_watcher() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let other = world.place(2).await;
    let mut watches = [
        world.watch(1).await,
        world.watch(0).await,
        world.watch(2).await,
    ];
    world.feed.publish_link(link(LinkState::Lost));
    // More events than a channel holds.
    for _ in 0..40 {
        world.status(&mut row, Status::Submitted).await;
    }
    world.feed.publish_link(link(LinkState::Restored));
    world.status(&mut row, Status::Submitted).await;
    world.feed.publish_link(link(LinkState::Reconciled));

    let one = take(&mut watches[0], 46, world.base).await;
    assert_eq!(one[1..3], ["0:snapshot_end", "0:Lost"]);
    assert_eq!(
        one[42..],
        [
            "41:1:SUBMITTED",
            "41:Restored",
            "42:1:SUBMITTED",
            "42:Reconciled"
        ]
    );
    let all = take(&mut watches[1], 47, world.base).await;
    assert_eq!(all[2..4], ["1:snapshot_end", "1:Lost"]);
    assert_eq!(
        all[43..],
        [
            "41:1:SUBMITTED",
            "41:Restored",
            "42:1:SUBMITTED",
            "42:Reconciled"
        ]
    );
    let n = other.state.sequence - world.base;
    assert_eq!(
        take(&mut watches[2], 5, world.base).await[1..],
        [
            format!("{n}:snapshot_end"),
            format!("{n}:Lost"),
            format!("{n}:Restored"),
            format!("{n}:Reconciled"),
        ]
    );
}

#[tokio::test]
async fn a_watcher_who_missed_too_many_link_changes_is_told_to_resume() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world.watch(1).await;
    for _ in 0..300 {
        world.feed.publish_link(link(LinkState::Lost));
    }
    take(&mut watch, 2, world.base).await;
    assert_eq!(end(&mut watch).await.unwrap().reason, Reason::Lagged);
}

#[tokio::test]
async fn silence_is_broken_by_heartbeats_that_carry_the_cursor_and_the_link() {
    let mut world = World::new().await;
    world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            poll_interval: Duration::from_millis(30),
            ..WatchSpec::new(1, LINGER)
        })
        .await
        .unwrap();
    let before = Instant::now();
    take(&mut watch, 2, world.base).await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["0:connected=false"]);
    assert!(before.elapsed() >= Duration::from_millis(30));
    world.feed.set_connected(true);
    let update = WatchUpdate::from(next(&mut watch).await);
    assert_eq!(update.event, WatchEvent::Heartbeat { connected: true });
    assert_eq!(update.sequence, world.base);
}
