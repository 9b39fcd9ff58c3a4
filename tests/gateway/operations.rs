//! Place, watch, transmit, cancel, read, health.

use std::time::Duration;

use ibkr_orders as api;
use ibkr_orders::domain::{
    HealthIn, ListIn, OrderKey, PlaceIn, Status, ValidateIn, WatchEvent, WatchIn,
};
use ibkr_orders::error::Reason;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use serde_json::json;
use tempfile::TempDir;

use crate::support::{buy_market, config, resting, rig, rig_with, states};

#[tokio::test]
async fn a_market_order_fills_and_its_watch_ends_with_price_and_commission() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    let state = rig.place(buy_market(1)).await;
    assert_eq!(state.order_ref, state.request_id);
    let updates = rig.watch_to_the_end(state.order_id).await;
    let last = states(&updates).pop().unwrap();
    assert_eq!(last.status, Status::Filled);
    assert_eq!(last.filled, 1.into());
    assert!(last.avg_fill_price.is_some());
    assert!(last.commission.is_some());
    assert!(last.perm_id.is_some());
    let sequences: Vec<u64> = updates.iter().map(|update| update.sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    let detail = rig
        .gateway
        .get(OrderKey::OrderId(state.order_id))
        .await
        .unwrap();
    assert_eq!(detail.order, last);
    assert_eq!(detail.fills.len(), 1);
    rig.end().await;
}

#[tokio::test]
async fn an_order_without_transmit_is_staged_until_it_is_transmitted() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let staged = rig
        .place(PlaceIn {
            transmit: false,
            ..buy_market(1)
        })
        .await;
    assert_eq!((staged.status, staged.transmit), (Status::Staged, false));
    let key = OrderKey::OrderId(staged.order_id);
    let released = rig.gateway.transmit(key.clone(), 10.0).await.unwrap();
    assert!(released.transmit);
    assert_ne!(released.status, Status::Submitting);
    let filled = rig.until(staged.order_id, Status::Filled).await;
    assert_eq!(
        rig.gateway.transmit(key, 10.0).await.unwrap().status,
        filled.status
    );
    rig.end().await;
}

#[tokio::test]
async fn a_staged_order_is_discarded_by_its_cancel() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let staged = rig
        .place(PlaceIn {
            transmit: false,
            ..buy_market(1)
        })
        .await;
    let key = OrderKey::RequestId(staged.request_id);
    let cancelled = rig.gateway.cancel(key.clone(), 10.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert!(cancelled.cancel_requested);
    // And again: it stays what it is.
    assert_eq!(
        rig.gateway.cancel(key.clone(), 10.0).await.unwrap().status,
        Status::Cancelled
    );
    let error = rig.gateway.transmit(key, 10.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    rig.end().await;
}

#[tokio::test]
async fn a_resting_order_is_cancelled_and_a_filled_one_is_not() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let rests = rig.place(resting(10)).await;
    let cancelled = rig
        .gateway
        .cancel(OrderKey::OrderId(rests.order_id), 10.0)
        .await
        .unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(cancelled.remaining, 10.into());
    assert_eq!(cancelled.last_error_code, None);

    let filled = rig.place(buy_market(1)).await;
    rig.until(filled.order_id, Status::Filled).await;
    let key = OrderKey::OrderId(filled.order_id);
    let error = rig.gateway.cancel(key, 10.0).await.unwrap_err();
    assert_eq!(error.reason, Reason::OrderState);
    let error = rig
        .gateway
        .cancel(OrderKey::OrderId(4_711), 10.0)
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::OrderNotFound);
    rig.end().await;
}

#[tokio::test]
async fn a_rejection_by_tws_is_an_answer_and_not_an_error() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let order = json!({"action": "BUY", "symbol": "NOSUCH", "order_type": "MKT", "quantity": 1});
    let state = rig
        .place(PlaceIn {
            transmit: true,
            ..PlaceIn::new(order)
        })
        .await;
    assert_eq!(state.status, Status::Rejected);
    assert_eq!(state.last_error_code, Some(200));
    rig.end().await;
}

#[tokio::test]
async fn the_reason_of_an_inactive_order_comes_with_the_answer() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.control()
        .reject_next(201, "Order rejected - reason:margin", true)
        .await
        .unwrap();
    let state = rig.place(buy_market(1)).await;
    assert_eq!(state.status, Status::Rejected);
    assert_eq!(state.last_error_code, Some(201));
    rig.end().await;
}

