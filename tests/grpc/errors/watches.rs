//! Watches that may not last, or begin nowhere.

use ibkr_orders::wire::pb;
use tonic::Code;

use crate::world::{World, millis, place, refused, resting};

#[tokio::test]
async fn a_watch_that_may_not_last_says_so_at_its_end() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let order_id = stub
        .place(place(resting()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let request = pb::WatchRequest {
        order: Some(pb::watch_request::Order::OrderId(order_id)),
        max_wait: millis(200),
        ..pb::WatchRequest::default()
    };
    let mut watch = stub.watch(request).await.unwrap().into_inner();
    let error = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch of a resting order ended well"),
            Err(status) => break refused::<()>(Err(status)),
        }
    };
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::DeadlineExceeded, "MAX_WAIT")
    );
    world.end().await;
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    for after_sequence in [1, u64::MAX] {
        let request = pb::WatchRequest {
            after_sequence,
            ..pb::WatchRequest::default()
        };
        let answer = match stub.watch(request).await {
            Ok(watch) => watch.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        };
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::OutOfRange, "SEQUENCE"),
            "{after_sequence}"
        );
    }
    world.end().await;
}
