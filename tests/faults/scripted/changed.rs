//! Orders that were changed in TWS: an order is what TWS says it is.

use ibkr_orders::domain::{Amount, OrderInput, PlaceIn, Pricing, Status};
use serde_json::json;
use test_support::scene::{Scene, buy_limit, watch_to_the_end};
use test_support::tws::frames::{self, Order};
use test_support::tws::peer::CANCEL_ORDER;
use test_support::tws::scripted::{Answer, Script};
use tokio_rusqlite::rusqlite::Connection;

/// What TWS says when somebody makes 20 at 151 of BUY 10 AAPL LMT 150 and the first 10 fill.
fn raised(order: &Order) -> (Order, [Vec<u8>; 4]) {
    let raised = Order {
        limit: 151.0,
        ..order.quantity("20")
    };
    let frames = [
        raised.open(),
        raised.status("0", "20"),
        raised.executes(-1, "0001.01.01", "10", "10"),
        raised.status("10", "10"),
    ];
    (raised, frames)
}

#[tokio::test]
async fn an_order_raised_by_hand_works_on_after_its_first_quantity_has_filled() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let (raised, frames) = raised(&order);
    scene.told(frames).await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Submitted, false));
    assert_eq!((state.filled, state.remaining), (10.into(), 10.into()));
    assert_eq!(state.terms.quantity, 20.into());
    let limit = Amount::from(151);
    assert_eq!(state.terms.pricing, Pricing::Limit { limit });
    assert_eq!(state.terms_revision, 2);
    // A reconcile in which TWS shows it changes nothing.
    scene.tws.change(|script| {
        let again = script_rows(&raised, "10", "10");
        script.open_orders = Answer::of(again);
    });
    scene.reconnect().await;
    assert_eq!(scene.get(order.id).await.status, Status::Submitted);
    let last = raised.is("Filled");
    scene
        .told([
            last.executes(-1, "0001.02.01", "10", "20"),
            last.open(),
            last.status("20", "0"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Filled, true));
    assert_eq!((state.filled, state.remaining), (20.into(), 0.into()));
    scene.end().await;
}

fn script_rows(order: &Order, filled: &str, remaining: &str) -> Vec<Vec<u8>> {
    vec![order.open(), order.status(filled, remaining)]
}

#[tokio::test]
async fn the_rest_of_an_order_raised_by_hand_is_watched_and_cancelled() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let (raised, frames) = raised(&order);
    scene.told(frames).await;
    let last = raised.is("Cancelled");
    scene.tws.change(|script| {
        script.cancelled = Box::new(move |id| {
            vec![
                last.status("10", "10"),
                frames::error(id, 202, "Order Canceled - reason:"),
            ]
        });
    });
    let watched = watch_to_the_end(&scene.gateway, order.id);
    let cancelled = scene.cancel(order.id);
    let (watched, cancelled) = tokio::join!(watched, cancelled);
    assert_eq!(cancelled.unwrap().status, Status::Cancelled);
    assert_eq!(scene.tws.requests(CANCEL_ORDER).len(), 1);
    let state = watched.last().unwrap();
    assert_eq!((state.status, state.filled), (Status::Cancelled, 10.into()));
    assert_eq!(state.remaining, 10.into());
    scene.end().await;
}

#[tokio::test]
async fn an_order_lowered_by_hand_fills_its_new_quantity() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let lowered = order.quantity("5");
    let last = lowered.is("Filled");
    scene
        .told([
            lowered.open(),
            lowered.executes(-1, "0001.01.01", "5", "5"),
            last.open(),
            last.status("5", "0"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Filled, true));
    assert_eq!((state.filled, state.remaining), (5.into(), 0.into()));
    assert_eq!(state.terms.quantity, 5.into());
    assert_eq!(state.filled_unexplained, None);
    scene.end().await;
}

#[tokio::test]
async fn an_order_lowered_by_hand_while_no_gateway_ran_is_found_filled_with_what_filled() {
    for with_executions in [true, false] {
        let mut scene = Scene::start(Script::default()).await;
        let order = scene.works("a", 10).await;
        scene.close().await;
        scene.tws.change(|script| {
            let last = order.quantity("5").is("Filled");
            script.completed_orders = Answer::of([last.completed("0", "5")]);
            if with_executions {
                script.executions.rows = vec![Box::new(move |request| {
                    last.executes(request, "0001.01.01", "5", "5")
                })];
            }
        });
        scene.reopen().await;
        let state = scene
            .until(order.id, "filled", |state| state.status == Status::Filled)
            .await;
        assert_eq!((state.filled, state.remaining), (5.into(), 0.into()));
        let unexplained = (!with_executions).then(|| Amount::from(5));
        assert_eq!(state.filled_unexplained, unexplained);
        assert!(!state.fill_quantity_unknown);
        scene.end().await;
    }
}