#[tokio::test]
async fn the_same_request_again_makes_no_second_order() {
    let mut rig = rig(SimulatorConfig::on_free_port()).await;
    let request = PlaceIn {
        request_id: Some("once".to_owned()),
        ..resting(5)
    };
    let (first, second) = tokio::join!(
        rig.gateway.place(request.clone()),
        rig.gateway.place(request.clone())
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first.order_id, second.order_id);
    assert!(second.replayed != first.replayed);
    // Equal in meaning, written differently.
    let order = json!({"action": "buy", "symbol": "aapl", "order_type": "lmt", "quantity": "5.0", "limit_price": "1.00"});
    let again = PlaceIn {
        order: order.into(),
        ..request.clone()
    };
    assert!(rig.gateway.place(again).await.unwrap().replayed);
    let other = PlaceIn {
        request_id: Some("once".to_owned()),
        ..resting(6)
    };
    assert_eq!(
        rig.gateway.place(other.clone()).await.unwrap_err().reason,
        Reason::RequestIdReused
    );

    rig.restart().await;
    // Also before there is a session, and from the store.
    let replayed = rig.gateway.place(request).await.unwrap();
    assert!(replayed.replayed);
    assert_eq!(replayed.order_id, first.order_id);
    assert_eq!(
        rig.gateway.place(other).await.unwrap_err().reason,
        Reason::RequestIdReused
    );
    let orders = rig.gateway.list(ListIn::default()).await.unwrap().orders;
    assert_eq!(orders.len(), 1);
    rig.control()
        .inspect(|view| assert_eq!(view.orders().len(), 1))
        .await
        .unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_dry_run_needs_neither_tws_nor_store() {
    let directory = TempDir::new().unwrap();
    let config = config(1, &directory);
    let out = api::run_place(
        &config,
        PlaceIn {
            dry_run: true,
            ..buy_market(3)
        },
    )
    .await;
    assert!(out.dry_run && !out.submitted);
    assert_eq!(out.error, None);
    assert_eq!(out.order_request.unwrap().quantity, 3.into());
    assert!(out.contract.is_some() && out.order_payload.is_some());
    assert!(!config.order_db_path.exists());
}

#[tokio::test]
async fn nothing_answers_and_every_operation_says_so_in_the_same_words() {
    let directory = TempDir::new().unwrap();
    // A port that was free a moment ago.
    let simulator = Simulator::start(SimulatorConfig::on_free_port())
        .await
        .unwrap();
    let config = config(simulator.address().port(), &directory);
    simulator.shutdown().await;
    let health = api::run_health(&config, HealthIn::default()).await;
    assert_eq!(health.error.as_deref(), Some("could not connect to TWS"));
    assert!(!health.connected);
    let placed = api::run_place(
        &config,
        PlaceIn {
            timeout: 0.3,
            ..buy_market(1)
        },
    )
    .await;
    assert_eq!(placed.error.as_deref(), Some("could not connect to TWS"));
    assert!(!placed.submitted);
    let gateway = Gateway::open(&config).await.unwrap();
    let error = gateway
        .place(PlaceIn {
            timeout: 0.2,
            ..buy_market(1)
        })
        .await
        .unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    assert!(error.retry_after.is_some());
    assert!(
        gateway
            .list(ListIn::default())
            .await
            .unwrap()
            .orders
            .is_empty()
    );
    gateway.close(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_client_id_in_use_is_said() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    let directory = TempDir::new().unwrap();
    let config = config(rig.simulator.address().port(), &directory);
    let health = api::run_health(&config, HealthIn::default()).await;
    assert_eq!(
        health.error.as_deref(),
        Some("could not connect to TWS: client id 7 is in use")
    );
    rig.end().await;
}

#[tokio::test]
async fn an_ended_order_is_watched_without_tws_and_beside_a_gateway() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    let state = rig.place(buy_market(1)).await;
    rig.until(state.order_id, Status::Filled).await;
    let mut seen = 0;
    let out = api::run_watch(&rig.config, WatchIn::new(state.order_id), |_| seen += 1).await;
    assert_eq!(out.error, None);
    assert!(out.terminal);
    assert_eq!(out.status, Some(Status::Filled));
    assert!(seen > 0);
    let out = api::run_watch(&rig.config, WatchIn::new(999), |_| {}).await;
    assert!(out.error.is_some_and(|error| error.contains("999")));
    rig.end().await;
}

#[tokio::test]
async fn one_call_functions_place_and_watch_against_tws() {
    let simulator = Simulator::start(SimulatorConfig::on_free_port())
        .await
        .unwrap();
    let directory = TempDir::new().unwrap();
    let config = config(simulator.address().port(), &directory);
    let placed = api::run_place(&config, resting(1)).await;
    assert!(placed.submitted, "{placed:?}");
    let order_id = placed.order_id.unwrap();
    let control = simulator.control();
    let mut asked = false;
    let out = api::run_watch(&config, WatchIn::new(order_id), |update| {
        if let WatchEvent::SnapshotEnd {} = update.event
            && !std::mem::replace(&mut asked, true)
        {
            let control = control.clone();
            tokio::spawn(async move { control.fill(order_id).await });
        }
    })
    .await;
    assert_eq!(out.status, Some(Status::Filled), "{out:?}");
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_live_account_gets_no_order_unless_it_is_allowed() {
    let simulator = SimulatorConfig {
        accounts: vec!["DU1".to_owned(), "U777".to_owned()],
        ..SimulatorConfig::on_free_port()
    };
    let rig = rig(simulator).await;
    rig.connected().await;
    let error = rig.gateway.place(buy_market(1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::LiveAccount);
    let health = rig.gateway.health(HealthIn::default()).await.unwrap();
    assert_eq!(health.paper, Some(false));
    assert!(health.error.is_some_and(|error| error.contains("U777")));
    rig.control()
        .inspect(|view| assert_eq!(view.orders().len(), 0))
        .await
        .unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_store_of_other_accounts_sends_nothing() {
    let mut rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    rig.gateway.clone().close(Duration::from_secs(5)).await;
    rig.control()
        .set_accounts(vec!["DU999".to_owned()])
        .await
        .unwrap();
    rig.gateway = Gateway::open(&rig.config).await.unwrap();
    rig.connected().await;
    let error = rig.gateway.place(buy_market(1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::StoreMismatch);
    rig.end().await;
}

#[tokio::test]
async fn more_orders_than_can_go_out_in_time_are_refused_before_they_are_stored() {
    let rig = rig_with(SimulatorConfig::on_free_port(), |config| {
        config.ib_max_messages_per_second = 8;
    })
    .await;
    rig.healthy().await;
    let mut calls = Vec::new();
    for _ in 0..30 {
        let gateway = rig.gateway.clone();
        calls.push(tokio::spawn(async move {
            gateway
                .place(PlaceIn {
                    timeout: 1.5,
                    ..resting(1)
                })
                .await
        }));
    }
    let (mut placed, mut refused) = (0, 0);
    for call in calls {
        match call.await.unwrap() {
            Ok(out) => {
                assert!(out.submitted);
                placed += 1;
            }
            Err(error) => {
                assert_eq!(error.reason, Reason::Pacing);
                assert!(error.retry_after.is_some());
                refused += 1;
            }
        }
    }
    assert!(
        placed >= 8 && refused >= 1,
        "{placed} placed, {refused} refused"
    );
    let listed = rig
        .gateway
        .list(ListIn {
            page_size: 100,
            ..ListIn::default()
        })
        .await
        .unwrap();
    assert_eq!(listed.orders.len(), placed);
    rig.end().await;
}

#[tokio::test]
async fn an_order_that_waits_for_its_slot_is_cancelled_without_being_sent() {
    let rig = rig_with(SimulatorConfig::on_free_port(), |config| {
        config.ib_max_messages_per_second = 4;
    })
    .await;
    rig.healthy().await;
    // Two seconds' worth of orders go before it.
    for _ in 0..8 {
        let gateway = rig.gateway.clone();
        tokio::spawn(async move { gateway.place(resting(1)).await });
    }
    while rig
        .gateway
        .list(ListIn::default())
        .await
        .unwrap()
        .orders
        .len()
        < 8
    {
        tokio::task::yield_now().await;
    }
    let gateway = rig.gateway.clone();
    let waiting = tokio::spawn(async move {
        let request = PlaceIn {
            request_id: Some("waits".to_owned()),
            ..resting(1)
        };
        gateway.place(request).await
    });
    let key = OrderKey::RequestId("waits".to_owned());
    let cancelled = loop {
        match rig.gateway.cancel(key.clone(), 5.0).await {
            Ok(state) => break state,
            Err(error) => assert_eq!(error.reason, Reason::OrderNotFound),
        }
    };
    assert_eq!(cancelled.status, Status::Cancelled);
    let placed = waiting.await.unwrap().unwrap().state.unwrap();
    assert_eq!(placed.status, Status::Cancelled);
    let order_id = placed.order_id;
    rig.control()
        .inspect(move |view| assert_eq!(view.place_messages(order_id), 0))
        .await
        .unwrap();
    rig.end().await;
}

#[tokio::test]
async fn a_request_that_is_wrong_in_itself_is_refused_field_by_field() {
    let directory = TempDir::new().unwrap();
    let gateway = Gateway::open(&config(1, &directory)).await.unwrap();
    let wrong = [
        PlaceIn {
            timeout: f64::NAN,
            ..buy_market(1)
        },
        PlaceIn {
            timeout: -1.0,
            ..buy_market(1)
        },
        PlaceIn {
            request_id: Some(String::new()),
            ..buy_market(1)
        },
        PlaceIn {
            request_id: Some("ä".to_owned()),
            ..buy_market(1)
        },
        PlaceIn {
            request_id: Some("x".repeat(129)),
            ..buy_market(1)
        },
    ];
    for input in wrong {
        let error = gateway.place(input).await.unwrap_err();
        assert_eq!(error.reason, Reason::RequestInvalid);
        assert_eq!(error.violations.len(), 1);
    }
    let invalid = gateway
        .place(PlaceIn::new(json!({"quantity": -1})))
        .await
        .unwrap_err();
    assert_eq!(invalid.reason, Reason::OrderInvalid);
    assert!(invalid.violations.len() >= 4, "{invalid:?}");
    assert!(
        !gateway
            .validate(ValidateIn::new(json!({"quantity": -1})))
            .valid
    );
    gateway.close(Duration::from_secs(1)).await;
}
