//! A watch of one order: what it shows and when it ends by itself.

use std::time::{Duration, Instant};

use ibkr_orders::domain::Status;
use ibkr_orders::feed::WatchSpec;

use crate::orders::amount;
use crate::world::{LINGER, SOON, World, end, quiet, take};

#[tokio::test]
async fn a_watch_shows_the_current_state_then_what_happens_until_the_order_ends() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    world.place(2).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            linger: SOON * 2,
            ..quiet(1)
        })
        .await
        .unwrap();
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["0:1:SUBMITTED", "0:snapshot_end"]
    );
    world.status(&mut row, Status::PendingCancel).await;
    world.status(&mut row, Status::Cancelled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["2:1:PENDING_CANCEL", "3:1:CANCELLED"]
    );
    assert_eq!(end(&mut watch).await, None, "at once");
    assert_eq!(watch.status(), Some(Status::Cancelled));
    drop(watch);
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

#[tokio::test]
async fn a_filled_order_is_watched_until_its_commission_is_known() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut watch = world
        .feed
        .watch(WatchSpec {
            linger: SOON * 2,
            ..quiet(1)
        })
        .await
        .unwrap();
    take(&mut watch, 2, world.base).await;
    world.fill(&mut row, "e1", Status::Filled).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["1:1:e1", "2:1:FILLED"]
    );
    world
        .change(&mut row, |row| row.state.commission = Some(amount("1")))
        .await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["3:1:FILLED"]);
    assert_eq!(end(&mut watch).await, None, "long before its time");
    // Who comes later sees an order whose end is complete.
    let mut late = world
        .feed
        .watch(WatchSpec {
            linger: SOON * 2,
            after_sequence: world.base,
            ..quiet(1)
        })
        .await
        .unwrap();
    assert_eq!(
        take(&mut late, 3, world.base).await,
        ["1:1:e1", "2:1:FILLED", "3:1:FILLED"]
    );
    // Its stored executions have no commission of their own, so only time ends it: the state is from long ago.
    assert_eq!(end(&mut late).await, None);
}

#[tokio::test]
async fn a_filled_order_without_a_commission_is_watched_for_its_time_and_no_longer() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let linger = Duration::from_millis(300);
    let mut watch = world
        .feed
        .watch(WatchSpec { linger, ..quiet(1) })
        .await
        .unwrap();
    let before = Instant::now();
    world.fill(&mut row, "e1", Status::Filled).await;
    take(&mut watch, 4, world.base).await;
    assert_eq!(end(&mut watch).await, None);
    assert!(before.elapsed() >= linger, "{:?}", before.elapsed());
}

#[tokio::test]
async fn an_inactive_order_that_comes_back_is_watched_on() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut watch = world.watch(1).await;
    // It comes back before anybody looks, so that no slow machine makes the time of INACTIVE run out between the two.
    world.status(&mut row, Status::Inactive).await;
    world.status(&mut row, Status::Submitted).await;
    let seen = take(&mut watch, 4, world.base).await;
    assert_eq!(seen[2..], ["1:1:INACTIVE", "2:1:SUBMITTED"]);
    tokio::time::timeout(LINGER * 3 / 2, watch.next())
        .await
        .expect_err("it does not end when the time of INACTIVE is over");
    world
        .change(&mut row, |row| {
            row.state.status = Status::Rejected;
            row.state.last_error_code = Some(201);
        })
        .await;
    assert_eq!(take(&mut watch, 1, world.base).await, ["3:1:REJECTED"]);
    assert_eq!(end(&mut watch).await, None);
}

#[tokio::test]
async fn a_resumed_watch_gets_each_later_event_once_and_ends_where_the_order_ended() {
    let mut world = World::new().await;
    let mut row = world.place(1).await;
    let mut other = world.place(2).await;
    for n in 0..200 {
        world
            .change(&mut row, |row| row.state.last_error_code = Some(n))
            .await;
        world.status(&mut other, Status::Submitted).await;
    }
    world.status(&mut row, Status::Rejected).await;
    let last = world.head;
    let mut watch = world.watch_after(1, world.base).await.unwrap();
    let seen = take(&mut watch, 201, 0).await;
    let expected: Vec<u64> = (0..200)
        .map(|n| world.base + 2 + 2 * n)
        .chain([last])
        .collect();
    let got: Vec<u64> = seen
        .iter()
        .map(|text| text.split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(got, expected);
    assert_eq!(end(&mut watch).await, None);
    // Past its end.
    let mut watch = world.watch_after(1, last).await.unwrap();
    assert_eq!(end(&mut watch).await, None);
    assert_eq!(watch.status(), Some(Status::Rejected));
}
