//! Orders placed, watched, transmitted, cancelled and asked for again, and those that are refused.

use std::time::Duration;

use ibkr_orders::domain::{HealthIn, ListIn, OrderKey, PlaceIn, Status, ValidateIn};
use ibkr_orders::error::Reason;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::simulator::SimulatorConfig;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{buy_market, config, resting, rig, states};

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
