//! Orders that are not there, or not in a state for what is asked.

use ibkr_orders::wire::pb;
use tonic::Code;

use crate::world::{World, market, millis, place, refused};

#[tokio::test]
async fn an_unknown_order_is_not_found() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let answers = [
        stub.get(pb::GetRequest {
            order: Some(pb::get_request::Order::OrderId(4_242)),
            ..pb::GetRequest::default()
        })
        .await
        .map(drop),
        stub.get(pb::GetRequest {
            order: Some(pb::get_request::Order::PlacedAs("never".to_owned())),
            ..pb::GetRequest::default()
        })
        .await
        .map(drop),
        stub.transmit(pb::TransmitRequest {
            order: Some(pb::transmit_request::Order::OrderId(4_242)),
            ..pb::TransmitRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order: Some(pb::cancel_request::Order::OrderId(4_242)),
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
        stub.watch(pb::WatchRequest {
            order: Some(pb::watch_request::Order::PlacedAs("never".to_owned())),
            ..pb::WatchRequest::default()
        })
        .await
        .map(drop),
        stub.watch(pb::WatchRequest {
            order: Some(pb::watch_request::Order::OrderId(4_242)),
            timeout: millis(200),
            ..pb::WatchRequest::default()
        })
        .await
        .map(drop),
    ];
    for answer in answers {
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::NotFound, "ORDER_NOT_FOUND")
        );
    }
    world.end().await;
}

#[tokio::test]
async fn an_order_that_ended_can_be_neither_released_nor_cancelled() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let rejected = stub
        .place(place(pb::Order {
            symbol: "NOSUCHTHING".to_owned(),
            ..market()
        }))
        .await
        .unwrap()
        .into_inner();
    let filled = stub
        .place(place(market()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let mut watch = stub
        .watch(pb::WatchRequest {
            order: Some(pb::watch_request::Order::OrderId(filled)),
            ..pb::WatchRequest::default()
        })
        .await
        .unwrap()
        .into_inner();
    while watch.message().await.unwrap().is_some() {}
    for answer in [
        stub.transmit(pb::TransmitRequest {
            order: Some(pb::transmit_request::Order::OrderId(rejected.order_id)),
            ..pb::TransmitRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order: Some(pb::cancel_request::Order::OrderId(rejected.order_id)),
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
        stub.cancel(pb::CancelRequest {
            order: Some(pb::cancel_request::Order::OrderId(filled)),
            ..pb::CancelRequest::default()
        })
        .await
        .map(drop),
    ] {
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::FailedPrecondition, "ORDER_STATE")
        );
        assert_eq!(
            error.details.precondition_failure().unwrap().violations[0].r#type,
            "ORDER_STATE"
        );
    }
    world.end().await;
}
