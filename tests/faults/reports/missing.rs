//! Statuses, executions, acknowledgements and end marks that never come: what did come says enough.

use std::time::Duration;

use ibkr_orders::domain::{LinkState, Status};
use ibkr_orders::simulator::{Fault, SimulatorConfig};

use super::{fill_in_three, filled_in_three, rests};
use crate::world::{World, decimal, limit_order, to_the_end};

#[tokio::test]
async fn with_every_status_lost_the_executions_say_that_it_filled() {
    let simulator = SimulatorConfig {
        faults: vec![Fault::LoseStatuses, Fault::LoseOpenOrders],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let order_id = world.place_unanswered(limit_order("a", 100)).await.order_id;
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    world.end().await;
}

#[tokio::test]
async fn with_every_execution_lost_the_statuses_say_that_it_filled_and_the_next_reconcile_brings_the_fills()
 {
    let simulator = SimulatorConfig {
        faults: vec![Fault::LoseExecutions],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let order_id = rests(&world, "a", 100).await;
    fill_in_three(&world, order_id).await;
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 100.into());
    assert_eq!(world.detail(order_id).await.fills, []);
    world.reconnect().await;
    filled_in_three(&world, order_id).await;
    world.end().await;
}

#[tokio::test]
async fn a_tws_that_never_ends_its_executions_is_reconciled_with_all_the_same() {
    let simulator = SimulatorConfig {
        faults: vec![Fault::LoseExecutionsEnd],
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |config| {
        config.timers.reconcile_step_timeout = Duration::from_millis(500);
    })
    .await;
    let order_id = rests(&world, "a", 100).await;
    let mut watch = world.watch_all(0).await;
    for _ in 0..2 {
        world.control().drop_connections().await.unwrap();
        for state in [LinkState::Lost, LinkState::Restored, LinkState::Reconciled] {
            world.link_shown(&mut watch, state).await;
        }
    }
    fill_in_three(&world, order_id).await;
    filled_in_three(&world, order_id).await;
    // Asked twice in each session, and never ended for it.
    world.look(|view| assert_eq!(view.logins_total(), 3)).await;
    world.end().await;
}

#[tokio::test]
async fn an_execution_before_any_acknowledgement_is_the_acknowledgement() {
    let world = World::start().await;
    world.control().hold_acknowledgements().await.unwrap();
    let order_id = world.place_unanswered(limit_order("a", 100)).await.order_id;
    world
        .control()
        .fill_without_status(order_id, 20.into(), decimal("0.90"))
        .await
        .unwrap();
    let state = world
        .until(order_id, "filled by 20", |state| state.filled == 20.into())
        .await;
    assert!(!state.terminal);
    assert!(state.perm_id.is_some());
    assert_ne!(state.status, Status::Submitting);
    world.end().await;
}

#[tokio::test]
async fn a_place_is_answered_by_an_execution_that_comes_before_any_status() {
    let world = World::start().await;
    world.control().hold_acknowledgements().await.unwrap();
    let client = world.client.clone();
    let placing = tokio::spawn(async move { client.place(limit_order("a", 100)).await });
    world.tws_shows(|view| view.order((7, 1)).is_some()).await;
    world
        .control()
        .fill_without_status(1, 100.into(), decimal("1"))
        .await
        .unwrap();
    let state = placing.await.unwrap().unwrap().state.unwrap();
    assert_eq!(
        (state.status, state.filled),
        (Status::Submitted, 100.into())
    );
    // The executions are not TWS's word: that comes with the open orders that no longer have it.
    let state = world.until_status(state.order_id, Status::Filled).await;
    assert_eq!((state.filled, state.remaining), (100.into(), 0.into()));
    world.end().await;
}

#[tokio::test]
async fn a_fill_with_no_filled_status_ends_its_order() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 100).await;
    let watch = world.watch(order_id, 0).await;
    for (quantity, price) in [("20", "0.90"), ("30", "0.95"), ("50", "1.00")] {
        world
            .control()
            .fill_without_status(order_id, decimal(quantity), decimal(price))
            .await
            .unwrap();
    }
    filled_in_three(&world, order_id).await;
    let (_, error) = to_the_end(watch).await;
    assert_eq!(error, None);
    world.end().await;
}
