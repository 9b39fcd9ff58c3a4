//! Reports of TWS that come twice, shuffled, or not at all, and those that end an order without a status.

use std::time::Duration;

use ibkr_orders::domain::{LinkState, OrderState, PlaceIn, Status};
use ibkr_orders::simulator::{Fault, Hours, ManualOrder, SimulatorConfig};
use serde_json::json;

use crate::frames;
use crate::world::{World, decimal, eventually, limit_order, resting, to_the_end};

async fn rests(world: &World, request_id: &str, quantity: u32) -> i32 {
    let order_id = world
        .place(limit_order(request_id, quantity))
        .await
        .order_id;
    world
        .until_status(order_id, Status::Submitted)
        .await
        .order_id
}

/// Three partial fills of 100 shares, at three prices.
async fn fill_in_three(world: &World, order_id: i32) {
    for (quantity, price) in [("20", "0.90"), ("30", "0.95"), ("50", "1.00")] {
        world
            .control()
            .fill_at(order_id, decimal(quantity), decimal(price))
            .await
            .unwrap();
    }
}

/// What three partial fills must come to, however they were told.
async fn filled_in_three(world: &World, order_id: i32) {
    let state = world
        .until(order_id, "filled and charged", |state| {
            state.status == Status::Filled && state.commission.is_some()
        })
        .await;
    assert_eq!(state.filled, 100.into());
    assert_eq!(state.remaining, 0.into());
    // (20 × 0.90 + 30 × 0.95 + 50 × 1.00) / 100
    assert_eq!(state.avg_fill_price.unwrap().value(), decimal("0.965"));
    eventually("three fills are stored with their commission", async || {
        let fills = world.detail(order_id).await.fills;
        fills.len() == 3 && fills.iter().all(|fill| fill.commission.is_some())
    })
    .await;
}

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
        duplicate_reports: true,
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
    assert_eq!((state.status, state.filled), (Status::Filled, 100.into()));
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

#[tokio::test]
async fn a_second_permanent_id_leaves_one_order_with_its_first() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 10).await;
    let first = world.get(order_id).await.perm_id.unwrap();
    let second = frames::Status {
        order_id,
        perm_id: first + 77,
        word: "Submitted",
        filled: "4",
        remaining: "6",
    };
    world.control().inject(&second.frame()).await.unwrap();
    let state = world
        .until(order_id, "filled by 4", |state| state.filled == 4.into())
        .await;
    assert_eq!(state.perm_id, Some(first));
    // The reconcile shows the first one again; nothing doubles.
    world.reconnect().await;
    world.control().fill(order_id).await.unwrap();
    let state = world.until_status(order_id, Status::Filled).await;
    assert_eq!((state.perm_id, state.filled), (Some(first), 10.into()));
    world.end().await;
}

#[tokio::test]
async fn a_word_of_tws_that_nobody_knows_is_shown_as_unknown_and_kept_raw() {
    let world = World::start().await;
    let order_id = rests(&world, "a", 10).await;
    let strange = frames::Status {
        order_id,
        perm_id: world.get(order_id).await.perm_id.unwrap(),
        word: "Simmering",
        filled: "0",
        remaining: "10",
    };
    world.control().inject(&strange.frame()).await.unwrap();
    let state = world.until_status(order_id, Status::Unknown).await;
    assert!(!state.terminal);
    assert!(state.raw_state.unwrap().contains("Simmering"));
    world.control().fill(order_id).await.unwrap();
    world.until_status(order_id, Status::Filled).await;
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

#[tokio::test]
async fn manual_and_foreign_orders_never_disturb_ours() {
    let world = World::start().await;
    let ours = rests(&world, "a", 10).await;
    world
        .control()
        .place_manual_order(ManualOrder {
            symbol: "AAPL".to_owned(),
            buy: true,
            quantity: 5.into(),
            limit_price: 1.into(),
        })
        .await
        .unwrap();
    // Another program with another client id, and the same order id.
    let port = world.simulator.address().port();
    let other = World::with(SimulatorConfig::explicit(), |config| {
        config.ib_port = port;
        config.ib_client_id = 8;
    })
    .await;
    let theirs = other.place(resting("b")).await.order_id;
    assert_eq!(theirs, ours);
    world.control().fill((8, theirs)).await.unwrap();
    other.until_status(theirs, Status::Filled).await;
    world.reconnect().await;
    let state = world.get(ours).await;
    assert_eq!((state.status, state.filled), (Status::Submitted, 0.into()));
    let list = world
        .client
        .list(ibkr_orders::domain::ListIn::default())
        .await
        .unwrap();
    assert_eq!(list.orders.len(), 1);
    world.control().fill((7, ours)).await.unwrap();
    world.until_status(ours, Status::Filled).await;
    other.end().await;
    world.end().await;
}
