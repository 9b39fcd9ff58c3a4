//! An order that is held while shares to sell short are located is alive: its cancel is an instruction until it has ended.

use ibkr_orders::domain::{OrderKey, PlaceIn, Status};
use serde_json::json;
use test_support::scene::{Scene, now_in_tws};
use test_support::tws::frames::{self, Order};
use test_support::tws::peer::{CANCEL_ORDER, PLACE_ORDER};
use test_support::tws::scripted::{Answer, Script, ScriptedTws};
use test_support::waiting::eventually;

use crate::process::Site;
use crate::world::resting;

const HELD: &str = "Order held while securities are located.";

/// SELL 10 AAPL LMT 150, which TWS holds.
async fn is_held(scene: &Scene) -> Order {
    let placed = scene
        .place(PlaceIn {
            transmit: true,
            timeout: 10.0,
            request_id: Some("a".to_owned()),
            ..PlaceIn::new(json!({
                "action": "SELL", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 150,
            }))
        })
        .await;
    let order = Order {
        action: "SELL".to_owned(),
        quantity: "10".to_owned(),
        limit: 150.0,
        order_ref: "a".to_owned(),
        why_held: "locate",
        executed_at: now_in_tws(),
        ..frames::order(placed.order_id, "Inactive")
    };
    scene
        .told([
            order.open(),
            order.status("0", "10"),
            frames::error(order.id, 404, HELD),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Inactive, false));
    assert_eq!(state.why_held.as_deref(), Some("locate"));
    assert_eq!(state.last_error_code, Some(404));
    order
}

fn shows(scene: &Scene, order: &Order) {
    let rows = [order.open(), order.status("0", "10")];
    scene.tws.change(|script| {
        script.open_orders = Answer::of(rows);
        script.reads = true;
    });
}

#[tokio::test]
async fn the_cancel_of_a_held_order_that_tws_never_read_is_sent_again_after_the_reconcile() {
    let scene = Scene::start(Script::default()).await;
    let order = is_held(&scene).await;
    scene.tws.change(|script| script.reads = false);
    let asked = scene.cancel(order.id).await.unwrap();
    assert_eq!((asked.cancel_requested, asked.terminal), (true, false));
    scene.tws.cut();
    shows(&scene, &order);
    eventually("the cancel", async || scene.cancels_of(order.id) == 1).await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Inactive, false));
    // It comes alive before that, and what fills counts.
    let alive = Order {
        why_held: "",
        ..order.is("Submitted")
    };
    scene
        .told([
            alive.open(),
            alive.status("0", "10"),
            alive.executes(-1, "0001.01.01", "4", "4"),
            alive.status("4", "6"),
            alive.is("Cancelled").status("4", "6"),
            frames::error(order.id, 202, "Order Canceled - reason:"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Cancelled, 4.into()));
    assert_eq!(state.why_held, None);
    scene.end().await;
}

#[tokio::test]
async fn the_cancel_of_a_held_order_that_tws_never_read_is_sent_again_after_a_restart() {
    let mut scene = Scene::start(Script::default()).await;
    let order = is_held(&scene).await;
    scene.tws.change(|script| script.reads = false);
    let asked = scene.cancel(order.id).await.unwrap();
    assert!(asked.cancel_requested);
    scene.close().await;
    scene.tws.cut();
    shows(&scene, &order);
    scene.reopen().await;
    eventually("the cancel", async || scene.cancels_of(order.id) == 1).await;
    scene.end().await;
}

#[tokio::test]
async fn a_verdict_on_the_cancel_of_a_held_order_is_shown() {
    for code in [10147, 161, 10148] {
        let scene = Scene::start(Script::default()).await;
        let order = is_held(&scene).await;
        shows(&scene, &order);
        let reconciled = scene.reconciled();
        scene.tws.change(|script| {
            script.cancelled =
                Box::new(move |id| vec![frames::error(id, code, "cannot be cancelled")]);
        });
        let asked = scene.cancel(order.id).await.unwrap();
        assert!(!asked.terminal, "{code}");
        let state = scene
            .until(order.id, "the verdict", |state| {
                state.last_error_code == Some(code)
            })
            .await;
        assert_eq!(state.last_error.as_deref(), Some("cannot be cancelled"));
        eventually("TWS is asked", async || scene.reconciled() > reconciled).await;
        // TWS shows it: it is not over.
        let state = scene.get(order.id).await;
        assert_eq!((state.status, state.terminal), (Status::Inactive, false));
        scene.end().await;
    }
}

#[tokio::test]
async fn the_cancel_of_a_held_order_whose_gateway_was_killed_is_sent_by_the_next_one() {
    let tws = ScriptedTws::start(Script {
        placed: Box::new(|placed| {
            let held = Order {
                why_held: "locate",
                ..placed.is("Inactive")
            };
            vec![
                held.open(),
                held.status("0", &held.quantity),
                frames::error(held.id, 404, HELD),
            ]
        }),
        ..Script::default()
    })
    .await;
    let site = Site::new().await;
    let port = tws.port.to_string();
    let gateway = site
        .start_with(|command| {
            command.env("IB_PORT", &port);
        })
        .await;
    let placed = gateway.client.place(resting("a")).await.unwrap();
    let order_id = placed.order_id.unwrap();
    let state = gateway.until_status(order_id, Status::Inactive).await;
    assert!(!state.terminal);
    tws.change(|script| script.reads = false);
    let key = OrderKey::OrderId(order_id);
    let asked = gateway.client.cancel(key, 0.2).await.unwrap();
    assert!(asked.cancel_requested);
    gateway.kill();
    tws.cut();
    let placed = frames::Order::placed(&tws.requests(PLACE_ORDER)[0].bytes);
    let held = Order {
        why_held: "locate",
        ..placed.is("Inactive")
    };
    tws.change(|script| {
        script.reads = true;
        script.open_orders = Answer::of([held.open(), held.status("0", &held.quantity)]);
    });
    let gateway = site
        .start_with(|command| {
            command.env("IB_PORT", &port);
        })
        .await;
    eventually("the cancel", async || tws.requests(CANCEL_ORDER).len() == 1).await;
    gateway.end().await;
}
