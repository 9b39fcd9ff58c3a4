//! Orders that wait, that are changed, that belong together, and those that are only asked about.

use ibapi::orders::{Action, OcaType, Order, OrderUpdate};
use ibapi::prelude::StreamExt;
use ibapi::subscriptions::SubscriptionItem;

use crate::desk::{Desk, LIMIT, limit, market, open_rows, quiet, staged};

/// A sale of a type, 10 shares.
fn sell(order_type: &str) -> Order {
    Order {
        action: Action::Sell,
        order_type: order_type.to_owned(),
        limit_price: None,
        ..limit(10.0, 0.0)
    }
}

/// The next openOrder, and the hold of the status behind it.
async fn next_pair(desk: &mut Desk) -> (Order, String) {
    let mut echo = None;
    loop {
        let next = tokio::time::timeout(LIMIT, desk.updates.next()).await;
        match next.expect("something is said") {
            Some(Ok(SubscriptionItem::Data(OrderUpdate::OpenOrder(open)))) => {
                echo = Some(open.order);
            }
            Some(Ok(SubscriptionItem::Data(OrderUpdate::OrderStatus(status)))) => {
                return (echo.expect("openOrder comes first"), status.why_held);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn stops_wait_for_their_trigger_and_are_shown_with_their_prices() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let cases = [
        Order {
            aux_price: Some(100.0),
            ..sell("STP")
        },
        Order {
            aux_price: Some(100.0),
            limit_price: Some(99.0),
            ..sell("STP LMT")
        },
        Order {
            aux_price: Some(100.0),
            trail_stop_price: Some(150.0),
            ..sell("TRAIL")
        },
        Order {
            aux_price: Some(100.0),
            trail_stop_price: Some(150.0),
            limit_price_offset: Some(0.05),
            ..sell("TRAIL LIMIT")
        },
    ];
    for order in cases {
        let id = desk.place(&order, "AAPL").await;
        // As often as each was recorded.
        let pairs = match order.order_type.as_str() {
            "TRAIL" => 3,
            "TRAIL LIMIT" => 4,
            _ => 2,
        };
        for _ in 0..pairs {
            let (echo, held) = next_pair(&mut desk).await;
            assert_eq!(held, "trigger", "{}", order.order_type);
            assert_eq!(echo.aux_price, order.aux_price, "{}", order.order_type);
            let stop = order.trail_stop_price.or(order.aux_price);
            assert_eq!(echo.trail_stop_price, stop, "{}", order.order_type);
            let limit = match order.limit_price_offset {
                Some(_) => Some(149.95),
                None => order.limit_price.or(Some(0.0)),
            };
            assert_eq!(echo.limit_price, limit, "{}", order.order_type);
        }
        desk.cancel(id).await;
        let ended = desk.hear(2).await;
        assert_eq!(ended[0], "status Cancelled 0+10", "{}", order.order_type);
    }
}

#[tokio::test]
async fn a_trailing_stop_moves_with_the_market_and_goes_off() {
    let simulator = quiet().await;
    let control = simulator.control();
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk
        .place(
            &Order {
                aux_price: Some(5.0),
                trail_stop_price: Some(200.0),
                ..sell("TRAIL")
            },
            "AAPL",
        )
        .await;
    control.move_price("AAPL", 300.into()).await.unwrap();
    // Each move is an openOrder without an orderStatus.
    let mut stops = Vec::new();
    while stops.last() != Some(&295.0) {
        let next = tokio::time::timeout(LIMIT, desk.updates.next()).await;
        if let Some(Ok(SubscriptionItem::Data(OrderUpdate::OpenOrder(open)))) = next.unwrap() {
            stops.extend(open.order.trail_stop_price);
        }
    }
    assert!(stops.is_sorted(), "{stops:?}");
    control.move_price("AAPL", 290.into()).await.unwrap();
    let mut told = Vec::new();
    while !told.contains(&"status Filled 10+0".to_owned()) {
        told.extend(desk.hear(1).await);
    }
    assert!(told.contains(&"execution 10".to_owned()), "{told:?}");
    desk.place_as(id, &sell("MKT"), "AAPL").await;
    while !told.last().unwrap().starts_with("104 ") {
        told.extend(desk.hear(1).await);
    }
}

#[tokio::test]
async fn a_preview_answers_margins_once_and_places_nothing() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let order = Order {
        what_if: true,
        ..limit(100.0, 200.0)
    };
    let id = desk.place(&order, "AAPL").await;
    let next = tokio::time::timeout(LIMIT, desk.updates.next()).await;
    let Some(Ok(SubscriptionItem::Data(OrderUpdate::OpenOrder(open)))) = next.unwrap() else {
        panic!("one openOrder");
    };
    assert_eq!(open.order_id, id);
    assert!(open.order.what_if && open.order.perm_id > 0);
    let state = &open.order_state;
    assert!(state.initial_margin_change.unwrap() > state.maintenance_margin_change.unwrap());
    assert!(state.equity_with_loan_change.unwrap() < 0.0);
    assert!(open_rows(&desk.client, true).await.is_empty());
    desk.hears_nothing().await;
    // The crate's own way to ask.
    let contract = crate::desk::stock("AAPL");
    let answer = desk.client.order(&contract);
    let answer = tokio::time::timeout(LIMIT, answer.buy(100).limit(200.0).analyze()).await;
    let state = answer.expect("it answers").expect("margins");
    assert!(state.initial_margin_change.unwrap() > 0.0);
}

async fn bracket(desk: &mut Desk, parent: Order) -> [i32; 3] {
    let parent_id = desk.place(&staged(parent), "AAPL").await;
    let target = Order {
        limit_price: Some(400.0),
        parent_id,
        ..sell("LMT")
    };
    let target = desk.place(&staged(target), "AAPL").await;
    let stop = Order {
        aux_price: Some(120.0),
        parent_id,
        ..sell("STP")
    };
    [parent_id, target, desk.place(&stop, "AAPL").await]
}

#[tokio::test]
async fn a_bracket_is_held_for_its_parent_and_goes_with_it() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let [parent, ..] = bracket(&mut desk, limit(10.0, 150.0)).await;
    let (echo, held) = next_pair(&mut desk).await;
    assert_eq!((echo.order_id, held.as_str()), (parent, ""));
    let group = echo.perm_id.to_string();
    let mut holds = Vec::new();
    while holds.len() < 2 {
        let (echo, held) = next_pair(&mut desk).await;
        if echo.order_id == parent {
            continue;
        }
        assert_eq!((echo.parent_id, &echo.oca_group), (parent, &group));
        assert_eq!(echo.oca_type, OcaType::ReduceWithoutBlock);
        if holds.last() != Some(&held) {
            holds.push(held);
        }
    }
    assert_eq!(holds, ["child", "child,trigger"]);
    desk.cancel(parent).await;
    let mut ended = Vec::new();
    while ended
        .iter()
        .filter(|words: &&String| words.starts_with("202 "))
        .count()
        < 3
    {
        ended.extend(desk.hear(1).await);
    }
    let cancelled = ended
        .iter()
        .filter(|words| *words == "status Cancelled 0+10");
    assert_eq!(cancelled.count(), 3, "{ended:?}");
    assert!(open_rows(&desk.client, true).await.is_empty());
}

#[tokio::test]
async fn a_stop_that_fires_ends_the_target_beside_it() {
    let simulator = quiet().await;
    let control = simulator.control();
    let mut desk = Desk::open(&simulator, 7).await;
    let [parent, target, stop] = bracket(&mut desk, market(10.0)).await;
    let over = move |view: &ibkr_orders::simulator::View<'_>| {
        view.order(parent).is_some_and(|order| order.over)
    };
    control.wait_until(over).await.unwrap();
    control.move_price("AAPL", 110.into()).await.unwrap();
    let ended = move |view: &ibkr_orders::simulator::View<'_>| {
        let status = |id: i32| view.order(id).map(|order| order.status);
        status(stop) == Some("Filled") && status(target) == Some("Cancelled")
    };
    control.wait_until(ended).await.unwrap();
    let held = control.inspect(|view| view.positions("DU1234567")[0].1);
    assert_eq!(held.await.unwrap(), 0.into());
}

#[tokio::test]
async fn a_fill_in_a_group_cancels_its_other_members() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let member = |price: f64| Order {
        oca_group: "either".to_owned(),
        oca_type: OcaType::CancelWithBlock,
        ..limit(10.0, price)
    };
    desk.place(&member(100.0), "AAPL").await;
    let (echo, held) = next_pair(&mut desk).await;
    assert_eq!((echo.oca_group.as_str(), held.as_str()), ("either", ""));
    desk.hear(2).await;
    desk.place(&member(233.0), "AAPL").await;
    let mut told = Vec::new();
    while !told.iter().any(|words: &String| words.starts_with("202 ")) {
        told.extend(desk.hear(1).await);
    }
    let last = &told[told.len() - 2..];
    assert_eq!(last[0], "status Cancelled 0+10", "{told:?}");
    assert!(told.contains(&"status Filled 10+0".to_owned()), "{told:?}");
}
