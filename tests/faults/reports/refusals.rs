//! Errors about an order: those that end it, with or without a status, and those that are only a warning or a word.

use ibkr_orders::domain::{OrderState, PlaceIn, Status};
use ibkr_orders::simulator::{Hours, SimulatorConfig};
use serde_json::json;

use super::rests;
use crate::world::{World, resting};

#[tokio::test]
async fn the_reason_that_follows_an_inactive_stands_in_the_answer_of_place() {
    let world = World::start().await;
    world
        .control()
        .reject_next(201, "Order rejected - reason:no margin", true)
        .await
        .unwrap();
    let state = world.place(resting("a")).await;
    assert!(state.terminal, "{state:?}");
    assert!(matches!(state.status, Status::Inactive | Status::Rejected));
    assert_eq!(state.last_error_code, Some(201));
    assert_eq!(
        state.last_error.as_deref(),
        Some("Order rejected - reason:no margin")
    );
    world.end().await;
}

#[tokio::test]
async fn errors_without_any_status_reject_the_order_and_the_next_one_goes() {
    let world = World::start().await;
    let off_tick = PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 1, "limit_price": 1.001}).into(),
        ..resting("tick")
    };
    let unknown = PlaceIn {
        order: json!({"action": "BUY", "symbol": "NOSUCH", "order_type": "LMT", "quantity": 1, "limit_price": 1}).into(),
        ..resting("symbol")
    };
    for (code, order) in [(110, off_tick), (200, unknown)] {
        rejected(&world.place(order).await, code);
    }
    for code in [321, 103, 203, 10052] {
        world
            .control()
            .reject_next(code, "no", false)
            .await
            .unwrap();
        rejected(&world.place(resting(&code.to_string())).await, code);
    }
    let state = world.place(resting("good")).await;
    assert!(!state.terminal);
    world.end().await;
}

fn rejected(state: &OrderState, code: i32) {
    assert_eq!(
        (state.status, state.terminal, state.last_error_code),
        (Status::Rejected, true, Some(code))
    );
}

#[tokio::test]
async fn a_read_only_tws_rejects_the_order_with_its_reason() {
    let simulator = SimulatorConfig {
        read_only: true,
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let state = world.place(resting("a")).await;
    rejected(&state, 321);
    assert!(state.last_error.unwrap().contains("Read-Only"));
    world.end().await;
}

#[tokio::test]
async fn a_warning_leaves_the_order_alive_and_a_fill_after_it_ends_it() {
    let simulator = SimulatorConfig {
        hours: Hours::Closed,
        ..SimulatorConfig::explicit()
    };
    let world = World::with(simulator, |_| {}).await;
    let order_id = world.place(resting("a")).await.order_id;
    let state = world
        .until(order_id, "warned", |state| {
            state.last_error_code == Some(399)
        })
        .await;
    assert_eq!(
        (state.status, state.terminal),
        (Status::PreSubmitted, false)
    );
    world.control().open_exchange().await.unwrap();
    world.control().fill(order_id).await.unwrap();
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 10.into());
    world.end().await;
}

#[tokio::test]
async fn an_order_held_for_locate_is_alive() {
    let world = World::start().await;
    world.control().hold_next_for_locate().await.unwrap();
    let order_id = world.place(resting("a")).await.order_id;
    let state = world
        .until(order_id, "warned", |state| {
            state.last_error_code == Some(404)
        })
        .await;
    assert!(!state.terminal);
    world.control().fill(order_id).await.unwrap();
    world.until_status(order_id, Status::Filled).await;
    world.end().await;
}

#[tokio::test]
async fn errors_about_a_modification_or_nobody_change_no_order() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 10).await;
    for code in [104, 105, 134, 329, 2102, 2109] {
        world
            .control()
            .send_error(order_id, code, "only a word")
            .await
            .unwrap();
    }
    // An order id that nobody has.
    world
        .control()
        .send_error((7, 4711), 201, "not here")
        .await
        .unwrap();
    world.control().send_notice(201, "nobody").await.unwrap();
    world.control().fill(order_id).await.unwrap();
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!(state.filled, 10.into());
    world.end().await;
}
