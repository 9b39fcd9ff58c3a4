//! The caller's deadline comes first.

use std::time::Duration;

use ibkr_orders::wire::pb;
use pb::order_state::Status;

use crate::world::{Plan, World, market, place, refused, resting, seconds};

#[tokio::test]
async fn the_callers_deadline_comes_before_the_orders_timeout() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let mut request = tonic::Request::new(pb::PlaceRequest {
        timeout: seconds(20),
        ..place(market())
    });
    request.set_timeout(Duration::from_millis(400));
    let started = std::time::Instant::now();
    // Our own answer, and not the library's: it came before the deadline.
    let error = refused(world.stub().await.place(request).await);
    assert_eq!(error.reason, "TWS_UNAVAILABLE");
    assert!(
        started.elapsed() < Duration::from_millis(400),
        "{:?}",
        started.elapsed()
    );
    world.end().await;
}

#[tokio::test]
async fn a_watch_ends_with_a_word_before_the_callers_deadline() {
    let world = World::start().await;
    let mut stub = world.stub().await;
    let order_id = stub
        .place(place(resting()))
        .await
        .unwrap()
        .into_inner()
        .order_id;
    let mut request = tonic::Request::new(pb::WatchRequest {
        order_id,
        ..pb::WatchRequest::default()
    });
    request.set_timeout(Duration::from_millis(500));
    let mut watch = stub.watch(request).await.unwrap().into_inner();
    let status = loop {
        match watch.message().await {
            Ok(Some(update)) => drop(update),
            Ok(None) => panic!("the watch of a resting order ended well"),
            Err(status) => break status,
        }
    };
    assert_eq!(refused::<()>(Err(status)).reason, "MAX_WAIT");
    let state = stub
        .get(pb::GetRequest {
            order_id,
            ..pb::GetRequest::default()
        })
        .await
        .unwrap()
        .into_inner()
        .order
        .unwrap();
    assert!(matches!(
        state.status(),
        Status::Submitted | Status::PreSubmitted
    ));
    world.end().await;
}
