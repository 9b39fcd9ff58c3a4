//! A watch of all orders: its snapshot, and how it goes over into what happens.

use std::time::Duration;

use ibkr_orders::domain::Status;
use ibkr_orders::feed::FeedEvent;

use crate::world::{World, next, take};

#[tokio::test]
async fn watching_all_shows_every_live_order_once_and_never_ends() {
    let mut world = World::new().await;
    let mut rows = Vec::new();
    for id in 1..=300 {
        rows.push(world.place(id).await);
    }
    world.status(&mut rows[0], Status::Cancelled).await;
    world.status(&mut rows[1], Status::PreSubmitted).await;
    let mut watch = world.watch(0).await;
    let seen = take(&mut watch, 300, world.base).await;
    assert_eq!(seen[0], "2:3:SUBMITTED", "by sequence");
    assert_eq!(seen[297], "299:300:SUBMITTED");
    assert_eq!(seen[298], "301:2:PRE_SUBMITTED");
    assert_eq!(seen[299], "301:snapshot_end");
    world.status(&mut rows[0], Status::Filled).await;
    world.status(&mut rows[2], Status::Cancelled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["302:1:FILLED", "303:3:CANCELLED"]
    );
    tokio::time::timeout(Duration::from_millis(50), watch.next())
        .await
        .expect_err("it goes on");
    assert_eq!(watch.status(), None);
}

#[tokio::test]
async fn an_empty_snapshot_carries_a_cursor_that_can_be_resumed() {
    let mut world = World::new().await;
    let mut watch = world.watch(0).await;
    let mark = next(&mut watch).await;
    assert_eq!(mark.event, FeedEvent::SnapshotEnd);
    world.place(1).await;
    let mut resumed = world.watch_after(0, mark.sequence).await.unwrap();
    assert_eq!(take(&mut resumed, 1, world.base).await, ["0:1:SUBMITTED"]);
}

#[tokio::test]
async fn an_event_committed_but_not_yet_published_is_shown_once() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let pending = world
        .commit(&mut row, None, |row| {
            row.state.status = Status::PreSubmitted
        })
        .await;
    let mut one = world.watch(1).await;
    let mut all = world.watch(0).await;
    world.feed.publish(pending);
    world.status(&mut row, Status::Submitted).await;
    for watch in [&mut one, &mut all] {
        assert_eq!(
            take(watch, 3, world.base).await,
            ["1:1:PRE_SUBMITTED", "1:snapshot_end", "2:1:SUBMITTED"]
        );
    }
}
