//! A request id makes one order, whoever repeats it and whatever happens in between.

use std::time::Duration;

use ibkr_orders::config::Config;
use ibkr_orders::domain::{Amount, OrderKey, PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::Fault;
use serde_json::json;

use crate::world::{World, limit_order, resting, staged, try_place};

#[tokio::test]
async fn fifty_callers_with_one_request_id_make_one_order() {
    let world = World::start().await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let client = world.client.clone();
        calls.spawn(async move { client.place(resting("one")).await });
    }
    let outs = calls.join_all().await;
    let outs: Vec<_> = outs.into_iter().map(|out| out.unwrap()).collect();
    assert!(outs.iter().all(|out| out.order_id == outs[0].order_id));
    assert_eq!(outs.iter().filter(|out| !out.replayed).count(), 1);
    assert_eq!(world.orders_in_tws("one").await, 1);
    world
        .look(|view| assert_eq!(view.place_messages_total(), 1))
        .await;
    world.end().await;
}

#[tokio::test]
async fn concurrent_callers_with_one_request_id_and_two_orders_make_one_order() {
    let world = World::start().await;
    let mut calls = tokio::task::JoinSet::new();
    for quantity in [10, 20].into_iter().cycle().take(20) {
        let client = world.client.clone();
        calls.spawn(async move { client.place(limit_order("one", quantity)).await });
    }
    let outs = calls.join_all().await;
    let (placed, refused): (Vec<_>, Vec<_>) = outs.into_iter().partition(Result::is_ok);
    assert_eq!((placed.len(), refused.len()), (10, 10));
    for error in refused.into_iter().filter_map(Result::err) {
        assert_eq!(error.reason, Reason::RequestIdReused);
    }
    assert_eq!(world.orders_in_tws("one").await, 1);
    world.end().await;
}

#[tokio::test]
async fn the_same_order_in_other_words_is_the_same_and_any_other_is_refused() {
    let world = World::start().await;
    let first = world.place(resting("one")).await;
    let order = |quantity: serde_json::Value, limit: &str| {
        PlaceIn {
        order: json!({"action": "buy", "symbol": "aapl", "order_type": "lmt", "quantity": quantity, "limit_price": limit, "tif": "day"}).into(),
        ..resting("one")
    }
    };
    for (quantity, limit) in [(json!("10.0"), "1.00"), (json!(10), "1")] {
        let out = world.client.place(order(quantity, limit)).await.unwrap();
        assert!(out.replayed);
        assert_eq!(out.order_id, Some(first.order_id));
    }
    let another_tag = PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 1, "client_tag": "x"}).into(),
        ..resting("one")
    };
    for other in [
        order(json!(11), "1"),
        order(json!(10), "2"),
        staged("one"),
        another_tag,
    ] {
        let error = world.client.place(other).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestIdReused);
        assert!(error.message.contains("one"), "{}", error.message);
    }
    world
        .look(|view| assert_eq!(view.place_messages_total(), 1))
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_known_request_is_answered_while_tws_is_away() {
    let world = World::start().await;
    let order_id = world.place(resting("one")).await.order_id;
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    let again = world.client.place(resting("one")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.order_id, Some(order_id));
    let error = world
        .client
        .place(limit_order("one", 99))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    // A new one is told so, and nothing of it stays.
    let new = PlaceIn {
        timeout: 0.2,
        ..resting("two")
    };
    let error = world.client.place(new).await.unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    let missing = world
        .client
        .get(OrderKey::RequestId("two".to_owned()))
        .await
        .unwrap_err();
    assert_eq!(missing.reason, Reason::OrderNotFound);
    world.control().refuse_connections(false).await.unwrap();
    world.connected(true).await;
    assert_eq!(world.place(resting("two")).await.order_id, order_id + 1);
    world.end().await;
}

