//! Refusals and quantities that no list foresaw.

use std::time::Duration;

use ibkr_orders::domain::{Amount, PlaceIn, Status};
use ibkr_orders::error::Reason;
use serde_json::json;
use test_support::scene::{Scene, buy_limit};
use test_support::tws::frames;
use test_support::tws::peer::PLACE_ORDER;
use test_support::tws::scripted::Script;

/// Codes of refusals that TWS documents or that were seen in the field, and that come without any status.
const UNLISTED: [i32; 24] = [
    10318, 10243, 10247, 10250, 10286, 406, 407, 10015, 10345, 438, 401, 463, 10289, 10329, 10244,
    10252, 114, 132, 117, 395, 396, 397, 426, 4711,
];

#[tokio::test]
async fn an_order_refused_with_a_code_that_nobody_listed_is_rejected() {
    let scene = Scene::start(Script {
        placed: Box::new(|placed| match placed.order_ref.parse() {
            Ok(code) => vec![frames::error(placed.id, code, "The order is refused.")],
            Err(_) => vec![placed.open(), placed.status("0", &placed.quantity)],
        }),
        ..Script::default()
    })
    .await;
    let mut refused = Vec::new();
    for code in UNLISTED {
        let input = PlaceIn {
            timeout: 0.0,
            ..buy_limit(&code.to_string(), 10)
        };
        // Each goes as soon as a slot is free.
        let placed = loop {
            match scene.gateway.place(input.clone()).await {
                Ok(placed) => break placed,
                Err(error) => assert_eq!(error.reason, Reason::Pacing, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        refused.push((code, placed.order_id.unwrap()));
    }
    for (code, order_id) in refused {
        let state = scene
            .until(order_id, "it is decided", |state| state.terminal)
            .await;
        assert_eq!(state.status, Status::Rejected, "{code}");
        assert_eq!(state.last_error_code, Some(code));
        assert_eq!(state.last_error.as_deref(), Some("The order is refused."));
    }
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), UNLISTED.len());
    scene.end().await;
}

#[tokio::test]
async fn the_caller_of_an_order_refused_with_an_unlisted_code_hears_that_it_is_rejected() {
    let scene = Scene::start(Script {
        placed: Box::new(|placed| vec![frames::error(placed.id, 10318, "refused")]),
        ..Script::default()
    })
    .await;
    let state = scene.place(buy_limit("a", 10)).await;
    assert_eq!(state.status, Status::Rejected);
    assert_eq!(state.last_error_code, Some(10318));
    scene.end().await;
}

#[tokio::test]
async fn a_quantity_that_tws_cannot_give_back_is_refused_and_disturbs_nobody() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    for quantity in ["2147483647", "1000000000001", "1e13"] {
        let refused = scene
            .gateway
            .place(PlaceIn {
                transmit: true,
                ..PlaceIn::new(json!({
                    "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": quantity, "limit_price": 150,
                }))
            })
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("quantity"), "{refused}");
    }
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), 1);
    scene.told([order.status("4", "6")]).await;
    assert_eq!(scene.get(order.id).await.filled, Amount::from(4));
    scene.end().await;
}
