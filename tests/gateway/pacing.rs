//! Orders that wait for their slot among the messages TWS takes in a second, and those that would wait too long.

use ibkr_orders::domain::{ListIn, OrderKey, PlaceIn, Status};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::SimulatorConfig;

use crate::support::{resting, rig_with};

#[tokio::test]
async fn more_orders_than_can_go_out_in_time_are_refused_before_they_are_stored() {
    let rig = rig_with(SimulatorConfig::on_free_port(), |config| {
        config.ib_max_messages_per_second = 8;
    })
    .await;
    rig.healthy().await;
    let mut calls = Vec::new();
    for _ in 0..60 {
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
    // Four seconds' worth of orders go before it.
    for _ in 0..16 {
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
        < 16
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
