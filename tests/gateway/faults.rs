//! Links that break, reports that go missing, processes that end.

use ibkr_orders::domain::{LinkState, OrderKey, PlaceIn, Status, WatchEvent, WatchIn, WatchUpdate};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::{Fault, SimulatorConfig};

use test_support::link;

use crate::support::{LIMIT, buy_market, resting, rig};

#[tokio::test]
async fn an_order_that_filled_while_the_gateway_was_down_is_found_filled() {
    let mut rig = rig(SimulatorConfig::explicit()).await;
    let state = rig.place(resting(10)).await;
    rig.gateway.clone().close(LIMIT).await;
    rig.control().fill(state.order_id).await.unwrap();
    rig.gateway = ibkr_orders::gateway::Gateway::open(&rig.config)
        .await
        .unwrap();
    let filled = rig.until(state.order_id, Status::Filled).await;
    assert_eq!(filled.filled, 10.into());
    rig.end().await;
}

#[tokio::test]
async fn an_order_tws_took_before_the_link_died_is_adopted() {
    let rig = rig(SimulatorConfig::explicit()).await;
    rig.healthy().await;
    rig.control().hold_acknowledgements().await.unwrap();
    let state = rig
        .place(PlaceIn {
            timeout: 0.2,
            ..resting(10)
        })
        .await;
    assert_eq!(state.status, Status::Submitting);
    let order_id = state.order_id;
    rig.control()
        .wait_until(move |view| view.place_messages(order_id) == 1)
        .await
        .unwrap();
    rig.control().drop_connections().await.unwrap();
    rig.control().release_acknowledgements().await.unwrap();
    let adopted = rig.until(state.order_id, Status::Submitted).await;
    assert!(adopted.perm_id.is_some());
    rig.control()
        .inspect(move |view| assert_eq!(view.place_messages(order_id), 1))
        .await
        .unwrap();
    rig.end().await;
}

#[tokio::test]
async fn an_order_that_never_reached_tws_is_unconfirmed_and_not_sent_again() {
    let rig = rig(SimulatorConfig::explicit()).await;
    rig.healthy().await;
    rig.control()
        .set_fault(Fault::DropBeforeOrder(1))
        .await
        .unwrap();
    let state = rig
        .place(PlaceIn {
            timeout: 0.5,
            ..resting(10)
        })
        .await;
    let lost = rig.until(state.order_id, Status::Unconfirmed).await;
    assert!(!lost.terminal);
    let order_id = state.order_id;
    rig.control()
        .inspect(move |view| assert!(view.place_messages(order_id) <= 1))
        .await
        .unwrap();
    // Its cancel is answered by TWS not knowing it, and that settles it.
    let cancelled = rig
        .gateway
        .cancel(OrderKey::OrderId(order_id), 10.0)
        .await
        .unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    assert_eq!(cancelled.last_error_code, Some(10147));
    rig.end().await;
}

#[tokio::test]
async fn a_broken_link_shows_in_the_watch() {
    let rig = rig(SimulatorConfig::explicit()).await;
    let state = rig.place(resting(10)).await;
    let mut watch = rig
        .gateway
        .watch(WatchIn::new(state.order_id))
        .await
        .unwrap();
    rig.control().drop_connections().await.unwrap();
    let mut links = Vec::new();
    let seen = async {
        while links.len() < 3 {
            let update = watch.next().await.unwrap().unwrap();
            if let WatchEvent::Link(change) = WatchUpdate::from(update).event {
                links.push(change.state);
                // The end of the first reconcile may still come before.
                if change.state == LinkState::Lost {
                    links = vec![LinkState::Lost];
                }
            }
        }
        links
    };
    let links = tokio::time::timeout(LIMIT, seen).await.unwrap();
    assert_eq!(
        links,
        [LinkState::Lost, LinkState::Restored, LinkState::Reconciled]
    );
    rig.end().await;
}

#[tokio::test]
async fn while_tws_has_lost_ib_orders_are_refused_and_cancels_go() {
    let rig = rig(SimulatorConfig::explicit()).await;
    let rests = rig.place(resting(10)).await;
    rig.control().lose_ib().await.unwrap();
    let mut link = rig.gateway.link();
    tokio::time::timeout(LIMIT, link.wait_for(|link| !link.ib_connected))
        .await
        .unwrap()
        .unwrap();
    let error = rig.gateway.place(buy_market(1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::IbUnavailable);
    let order_id = rests.order_id;
    let cancel = rig
        .gateway
        .cancel(OrderKey::OrderId(order_id), 0.5)
        .await
        .unwrap();
    assert!(cancel.cancel_requested);
    rig.control().restore_ib(true).await.unwrap();
    tokio::time::timeout(LIMIT, link.wait_for(|link| link.ib_connected))
        .await
        .unwrap()
        .unwrap();
    rig.until(order_id, Status::Cancelled).await;
    rig.end().await;
}

#[tokio::test]
async fn order_ids_are_used_once_though_tws_rolls_its_counter_back() {
    let rig = rig(SimulatorConfig::explicit()).await;
    let first = rig.place(resting(1)).await;
    let restart = ibkr_orders::simulator::Restart {
        roll_back_ids: 5,
        ..ibkr_orders::simulator::Restart::default()
    };
    let sessions = link::sessions(&rig.gateway);
    rig.control().restart(restart).await.unwrap();
    link::session_after(&rig.gateway, sessions).await;
    let second = rig.place(resting(1)).await;
    assert!(second.order_id > first.order_id);
    rig.end().await;
}
