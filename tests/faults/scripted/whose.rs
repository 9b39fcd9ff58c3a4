//! Whose report it is: another order under our number is not ours, and an order of ours is known again by more than its reference.

use ibkr_orders::domain::{OrderKey, OrderState, PlaceIn, Status};
use serde_json::json;
use test_support::scene::{Scene, buy_limit, now_in_tws};
use test_support::tws::frames::{self, Order};
use test_support::tws::scripted::{Answer, Script};
use test_support::waiting::eventually;

/// SELL 10 TSLA under the same order id and client id, of before the order ids were reset.
fn of_yesterday(order: &Order) -> Order {
    Order {
        perm_id: 555,
        con_id: 76_792_991,
        symbol: "TSLA".to_owned(),
        action: "SELL".to_owned(),
        order_ref: String::new(),
        executed_at: "20260825 14:11:30 US/Eastern".to_owned(),
        ..order.clone()
    }
}

/// The parts of a state that a report of another order must leave alone.
fn shown(state: &OrderState) -> (Status, String, Option<i64>, u64) {
    let filled = format!("{} of {}", state.filled, state.terms.quantity);
    (state.status, filled, state.perm_id, state.sequence)
}

#[tokio::test]
async fn another_order_under_our_number_is_not_ours_in_any_report_of_it() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let before = shown(&scene.get(order.id).await);
    let other = of_yesterday(&order);
    let sold = Order {
        action: "SELL".to_owned(),
        perm_id: 555,
        ..order.clone()
    };
    let reports = [
        ("openOrder of another contract", other.open()),
        (
            "orderStatus of another",
            other.is("Filled").status("10", "0"),
        ),
        (
            "a live execution of another contract",
            other.executes(-1, "0009.01.01", "10", "10"),
        ),
        ("openOrder of the other side", sold.is("Filled").open()),
        (
            "a live execution of the other side",
            sold.executes(-1, "0009.02.01", "10", "10"),
        ),
    ];
    for (number, (what, frame)) in (1..).zip(reports) {
        scene.told([frame]).await;
        let state = scene.get(order.id).await;
        assert_eq!(shown(&state), before, "{what}");
        let counted = scene.gateway.stats().foreign_reports.get();
        assert_eq!(counted, number, "{what}");
    }
    let detail = scene.gateway.get(OrderKey::OrderId(order.id)).await;
    assert_eq!(detail.unwrap().fills, []);
    scene.end().await;
}

#[tokio::test]
async fn another_order_under_our_number_is_not_ours_in_any_answer_to_a_query() {
    for (what, is_side_only) in [("another contract", false), ("the other side", true)] {
        let mut scene = Scene::start(Script::default()).await;
        let order = scene.works("a", 10).await;
        scene.close().await;
        let other = if is_side_only {
            Order {
                symbol: "AAPL".to_owned(),
                con_id: 265_598,
                ..of_yesterday(&order)
            }
        } else {
            of_yesterday(&order)
        };
        scene.tws.change(|script| {
            let ended = other.is("Filled");
            script.open_orders = Answer::of([
                order.open(),
                order.status("0", "10"),
                ended.open(),
                ended.status("10", "0"),
            ]);
            script.completed_orders = Answer::of([ended.completed("0", "10")]);
            script.executions.rows = vec![Box::new(move |request| {
                other.executes(request, "0009.01.01", "10", "10")
            })];
        });
        scene.reopen().await;
        let detail = scene
            .gateway
            .get(OrderKey::OrderId(order.id))
            .await
            .unwrap();
        assert_eq!(detail.order.status, Status::Submitted, "{what}");
        assert_eq!(detail.order.filled, 0.into(), "{what}");
        assert_eq!(detail.order.perm_id, Some(order.perm_id), "{what}");
        assert!(detail.order.other_perm_ids.is_empty(), "{what}");
        assert_eq!(detail.fills, [], "{what}");
        scene.end().await;
    }
}

/// Orders of a strategy share its tag.
fn tagged(request_id: &str) -> PlaceIn {
    PlaceIn {
        timeout: 0.2,
        order: json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 150,
            "client_tag": "strategy",
        })
        .into(),
        ..buy_limit(request_id, 10)
    }
}