#[tokio::test]
async fn an_order_that_ib_reduces_fills_its_reduced_size() {
    for shows_the_new_size in [true, false] {
        let scene = Scene::start(Script::default()).await;
        let order = scene.works("a", 1_000).await;
        let reduced = order.quantity("700");
        let last = reduced.is("Filled");
        let warning = "Order size was reduced: 1000 to 700";
        let mut frames = vec![frames::error(order.id, 481, warning)];
        if shows_the_new_size {
            frames.push(reduced.open());
        }
        frames.push(reduced.executes(-1, "0001.01.01", "700", "700"));
        if shows_the_new_size {
            frames.push(last.open());
        }
        frames.push(last.status("700", "0"));
        scene.told(frames).await;
        let state = scene.get(order.id).await;
        assert_eq!((state.status, state.filled), (Status::Filled, 700.into()));
        assert_eq!(state.remaining, 0.into());
        assert_eq!(state.last_error_code, Some(481));
        scene.end().await;
    }
}

#[tokio::test]
async fn an_order_of_which_only_a_status_says_what_filled_is_filled_by_that_much() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 1_000).await;
    scene.told([order.is("Filled").status("700", "0")]).await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Filled, 700.into()));
    assert_eq!(state.remaining, 0.into());
    scene.end().await;
}

#[tokio::test]
async fn executions_that_reach_the_known_quantity_do_not_end_an_order_of_which_more_remains() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    scene.tws.change(|script| {
        script.open_orders = Answer::of(script_rows(&order.quantity("20"), "10", "10"));
    });
    // TWS has not shown the new quantity yet.
    scene
        .told([
            order.executes(-1, "0001.01.01", "10", "10"),
            order.status("10", "10"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Submitted, false));
    assert_eq!((state.filled, state.remaining), (10.into(), 10.into()));
    // It is asked for by itself.
    let state = scene
        .until(order.id, "the new quantity", |state| {
            state.terms.quantity == 20.into()
        })
        .await;
    assert_eq!((state.status, state.filled), (Status::Submitted, 10.into()));
    assert_eq!(state.remaining, 10.into());
    scene.end().await;
}

#[tokio::test]
async fn a_working_word_with_a_rest_opens_a_filled_order_again() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let filled = order.is("Filled");
    scene
        .told([
            filled.executes(-1, "0001.01.01", "10", "10"),
            filled.status("10", "0"),
        ])
        .await;
    assert!(scene.get(order.id).await.terminal);
    let raised = order.quantity("20");
    scene.told([raised.open(), raised.status("10", "10")]).await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Submitted, false));
    assert_eq!((state.filled, state.remaining), (10.into(), 10.into()));
    scene.end().await;
}

#[tokio::test]
async fn a_staged_order_that_is_released_by_hand_is_transmitted() {
    let scene = Scene::start(Script::default()).await;
    let staged = scene
        .place(PlaceIn {
            transmit: false,
            ..buy_limit("a", 10)
        })
        .await;
    assert_eq!((staged.status, staged.transmit), (Status::Staged, false));
    let order = Order {
        quantity: "10".to_owned(),
        order_ref: "a".to_owned(),
        limit: 150.0,
        ..frames::order(staged.order_id, "Submitted")
    };
    scene.told([order.open(), order.status("0", "10")]).await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.transmit), (Status::Submitted, true));
    assert_eq!(state.perm_id, Some(order.perm_id));
    scene.end().await;
}

#[tokio::test]
async fn a_day_order_of_days_ago_that_tws_no_longer_has_expired() {
    let mut scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let until_cancelled = scene
        .place(PlaceIn {
            order: good_till_cancelled(),
            ..buy_limit("b", 10)
        })
        .await;
    scene.close().await;
    released_days_ago(&scene);
    scene.reopen().await;
    let state = scene.until(order.id, "over", |state| state.terminal).await;
    assert_eq!(state.status, Status::Cancelled);
    let reason = state.last_error.unwrap();
    assert!(reason.starts_with("expired"), "{reason}");
    // What TWS may have lost in another way is said to be unknown.
    let state = scene.get(until_cancelled.order_id).await;
    assert_eq!(state.status, Status::Unconfirmed);
    scene.end().await;
}

/// Makes all orders of a closed store ones of a Tuesday long ago.
fn released_days_ago(scene: &Scene) {
    let store = Connection::open(&scene.config.order_db_path).unwrap();
    let changed = store.execute(
        "UPDATE orders SET created_at = ?1, released_at = ?1",
        ["2026-11-17T15:00:00Z"],
    );
    assert_eq!(changed.unwrap(), 2);
}

fn good_till_cancelled() -> OrderInput {
    json!({
        "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 150, "tif": "GTC",
    })
    .into()
}
