//! The caller's deadline comes first.

use std::time::Duration;

use ibkr_orders::wire::pb;
use pb::order_state::Status;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::world::{Plan, World, market, place, refused, resting, seconds};

/// Our answer goes out 50 ms before the deadline; where many programs share a machine, the library's own can come first all the same.
const ATTEMPTS_MAX: u32 = 50;

/// Whether the library answered for us because the deadline had come.
fn is_the_librarys_own(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
        && status.get_error_details().error_info().is_none()
}

#[tokio::test]
async fn the_callers_deadline_comes_before_the_orders_timeout() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    let mut answered = None;
    for _ in 0..ATTEMPTS_MAX {
        let mut request = tonic::Request::new(pb::PlaceRequest {
            timeout: seconds(20),
            ..place(market())
        });
        request.set_timeout(Duration::from_millis(400));
        let answer = stub.place(request).await;
        if !answer.as_ref().is_err_and(is_the_librarys_own) {
            answered = Some(answer);
            break;
        }
    }
    // Our own answer, and not the library's: it came before the deadline.
    let answer = answered.expect("the library's own answer came first every time");
    assert_eq!(refused(answer).reason, "TWS_UNAVAILABLE");
    world.end().await;
}

/// Why a watch ended.
async fn ended(mut watch: tonic::Streaming<pb::WatchResponse>) -> tonic::Status {
    loop {
        match watch.message().await {
            Ok(Some(update)) => drop(update),
            Ok(None) => panic!("the watch of a resting order ended well"),
            Err(status) => return status,
        }
    }
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
    let mut answered = None;
    for _ in 0..ATTEMPTS_MAX {
        let mut request = tonic::Request::new(pb::WatchRequest {
            order: Some(pb::watch_request::Order::OrderId(order_id)),
            ..pb::WatchRequest::default()
        });
        request.set_timeout(Duration::from_millis(500));
        let status = match stub.watch(request).await {
            Ok(watch) => ended(watch.into_inner()).await,
            Err(status) => status,
        };
        if !is_the_librarys_own(&status) {
            answered = Some(status);
            break;
        }
    }
    let status = answered.expect("the library's own answer came first every time");
    assert_eq!(refused::<()>(Err(status)).reason, "MAX_WAIT");
    let state = stub
        .get(pb::GetRequest {
            order: Some(pb::get_request::Order::OrderId(order_id)),
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
