//! `grpc.health.v1`.

use ibkr_orders::wire::SERVICE;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{LIMIT, Plan, World};

fn ask(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn the_service_is_serving_only_while_tws_is_connected() {
    let world = World::start().await;
    let mut health = HealthClient::new(world.channel().await);
    let mut watch = health.watch(ask(SERVICE)).await.unwrap().into_inner();
    let mut next = async || {
        let update = tokio::time::timeout(LIMIT, watch.message())
            .await
            .expect("no change in time");
        update.unwrap().unwrap().status()
    };
    // The health service is told of the link a moment after it is up.
    if next().await == ServingStatus::NotServing {
        assert_eq!(next().await, ServingStatus::Serving);
    }
    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    assert_eq!(next().await, ServingStatus::NotServing);
    assert_eq!(
        health
            .check(ask(SERVICE))
            .await
            .unwrap()
            .into_inner()
            .status(),
        ServingStatus::NotServing
    );
    assert_eq!(
        health.check(ask("")).await.unwrap().into_inner().status(),
        ServingStatus::Serving
    );
    world.control().refuse_connections(false).await.unwrap();
    assert_eq!(next().await, ServingStatus::Serving);
    world.end().await;
}

#[tokio::test]
async fn a_service_that_is_not_here_is_unknown() {
    let world = World::plan(Plan {
        without_tws: true,
        ..Plan::default()
    })
    .await;
    let mut health = HealthClient::new(world.channel().await);
    assert_eq!(
        health.check(ask("other.Service")).await.unwrap_err().code(),
        Code::NotFound
    );
    let mut watch = health
        .watch(ask("other.Service"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::ServiceUnknown
    );
    drop(watch);
    world.end().await;
}

#[tokio::test]
async fn at_the_shutdown_a_health_watch_says_not_serving_and_ends() {
    let world = World::start().await;
    let mut health = HealthClient::new(world.channel().await);
    let mut watch = health.watch(ask("")).await.unwrap().into_inner();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    world.stop.cancel();
    assert_eq!(
        watch.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    assert!(watch.message().await.unwrap().is_none());
    world.end().await;
}
