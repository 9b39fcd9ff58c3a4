//! Orders that end by themselves: GTD orders at their time, and groups of orders with one of them.

use std::time::Duration;

use ibkr_orders::domain::{PlaceIn, Status, Timestamp, ValidateIn};
use ibkr_orders::error::{Error, Reason};
use serde_json::{Value, json};
use test_support::scene::{Scene, now_in_tws};
use test_support::tws::peer::PLACE_ORDER;
use test_support::tws::scripted::Script;

fn with(request_id: &str, more: &Value) -> PlaceIn {
    let mut order = json!({
        "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 150,
    });
    for (name, value) in more.as_object().unwrap() {
        order[name] = value.clone();
    }
    PlaceIn {
        transmit: true,
        timeout: 10.0,
        request_id: Some(request_id.to_owned()),
        ..PlaceIn::new(order)
    }
}

/// A whole second, so many from now.
fn in_seconds(seconds: i64) -> String {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let at = i64::try_from(since.as_secs()).unwrap() + seconds;
    Timestamp::from_unix_micros(at * 1_000_000).to_string()
}

fn names(error: &Error, field: &str) {
    assert_eq!(error.reason, Reason::OrderInvalid, "{error}");
    let violations = serde_json::to_string(&error.violations).unwrap();
    assert!(violations.contains(field), "{violations}");
}

#[tokio::test]
async fn a_gtd_order_past_its_end_is_refused_and_one_that_tws_no_longer_has_by_then_expired() {
    let scene = Scene::start(Script::default()).await;
    let past = json!({"tif": "GTD", "good_till": in_seconds(-1)});
    let input = with("past", &past);
    let checked = scene.gateway.validate(ValidateIn::new(input.order.clone()));
    assert!(!checked.valid);
    let dry_run = PlaceIn {
        dry_run: true,
        ..input.clone()
    };
    for input in [input, dry_run] {
        names(&scene.gateway.place(input).await.unwrap_err(), "good_till");
    }
    assert!(scene.tws.requests(PLACE_ORDER).is_empty());

    let soon = json!({"tif": "GTD", "good_till": in_seconds(3)});
    let order_id = scene.place(with("soon", &soon)).await.order_id;
    scene
        .until(order_id, "TWS works it", |state| {
            state.status == Status::Submitted
        })
        .await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    scene.reconnect().await;
    let state = scene
        .until(order_id, "it expired", |state| {
            state.status == Status::Cancelled
        })
        .await;
    assert!(state.last_error.unwrap().starts_with("expired"));
    // Repeated, the request answers its order whatever the time is.
    let again = scene.gateway.place(with("soon", &soon)).await.unwrap();
    assert!(again.replayed);
    scene.end().await;
}

#[tokio::test]
async fn a_group_of_which_an_order_has_ended_or_is_for_another_account_takes_no_other() {
    let mut scene = Scene::start(Script {
        accounts: "DU111,DU222",
        ..Script::default()
    })
    .await;
    let of = |account: &str| json!({"oca_group": "exits", "account": account});
    let mut place = Vec::new();
    for request_id in ["a", "b"] {
        place.push(scene.place(with(request_id, &of("DU111"))).await.order_id);
    }
    let error = scene.gateway.place(with("c", &of("DU222"))).await;
    names(&error.unwrap_err(), "oca_group");
    let order = test_support::tws::frames::Order {
        account: "DU111".to_owned(),
        executed_at: now_in_tws(),
        ..test_support::tws::frames::order(place[0], "Filled").quantity("10")
    };
    scene.tws.say(order.status("10", "0"));
    scene
        .until(place[0], "it filled", |state| {
            state.status == Status::Filled
        })
        .await;
    for restart in [false, true] {
        if restart {
            scene.close().await;
            scene.reopen().await;
        }
        let error = scene.gateway.place(with("d", &of("DU111"))).await;
        names(&error.unwrap_err(), "oca_group");
    }
    assert_eq!(scene.tws.requests(PLACE_ORDER).len(), 2);
    let another = json!({"oca_group": "exits-2", "account": "DU111"});
    scene.place(with("e", &another)).await;
    scene.end().await;
}