#[tokio::test]
async fn a_request_repeated_after_a_restart_answers_the_first_order_as_it_now_is() {
    let mut world = World::start().await;
    let order_id = world.place(resting("one")).await.order_id;
    world.control().fill(order_id).await.unwrap();
    world.until_status(order_id, Status::Filled).await;
    world.restart().await;
    let again = world.client.place(resting("one")).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.order_id, Some(order_id));
    assert_eq!(again.state.unwrap().status, Status::Filled);
    let error = world
        .client
        .place(limit_order("one", 99))
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::RequestIdReused);
    assert_eq!(world.orders_in_tws("one").await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_request_repeated_after_the_limits_were_tightened_answers_the_first_order() {
    let mut world = World::start().await;
    // Two orders, as one of them names its account.
    let named = |request_id: &str| {
        PlaceIn {
        order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 1, "account": "DU1234567"}).into(),
        ..resting(request_id)
    }
    };
    let one = world.place(resting("one")).await.order_id;
    let two = world.place(named("two")).await.order_id;
    type Tighten = fn(&mut Config);
    let tightened: [(Tighten, Reason); 3] = [
        (
            |config| config.max_order_quantity = Some(Amount::from(1)),
            Reason::RiskLimit,
        ),
        (
            |config| config.max_order_notional = Some(Amount::from(1)),
            Reason::RiskLimit,
        ),
        (
            |config| config.ib_account = Some("DU9999999".to_owned()),
            Reason::OrderInvalid,
        ),
    ];
    for (tighten, reason) in tightened {
        world.stop_gateway().await;
        let before = world.config.clone();
        tighten(&mut world.config);
        world.start_gateway().await;
        world.connected(true).await;
        for (request, order_id) in [(resting("one"), one), (named("two"), two)] {
            let again = world.client.place(request).await.unwrap();
            assert!(again.replayed);
            assert_eq!(again.order_id, Some(order_id));
            assert!(!again.state.unwrap().terminal);
        }
        // Another order under the id is that and nothing else, also where it breaks a limit.
        let error = world
            .client
            .place(limit_order("one", 99))
            .await
            .unwrap_err();
        assert_eq!(error.reason, Reason::RequestIdReused);
        // A new one is held to the limits, and nothing of it stays.
        let error = world.client.place(named("new")).await.unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        let missing = world.client.get(OrderKey::RequestId("new".to_owned()));
        assert_eq!(missing.await.unwrap_err().reason, Reason::OrderNotFound);
        // What is no order at all is never looked up.
        let nonsense = PlaceIn {
            order: json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 10})
                .into(),
            ..resting("one")
        };
        let error = world.client.place(nonsense).await.unwrap_err();
        assert_eq!(error.reason, Reason::OrderInvalid, "{error}");
        world.stop_gateway().await;
        world.config = before;
        world.start_gateway().await;
    }
    world
        .look(|view| assert_eq!(view.place_messages_total(), 2))
        .await;
    world.end().await;
}

#[tokio::test]
async fn a_request_repeated_while_the_first_call_still_waits_waits_with_it() {
    let world = World::start().await;
    world.control().hold_acknowledgements().await.unwrap();
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let client = world.client.clone();
            tokio::spawn(async move { client.place(resting("one")).await })
        })
        .collect();
    world.tws_shows(|view| view.order((7, 1)).is_some()).await;
    world.control().release_acknowledgements().await.unwrap();
    for call in calls {
        let state = call.await.unwrap().unwrap().state.unwrap();
        assert_ne!(state.status, Status::Submitting);
    }
    assert_eq!(world.orders_in_tws("one").await, 1);
    world.end().await;
}

#[tokio::test]
async fn a_request_repeated_through_a_dying_link_makes_one_order() {
    let world = World::start().await;
    for round in 0..5 {
        world
            .control()
            .set_fault(Fault::DropAfterOrder(1))
            .await
            .unwrap();
        let id = format!("round {round}");
        let first = try_place(&world.client, resting(&id)).await.unwrap();
        for _ in 0..3 {
            let again = try_place(&world.client, resting(&id)).await.unwrap();
            assert!(again.replayed);
            assert_eq!(again.order_id, first.order_id);
        }
        world
            .until_status(first.order_id.unwrap(), Status::Submitted)
            .await;
        world.connected(true).await;
        assert_eq!(world.orders_in_tws(&id).await, 1);
    }
    world.end().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_after_its_order_was_stored_changes_nothing_for_it() {
    let world = World::start().await;
    world.control().hold_acknowledgements().await.unwrap();
    let client = world.client.clone();
    let placing = tokio::spawn(async move { client.place(resting("one")).await });
    world.tws_shows(|view| view.order((7, 1)).is_some()).await;
    placing.abort();
    assert!(placing.await.unwrap_err().is_cancelled());
    world.control().release_acknowledgements().await.unwrap();
    world.until_status(1, Status::Submitted).await;
    world.control().fill(1).await.unwrap();
    world.until_status(1, Status::Filled).await;
    let again = world.client.place(resting("one")).await.unwrap();
    assert!(again.replayed);
    world.end().await;
}

#[tokio::test]
async fn callers_who_go_away_at_any_moment_never_tear_a_frame_or_double_an_order() {
    let world = World::start().await;
    for round in 0..40_u64 {
        let client = world.client.clone();
        let id = format!("round {round}");
        let call = async move { client.place(resting(&id)).await };
        // From before the first byte to after the answer.
        let _ = tokio::time::timeout(Duration::from_micros(round * 100), call).await;
    }
    // The session stands: nothing was torn.
    world.look(|view| assert_eq!(view.logins_total(), 1)).await;
    for round in 0..40 {
        let id = format!("round {round}");
        let out = world.client.place(resting(&id)).await.unwrap();
        assert!(out.submitted);
        assert_eq!(world.orders_in_tws(&id).await, 1, "{id}");
    }
    world.look(|view| assert_eq!(view.logins_total(), 1)).await;
    world.end().await;
}
