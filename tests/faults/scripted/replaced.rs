//! Other terms for an order, through the whole gateway: one placeOrder for each replacement, and what TWS shows decides.

use ibkr_orders::domain::{Amount, OrderKey, OrderState, ReplaceIn, ReplacementStatus, Status};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::gateway::Gateway;
use serde_json::json;
use test_support::link;
use test_support::scene::Scene;
use test_support::tws::frames::{self, Order};
use test_support::tws::peer::PLACE_ORDER;
use test_support::tws::scripted::{Answer, Frames, Script};

/// The order at 151.
fn at_151(order_id: i32, request_id: &str) -> ReplaceIn {
    let mut input = ReplaceIn::new(OrderKey::OrderId(order_id));
    input.change.limit_price = Some(json!(151));
    input.request_id = Some(request_id.to_owned());
    input.timeout = 20.0;
    input
}

async fn replace(gateway: &Gateway, input: ReplaceIn) -> Result<OrderState, Error> {
    let out = gateway.replace(input).await?;
    Ok(out.order.expect("the order"))
}

fn became(state: &OrderState) -> ReplacementStatus {
    state.replacement.as_ref().expect("a replacement").status
}

fn limit(state: &OrderState) -> Option<Amount> {
    state.terms.pricing.limit_price()
}

/// How many placeOrders of an order TWS has read.
fn placed(scene: &Scene, order_id: i32) -> usize {
    let requests = scene.tws.requests(PLACE_ORDER);
    let of_order = |request: &&_| {
        let request: &test_support::tws::peer::Request = request;
        request.number() == i64::from(order_id)
    };
    requests.iter().filter(of_order).count()
}

/// What follows a placeOrder at another price than 150.
fn on_replace(scene: &Scene, said: impl Fn(&Order) -> Frames + Send + 'static) {
    scene.tws.change(|script| {
        script.placed = Box::new(move |placed| {
            if placed.limit == 150.0 {
                vec![placed.open(), placed.status("0", &placed.quantity)]
            } else {
                said(placed)
            }
        });
    });
}

#[tokio::test]
async fn a_replaced_price_is_answered_when_tws_shows_it_and_sent_once_for_all_who_ask() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    on_replace(&scene, |new| {
        let pair = [new.open(), new.status("0", &new.quantity)];
        pair.iter().chain(&pair).cloned().collect()
    });
    let calls = (0..8).map(|_| {
        let gateway = scene.gateway.clone();
        let input = at_151(order.id, "change");
        tokio::spawn(async move { gateway.replace(input).await })
    });
    let mut first = 0;
    for call in calls.collect::<Vec<_>>() {
        let out = call.await.unwrap().unwrap();
        first += usize::from(!out.replayed);
        assert_eq!(out.request_id.as_deref(), Some("change"));
        let state = out.order.unwrap();
        assert_eq!(
            (became(&state), limit(&state)),
            (ReplacementStatus::Accepted, Some(151.into()))
        );
        assert_eq!(state.terms_revision, 2);
    }
    assert_eq!(first, 1);
    assert_eq!(placed(&scene, order.id), 2);
    // The id is spent for anything else.
    let mut other = at_151(order.id, "change");
    other.change.limit_price = Some(json!(152));
    let error = replace(&scene.gateway, other).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    let error = replace(&scene.gateway, at_151(order.id, "a"))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    // And no order is found under it.
    let key = OrderKey::RequestId("change".to_owned());
    let error = scene.gateway.get(key).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
    scene.end().await;
}

#[tokio::test]
async fn a_price_beyond_the_band_that_is_shown_first_kills_the_order_and_is_refused() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let before = order.clone();
    on_replace(&scene, move |new| {
        vec![
            new.open(),
            new.is("PendingCancel").status("0", "10"),
            new.status("0", "10"),
            before.open(),
            before.is("Cancelled").status("0", "10"),
            frames::error(
                new.id,
                202,
                "Order Canceled - reason:We cannot accept an order at a limit price beyond 150.5",
            ),
            frames::error(
                new.id,
                201,
                "Order rejected - reason:Order has been cancelled already, too late to replace",
            ),
        ]
    });
    let state = replace(&scene.gateway, at_151(order.id, "change"))
        .await
        .unwrap();
    assert_eq!(became(&state), ReplacementStatus::Refused);
    assert_eq!(
        (state.status, limit(&state)),
        (Status::Cancelled, Some(150.into()))
    );
    assert_eq!(placed(&scene, order.id), 2);
    scene.end().await;
}

