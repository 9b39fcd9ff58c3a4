//! Fills that come in parts, twice, in reverse, before their status, after a cancel, or corrected: each counts once.

use ibkr_orders::domain::Status;
use ibkr_orders::simulator::switches::PendingCancel;
use ibkr_orders::simulator::{Fault, SimulatorConfig, Switches};

use super::{fill_in_three, filled_in_three, rests};
use crate::world::{World, decimal, limit_order, resting, to_the_end};

#[tokio::test]
async fn three_partial_fills_are_shown_one_by_one_and_add_up() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    let watch = world.watch(order_id, 0).await;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    let (updates, error) = to_the_end(watch).await;
    assert_eq!(error, None);
    let mut filled: Vec<_> = updates
        .iter()
        .filter_map(|update| match &update.event {
            ibkr_orders::domain::WatchEvent::Order(state) => Some(state.filled.value()),
            _ => None,
        })
        .collect();
    assert!(filled.is_sorted(), "{filled:?}");
    filled.dedup();
    assert_eq!(filled, [0.into(), 20.into(), 50.into(), 100.into()]);
    world.end().await;
}

#[tokio::test]
async fn every_frame_twice_counts_once() {
    let simulator = SimulatorConfig {
        faults: vec![Fault::Duplicate],
        switches: Switches {
            duplicate_reports: true,
            pending_cancel: PendingCancel::Pairs,
            ..Switches::default()
        },
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let order_id = rests(&world, "a", 100).await;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    // A cancel whose every word comes twice.
    let other = rests(&world, "b", 10).await;
    let cancelled = world.cancel(other, 5.0).await.unwrap();
    assert_eq!(
        (cancelled.status, cancelled.last_error_code),
        (Status::Cancelled, None)
    );
    world.end().await;
}

#[tokio::test]
async fn reports_in_reverse_come_to_the_same() {
    let simulator = SimulatorConfig {
        faults: vec![Fault::Reorder],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let order_id = world.place(limit_order("a", 100)).await.order_id;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    let other = world.place(resting("b")).await.order_id;
    assert_eq!(
        world.cancel(other, 5.0).await.unwrap().status,
        Status::Cancelled
    );
    world.end().await;
}

#[tokio::test]
async fn a_filled_status_before_its_execution_counts_once() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    for (quantity, price) in [("20", "0.90"), ("30", "0.95"), ("50", "1.00")] {
        world
            .control()
            .fill_status_first(order_id, decimal(quantity), decimal(price))
            .await
            .unwrap();
    }
    filled_in_three(&world, order_id).await;
    world.end().await;
}

#[tokio::test]
async fn a_corrected_execution_replaces_the_first_one() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    let first = world.detail(order_id).await.fills[0].exec_id.clone();
    let corrected = world
        .control()
        .correct_execution(&first, 10.into(), decimal("0.80"))
        .await
        .unwrap();
    let state = world
        .until(order_id, "corrected", |state| state.filled == 90.into())
        .await;
    assert_eq!(state.status, Status::Filled);
    let fills = world.detail(order_id).await.fills;
    assert_eq!(fills.len(), 3);
    assert!(fills.iter().any(|fill| fill.exec_id == corrected));
    assert!(!fills.iter().any(|fill| fill.exec_id == first));
    // A query lists both; the old one must not come back.
    world.reconnect().await;
    let detail = world.detail(order_id).await;
    assert_eq!((detail.order.filled, detail.fills.len()), (90.into(), 3));
    world.end().await;
}

#[tokio::test]
async fn a_correction_made_while_the_link_was_down_is_found() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    let first = world.detail(order_id).await.fills[0].exec_id.clone();
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    world
        .control()
        .correct_execution(&first, 10.into(), decimal("0.80"))
        .await
        .unwrap();
    world.control().refuse_connections(false).await.unwrap();
    world
        .until(order_id, "corrected", |state| state.filled == 90.into())
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_fill_after_the_cancel_still_counts() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    let cancelled = world.cancel(order_id, 5.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    let mut watch = world.watch_all(cancelled.sequence).await;
    world
        .control()
        .fill_at(order_id, 30.into(), decimal("1"))
        .await
        .unwrap();
    let state = world
        .until(order_id, "filled by 30", |state| state.filled == 30.into())
        .await;
    assert!(state.terminal);
    assert_eq!(world.detail(order_id).await.fills.len(), 1);
    // The watch of all orders shows it too.
    loop {
        let update = watch.next().await.unwrap().unwrap();
        if let ibkr_orders::domain::WatchEvent::Fill(fill) = update.event {
            assert_eq!(fill.quantity, 30.into());
            break;
        }
    }
    world.end().await;
}
