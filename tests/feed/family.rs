//! A watch of a bracket: the order that was asked for and the others of its bracket.

use std::time::Duration;

use ibkr_orders::domain::Status;
use ibkr_orders::error::Reason;
use ibkr_orders::feed::WatchSpec;

use crate::world::{World, end, quiet, take};

fn family(order_id: i32) -> WatchSpec {
    WatchSpec {
        with_family: true,
        ..quiet(order_id)
    }
}

#[tokio::test]
async fn a_watch_with_its_family_shows_every_order_of_the_bracket_and_ends_with_the_last() {
    let mut world = World::new().await;
    let mut entry = world.place_leg(1, 1).await;
    let mut target = world.place_leg(2, 1).await;
    world.place(3).await;
    let mut stop = world.place_leg(4, 1).await;
    // States are shown by their sequence, so that a watch that is cut off between them can resume.
    world.status(&mut entry, Status::PreSubmitted).await;
    let mut watch = world.feed.watch(family(1)).await.unwrap();
    assert_eq!(
        take(&mut watch, 4, world.base).await,
        [
            "1:2:SUBMITTED",
            "3:4:SUBMITTED",
            "4:1:PRE_SUBMITTED",
            "4:snapshot_end"
        ]
    );
    world.status(&mut entry, Status::Filled).await;
    world.status(&mut target, Status::Submitted).await;
    assert_eq!(
        take(&mut watch, 2, world.base).await,
        ["5:1:FILLED", "6:2:SUBMITTED"]
    );
    assert_eq!(watch.status(), Some(Status::Filled), "of the entry");
    world.fill(&mut target, "e1", Status::Filled).await;
    world.status(&mut stop, Status::Cancelled).await;
    assert_eq!(
        take(&mut watch, 3, world.base).await,
        ["7:2:e1", "8:2:FILLED", "9:4:CANCELLED"]
    );
    // Each filled order is given its time for commissions.
    assert_eq!(end(&mut watch).await, None);
    drop(watch);
    assert_eq!((world.feed.watchers(), world.feed.channels()), (0, 0));
}

#[tokio::test]
async fn an_entry_that_ended_long_ago_costs_no_work_while_its_exits_live() {
    let mut world = World::new().await;
    let mut entry = world.place_leg(1, 1).await;
    world.place_leg(2, 1).await;
    world.status(&mut entry, Status::Filled).await;
    let spec = WatchSpec {
        max_wait: Some(Duration::from_millis(300)),
        linger: Duration::from_millis(1),
        ..family(1)
    };
    let mut watch = world.feed.watch(spec).await.unwrap();
    take(&mut watch, 3, world.base).await;
    let error = end(&mut watch).await.unwrap();
    assert_eq!(error.reason, Reason::MaxWait);
}

#[tokio::test]
async fn a_resumed_watch_of_a_family_gets_each_event_of_its_orders_once_in_order() {
    let mut world = World::new().await;
    let mut entry = world.place_leg(1, 1).await;
    let mut target = world.place_leg(2, 1).await;
    let mut other = world.place(3).await;
    // More than a page of the store, and more than the channel holds.
    for _ in 0..100 {
        for row in [&mut entry, &mut target, &mut other] {
            world.status(row, Status::PreSubmitted).await;
            world.status(row, Status::Submitted).await;
        }
    }
    let after = |after_sequence| WatchSpec {
        after_sequence,
        ..family(2)
    };
    let mut watch = world.feed.watch(after(world.base)).await.unwrap();
    let first = take(&mut watch, 1, world.base).await;
    assert_eq!(first, ["1:2:SUBMITTED"]);
    let mut seen = take(&mut watch, 200, world.base).await;
    for row in [&mut entry, &mut target, &mut other] {
        world.status(row, Status::Cancelled).await;
    }
    seen.extend(take(&mut watch, 202, world.base).await);
    assert_eq!(end(&mut watch).await, None);
    let numbers: Vec<i64> = seen
        .iter()
        .map(|event| event.split(':').next().unwrap().parse().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    assert!(seen.iter().all(|event| !event.contains(":3:")));
    assert_eq!(seen.last().unwrap(), "604:2:CANCELLED");

    // Of an order without a bracket there is nothing more to show.
    let mut alone = world.feed.watch(family(3)).await.unwrap();
    let shown = take(&mut alone, 2, world.base).await;
    assert_eq!(shown, ["605:3:CANCELLED", "605:snapshot_end"]);
    assert_eq!(end(&mut alone).await, None);
    let error = world.feed.watch(family(9)).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
}

#[tokio::test]
async fn two_watches_of_one_family_and_one_of_an_exit_alone_do_not_disturb_each_other() {
    let mut world = World::new().await;
    let mut entry = world.place_leg(1, 1).await;
    let mut target = world.place_leg(2, 1).await;
    let mut whole = world.feed.watch(family(1)).await.unwrap();
    let mut from_exit = world.feed.watch(family(2)).await.unwrap();
    let mut alone = world.watch(2).await;
    for (watch, count) in [(&mut whole, 3), (&mut from_exit, 3), (&mut alone, 2)] {
        take(watch, count, world.base).await;
    }
    assert_eq!(world.feed.channels(), 2);
    drop(from_exit);
    world.status(&mut entry, Status::Cancelled).await;
    world.status(&mut target, Status::Cancelled).await;
    let both = take(&mut whole, 2, world.base).await;
    assert_eq!(both, ["2:1:CANCELLED", "3:2:CANCELLED"]);
    assert_eq!(take(&mut alone, 1, world.base).await, ["3:2:CANCELLED"]);
    drop((whole, alone));
    assert_eq!(world.feed.channels(), 0);
}