#[tokio::test]
async fn a_refused_change_leaves_the_order_as_it_was() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let row = [order.open(), order.status("0", "10")];
    scene
        .tws
        .change(|script| script.open_orders = Answer::of(row));
    on_replace(&scene, |new| {
        vec![frames::error(
            new.id,
            110,
            "The price does not conform to the minimum price variation for this contract.",
        )]
    });
    let state = replace(&scene.gateway, at_151(order.id, "change"))
        .await
        .unwrap();
    assert_eq!(became(&state), ReplacementStatus::Refused);
    let replacement = state.replacement.clone().unwrap();
    assert_eq!(replacement.error_code, Some(110));
    assert_eq!(replacement.change.limit_price, Some(151.into()));
    assert_eq!(
        (state.status, limit(&state)),
        (Status::Submitted, Some(150.into()))
    );
    scene.end().await;
}

#[tokio::test]
async fn a_process_that_ends_after_the_write_finds_out_what_became_of_it() {
    for (shown, expected) in [
        (151.0, ReplacementStatus::Accepted),
        (150.0, ReplacementStatus::Unconfirmed),
    ] {
        let mut scene = Scene::start(Script::default()).await;
        let order = scene.works("a", 10).await;
        on_replace(&scene, |_| Vec::new());
        let mut input = at_151(order.id, "change");
        input.timeout = 0.3;
        let state = replace(&scene.gateway, input.clone()).await.unwrap();
        assert_eq!(became(&state), ReplacementStatus::Pending);
        scene.close().await;
        let order_now = Order {
            limit: shown,
            ..order.clone()
        };
        let row = [order_now.open(), order_now.status("0", "10")];
        scene
            .tws
            .change(|script| script.open_orders = Answer::of(row));
        scene.reopen().await;
        let state = scene
            .until(order.id, "decided", |state| {
                became(state) != ReplacementStatus::Pending
            })
            .await;
        assert_eq!(became(&state), expected);
        assert_eq!(state.status, Status::Submitted);
        // The same request again changes nothing any more.
        let again = scene.gateway.replace(input).await.unwrap();
        assert!(again.replayed);
        assert_eq!(placed(&scene, order.id), 2);
        scene.end().await;
    }
}

#[tokio::test]
async fn a_tws_that_has_forgotten_the_order_and_its_ids_is_sent_no_change_of_it() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    // It starts anew: nothing is open, and its ids begin at 1.
    scene.tws.change(|script| script.next_valid_id = 1);
    let before = link::sessions(&scene.gateway);
    scene.tws.cut();
    link::session_after(&scene.gateway, before).await;
    let mut input = at_151(order.id, "change");
    input.timeout = 1.0;
    let error = replace(&scene.gateway, input).await.unwrap_err();
    assert!(
        [Reason::TwsUnavailable, Reason::OrderState].contains(&error.reason),
        "{error:?}"
    );
    scene
        .until(order.id, "TWS does not know it", |state| {
            state.status == Status::Unconfirmed
        })
        .await;
    let error = replace(&scene.gateway, at_151(order.id, "later"))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    assert_eq!(placed(&scene, order.id), 1);
    scene.end().await;
}

#[tokio::test]
async fn a_dry_run_shows_what_would_be_sent_and_sends_nothing() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let mut input = at_151(order.id, "change");
    input.dry_run = true;
    let out = scene.gateway.replace(input.clone()).await.unwrap();
    let payload = out.order_payload.unwrap();
    assert_eq!(
        (&payload["limit_price"], &payload["order_id"]),
        (&json!(151), &json!(order.id))
    );
    assert_eq!(out.order, None);
    input.change.stop_price = Some(json!(1));
    let error = scene.gateway.replace(input).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderInvalid);
    let nothing = ReplaceIn::new(OrderKey::OrderId(order.id));
    let error = scene.gateway.replace(nothing).await.unwrap_err();
    assert_eq!(error.reason, Reason::RequestInvalid);
    assert_eq!(placed(&scene, order.id), 1);
    assert_eq!(scene.get(order.id).await.replacement, None);
    scene.end().await;
}
