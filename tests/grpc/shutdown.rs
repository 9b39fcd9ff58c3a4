//! The end: told, bounded, and resolvable.

use std::time::Duration;

use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::wire::pb;
use tokio::net::TcpStream;
use tonic::Code;

use crate::world::{LIMIT, Plan, World, eventually, market, place, refused, seconds};

/// A grace that a test would see if anything waited for it: longer than it waits for the end.
const NEVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn open_watches_end_with_a_word_that_they_can_resume() {
    let world = World::plan(Plan {
        settings: Some(Box::new(|settings| settings.shutdown_grace = NEVER)),
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    let mut watch = stub
        .watch(pb::WatchRequest::default())
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    world.stop.cancel();
    let status = loop {
        match watch.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended as if all were well"),
            Err(status) => break status,
        }
    };
    let error = refused::<()>(Err(status));
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
    assert!(
        error.message.contains("after_sequence"),
        "{}",
        error.message
    );
    world.end().await;
}

#[tokio::test]
async fn calls_in_flight_finish_and_new_ones_are_refused() {
    let world = World::plan(Plan {
        simulator: Some(SimulatorConfig::explicit()),
        ..Plan::default()
    })
    .await;
    world.control().hold_acknowledgements().await.unwrap();
    let stub = world.stub().await;
    let mut placing = stub.clone();
    let placed = tokio::spawn(async move {
        placing
            .place(pb::PlaceRequest {
                timeout: seconds(1),
                request_id: "in-flight".to_owned(),
                ..place(market())
            })
            .await
    });
    eventually("the order", async || {
        let request = pb::GetRequest {
            order: Some(pb::get_request::Order::PlacedAs("in-flight".to_owned())),
            ..pb::GetRequest::default()
        };
        stub.clone().get(request).await.is_ok()
    })
    .await;
    world.stop.cancel();
    let error = refused(stub.clone().place(place(market())).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "SHUTTING_DOWN")
    );
    assert!(
        error.message.contains("nothing was sent"),
        "{}",
        error.message
    );
    let answer = placed.await.unwrap().unwrap().into_inner();
    assert!(answer.submitted);
    world.end().await;
}

#[tokio::test]
async fn connections_that_never_speak_do_not_hold_it_up() {
    let world = World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(|settings| settings.shutdown_grace = NEVER)),
        ..Plan::default()
    })
    .await;
    let mut mute = Vec::new();
    for _ in 0..20 {
        mute.push(TcpStream::connect(world.address).await.unwrap());
    }
    let idle = world.stub().await;
    idle.clone()
        .health(pb::HealthRequest::default())
        .await
        .unwrap();
    world.end().await;
    drop((mute, idle));
}

#[tokio::test]
async fn a_call_that_does_not_end_is_left_after_the_grace() {
    let world = World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(|settings| {
            settings.shutdown_grace = Duration::from_millis(200)
        })),
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    let waits = tokio::spawn(async move {
        stub.place(pb::PlaceRequest {
            timeout: seconds(3_600),
            ..place(market())
        })
        .await
    });
    eventually("the call", async || {
        world.gateway.stats().calls.in_flight.get() == 1
    })
    .await;
    world.end().await;
    // It got no answer of ours; its caller learns that from its library.
    let answer = tokio::time::timeout(LIMIT, waits).await.unwrap().unwrap();
    assert!(answer.is_err());
}
