//! What filled, and what it cost: the same shares told twice count once.

use ibkr_orders::domain::{Amount, Commission, OrderKey, Status};
use test_support::scene::{Scene, buy_limit, now_in_tws};
use test_support::tws::frames::{self, Order};
use test_support::tws::scripted::{Answer, Script};

#[tokio::test]
async fn the_same_shares_under_two_execution_ids_count_once() {
    let mut scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    scene
        .told([
            order.executes(-1, "0001.01.01", "6", "6"),
            order.status("6", "4"),
            order.executes(-1, "0002.01.01", "6", "6"),
            order.status("6", "4"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Submitted, 6.into()));
    assert_eq!(state.remaining, 4.into());
    // Nor after a restart, when both are told again.
    scene.close().await;
    scene.tws.change(|script| {
        let again = order.clone();
        script.open_orders = Answer::of([order.open(), order.status("6", "4")]);
        script.executions.rows = ["0001.01.01", "0002.01.01"]
            .map(|exec_id| -> test_support::tws::scripted::Row {
                let again = again.clone();
                Box::new(move |request| again.executes(request, exec_id, "6", "6"))
            })
            .into();
    });
    scene.reopen().await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Submitted, 6.into()));
    let last = order.is("Filled");
    scene
        .told([
            last.executes(-1, "0003.01.01", "4", "10"),
            last.status("10", "0"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Filled, 10.into()));
    assert_eq!(state.avg_fill_price, Some("150.25".parse().unwrap()));
    scene.end().await;
}

#[tokio::test]
async fn the_allocations_of_a_fill_do_not_count_beside_it() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 20).await;
    let allocated = |account: &str| Order {
        account: account.to_owned(),
        ..order.clone()
    };
    scene
        .told([
            order.executes(-1, "0001.01.01", "10", "10"),
            allocated("DU111").executes(-1, "0002.01.01", "6", "6"),
            allocated("DU222").executes(-1, "0003.01.01", "4", "10"),
            order.status("10", "10"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.status, state.filled), (Status::Submitted, 10.into()));
    assert_eq!(state.remaining, 10.into());
    scene.end().await;
}

#[tokio::test]
async fn an_execution_without_the_orders_id_is_its_fill_and_is_charged() {
    for order_id in [0, i32::MAX] {
        for perm_id_is_known in [true, false] {
            let scene = Scene::start(Script {
                placed: Box::new(move |placed| {
                    if perm_id_is_known || placed.order_ref == "mark" {
                        vec![placed.open(), placed.status("0", &placed.quantity)]
                    } else {
                        // No permanent id yet.
                        vec![placed.perm_id(0).status("0", &placed.quantity)]
                    }
                }),
                ..Script::default()
            })
            .await;
            let placed = scene.place(buy_limit("a", 10)).await;
            assert_eq!(placed.status, Status::Submitted);
            let order = Order {
                quantity: "10".to_owned(),
                order_ref: "a".to_owned(),
                executed_at: now_in_tws(),
                ..frames::order(placed.order_id, "Submitted")
            };
            let nameless = Order {
                id: order_id,
                ..order.clone()
            };
            scene
                .told([
                    nameless.executes(-1, "0001.01.01", "10", "10"),
                    frames::commission("0001.01.01", 1.25),
                    order.is("Filled").status("10", "0"),
                ])
                .await;
            let detail = scene
                .gateway
                .get(OrderKey::OrderId(order.id))
                .await
                .unwrap();
            let case = (order_id, perm_id_is_known);
            assert_eq!(detail.order.status, Status::Filled, "{case:?}");
            assert_eq!(detail.order.filled, 10.into(), "{case:?}");
            assert_eq!(detail.order.filled_unexplained, None, "{case:?}");
            let commission = detail.order.commission;
            assert_eq!(commission, Some("1.25".parse().unwrap()), "{case:?}");
            assert_eq!(detail.fills.len(), 1, "{case:?}");
            scene.end().await;
        }
    }
}

#[tokio::test]
async fn a_fill_that_was_taken_back_leaves_no_average_price() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    scene
        .told([
            order.executes(-1, "0001.01.01", "6", "6"),
            order.status("6", "4"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!(state.avg_fill_price, Some("150.25".parse().unwrap()));
    scene
        .told([order.executes(-1, "0001.01.02", "0", "0")])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!((state.filled, state.avg_fill_price), (0.into(), None));
    assert_eq!(state.remaining, 10.into());
    scene.end().await;
}

#[tokio::test]
async fn commissions_of_two_currencies_are_two_sums_and_no_one_figure() {
    let scene = Scene::start(Script::default()).await;
    let order = scene.works("a", 10).await;
    scene
        .told([
            order.executes(-1, "0001.01.01", "6", "6"),
            frames::commission_in("0001.01.01", 1.0, "USD"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!(state.commission, Some(Amount::from(1)));
    scene
        .told([
            order.executes(-1, "0002.01.01", "4", "10"),
            frames::commission_in("0002.01.01", 100.0, "JPY"),
            order.is("Filled").status("10", "0"),
        ])
        .await;
    let state = scene.get(order.id).await;
    assert_eq!(state.commission, None);
    let sum = |amount: i64, currency: &str| Commission {
        amount: amount.into(),
        currency: currency.to_owned(),
    };
    assert_eq!(state.commissions, [sum(100, "JPY"), sum(1, "USD")]);
    scene.end().await;
}