#[tokio::test]
async fn what_names_only_a_tag_that_orders_share_is_of_none_of_them() {
    // TWS has taken both orders and could not say so.
    let scene = Scene::start(Script {
        placed: Box::new(|placed| match placed.order_ref.as_str() {
            "strategy" => Vec::new(),
            _ => vec![placed.open(), placed.status("0", &placed.quantity)],
        }),
        ..Script::default()
    })
    .await;
    let first = scene.place(tagged("a")).await.order_id;
    let second = scene.place(tagged("b")).await.order_id;
    let filled = Order {
        order_ref: "strategy".to_owned(),
        quantity: "10".to_owned(),
        executed_at: now_in_tws(),
        perm_id: 555,
        ..frames::order(0, "Filled")
    };
    scene.tws.change(|script| {
        script.completed_orders = Answer::of([filled.completed("0", "10")]);
    });
    scene.reconnect().await;
    scene
        .told([filled.executes(-1, "0001.01.01", "10", "10")])
        .await;
    for order_id in [first, second] {
        let state = scene.get(order_id).await;
        assert_eq!(state.status, Status::Unconfirmed);
        assert_eq!((state.filled, state.perm_id), (0.into(), None));
    }
    // With its order id it is known whose it is.
    let second_filled = Order {
        id: second,
        ..filled
    };
    scene
        .told([
            second_filled.executes(-1, "0001.01.01", "10", "10"),
            second_filled.status("10", "0"),
        ])
        .await;
    assert_eq!(scene.get(first).await.filled, 0.into());
    let state = scene.get(second).await;
    assert_eq!((state.status, state.filled), (Status::Filled, 10.into()));
    scene.end().await;
}

#[tokio::test]
async fn a_fill_whose_reference_came_back_changed_is_counted_by_its_permanent_id() {
    let long = "x".repeat(40);
    for (sent, came_back) in [
        ("my tag", " my tag "),
        ("my tag", "my"),
        ("my tag", ""),
        ("Gr-n", "Gr?n"),
        (long.as_str(), &long[..32]),
    ] {
        let scene = Scene::start(Script::default()).await;
        let order = scene.works(sent, 10).await;
        let changed = order.order_ref(came_back).is("Filled");
        scene
            .told([
                changed.open(),
                changed.executes(-1, "0001.01.01", "10", "10"),
                changed.status("10", "0"),
                frames::commission("0001.01.01", 1.0),
            ])
            .await;
        let detail = scene
            .gateway
            .get(OrderKey::OrderId(order.id))
            .await
            .unwrap();
        let case = (sent, came_back);
        assert_eq!(detail.order.status, Status::Filled, "{case:?}");
        assert_eq!(detail.order.filled, 10.into(), "{case:?}");
        assert_eq!(detail.fills.len(), 1, "{case:?}");
        assert_eq!(detail.order.commission, Some(1.into()), "{case:?}");
        assert_eq!(detail.order.order_ref, sent);
        assert_eq!(scene.gateway.stats().foreign_reports.get(), 0);
        scene.end().await;
    }
}

#[tokio::test]
async fn a_second_permanent_id_is_a_second_order_and_its_fills_are_kept_apart() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let second = order.perm_id(555);
    scene
        .told([
            second.open(),
            second.status("0", "10"),
            second.executes(-1, "0002.01.01", "4", "4"),
            second.status("4", "6"),
            order.executes(-1, "0001.01.01", "3", "3"),
            order.status("3", "7"),
        ])
        .await;
    let detail = scene
        .gateway
        .get(OrderKey::OrderId(order.id))
        .await
        .unwrap();
    let state = detail.order;
    assert_eq!((state.status, state.filled), (Status::Submitted, 3.into()));
    assert_eq!(
        (state.remaining, state.perm_id),
        (7.into(), Some(order.perm_id))
    );
    assert_eq!(state.other_perm_ids, [555]);
    let second_fills: Vec<_> = detail
        .fills
        .iter()
        .filter(|fill| fill.perm_id == Some(555))
        .collect();
    assert_eq!(second_fills.len(), 1);
    assert_eq!(second_fills[0].quantity, 4.into());
    assert_eq!(detail.fills.len(), 2);
    assert_eq!(scene.gateway.stats().second_orders.get(), 1);
    scene.end().await;
}

#[tokio::test]
async fn a_cancel_of_two_orders_under_one_number_goes_on_until_both_have_ended() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    let second = order.perm_id(555);
    scene.told([second.open(), second.status("0", "10")]).await;
    scene.tws.change(|script| {
        script.open_orders = Answer::of([second.open(), second.status("0", "10")]);
        let ended = order.is("Cancelled");
        script.cancelled = Box::new(move |id| {
            vec![
                ended.status("0", "10"),
                frames::error(id, 202, "Order Canceled - reason:"),
            ]
        });
    });
    let _ = scene.cancel(order.id).await;
    eventually("a cancel for the second", async || {
        scene.cancels_of(order.id) >= 2
    })
    .await;
    let ended = second.is("Cancelled");
    scene
        .tws
        .change(|script| script.open_orders = Answer::default());
    scene.told([ended.status("0", "10"), ended.open()]).await;
    let cancels = scene.cancels_of(order.id);
    scene.reconnect().await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.terminal), (Status::Cancelled, true));
    assert_eq!(scene.cancels_of(order.id), cancels);
    scene.end().await;
}
