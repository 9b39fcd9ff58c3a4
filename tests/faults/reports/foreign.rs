//! Reports that do not fit: of orders that are not ours, under another permanent id, in a word that nobody knows.

use ibkr_orders::domain::Status;
use ibkr_orders::simulator::{ManualOrder, SimulatorConfig};

use super::rests;
use test_support::waiting::eventually;

use crate::frames;
use crate::world::{World, resting};

#[tokio::test]
async fn a_status_with_another_permanent_id_is_not_taken_for_the_orders_own() {
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
    let stats = world.gateway.stats();
    eventually("the foreign status", async || {
        stats.foreign_reports.get() == 1
    })
    .await;
    let state = world.get(order_id).await;
    assert_eq!((state.perm_id, state.filled), (Some(first), 0.into()));
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
