//! Beyond each limit stands a status, and the rest goes on.

use std::time::Duration;

use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{LIMIT, Plan, World, eventually, market, place, refused, resting};

async fn world(change: impl FnOnce(&mut ibkr_orders::grpc::ServerSettings) + 'static) -> World {
    World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(change)),
        ..Plan::default()
    })
    .await
}

fn validate() -> pb::ValidateRequest {
    pb::ValidateRequest {
        order: Some(market()),
        transmit: false,
    }
}

#[tokio::test]
async fn a_request_beyond_the_size_limit_is_refused_and_the_connection_goes_on() {
    let world = world(|settings| settings.request_bytes_max = 10_000).await;
    let mut stub = world.stub().await;
    let order = pb::Order {
        symbol: "x".repeat(20_000),
        ..market()
    };
    let error = refused(
        stub.validate(pb::ValidateRequest {
            order: Some(order),
            transmit: false,
        })
        .await,
    );
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::InvalidArgument, "REQUEST_INVALID")
    );
    assert!(stub.validate(validate()).await.unwrap().into_inner().valid);
    world.end().await;
}

#[tokio::test]
async fn one_watch_too_many_is_told_so() {
    let world = World::plan(Plan {
        config: Some(Box::new(|config| config.bounds.watchers_max = 1)),
        ..Plan::default()
    })
    .await;
    let mut stub = world.stub().await;
    let all = pb::WatchRequest::default();
    let first = stub.watch(all.clone()).await.unwrap();
    let answer = match stub.watch(all.clone()).await {
        Ok(watch) => watch.into_inner().message().await.map(drop),
        Err(status) => Err(status),
    };
    let error = refused(answer);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(error.details.retry_info().is_some());
    drop(first);
    eventually("room for a watch", async || {
        match stub.clone().watch(all.clone()).await {
            Ok(watch) => watch.into_inner().message().await.is_ok(),
            Err(_) => false,
        }
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn one_call_too_many_is_told_so() {
    let world = world(|settings| settings.calls_in_flight_max = 1).await;
    let stub = world.stub().await;
    let mut waiting = stub.clone();
    let waits = tokio::spawn(async move {
        // One of the calls below may have the only place for a moment.
        while waiting
            .place(pb::PlaceRequest {
                timeout: crate::world::seconds(60),
                ..place(market())
            })
            .await
            .is_err()
        {}
    });
    let mut error = None;
    eventually("a refusal", async || {
        let answer = stub.clone().validate(validate()).await;
        let refusal = answer.is_err();
        if refusal {
            error = Some(refused(answer));
        }
        refusal
    })
    .await;
    let error = error.unwrap();
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    waits.abort();
    eventually("room for a call", async || {
        stub.clone().validate(validate()).await.is_ok()
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_closed() {
    let world = world(|settings| settings.connections_max = 1).await;
    let mut first = world.stub().await;
    first.validate(validate()).await.unwrap();
    let mut second = world.stub().await;
    let error = refused(second.validate(validate()).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    let mut probe = HealthClient::new(world.channel().await);
    let alive = probe.check(HealthCheckRequest::default()).await.unwrap();
    assert_eq!(alive.into_inner().status(), ServingStatus::Serving);
    let kept = probe.watch(HealthCheckRequest::default()).await;
    assert_eq!(kept.unwrap_err().code(), Code::ResourceExhausted);
    drop(probe);
    first.validate(validate()).await.unwrap();
    drop(first);
    eventually("room for a connection", async || {
        world.stub().await.validate(validate()).await.is_ok()
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn a_connection_that_never_speaks_is_closed() {
    let world = world(|settings| settings.handshake_timeout = Duration::from_millis(100)).await;
    for said in [&b""[..], b"PRI * HTTP/2.0"] {
        let mut mute = TcpStream::connect(world.address).await.unwrap();
        mute.write_all(said).await.unwrap();
        let mut rest = Vec::new();
        // Closed politely or reset: either way it ends.
        let _ = tokio::time::timeout(LIMIT, mute.read_to_end(&mut rest))
            .await
            .expect("the connection was kept");
    }
    assert!(world.stub().await.validate(validate()).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn what_is_not_http2_ends_its_own_connection_only() {
    let world = world(|_| {}).await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"[..],
        &[0xff; 4_096],
        b"\x16\x03\x01\x02\x00\x01",
    ] {
        let mut peer = TcpStream::connect(world.address).await.unwrap();
        let _ = peer.write_all(garbage).await;
        let _ = peer.shutdown().await;
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(LIMIT, peer.read_to_end(&mut rest))
            .await
            .expect("the connection was kept");
    }
    assert!(world.stub().await.validate(validate()).await.is_ok());
    world.end().await;
}

#[tokio::test]
async fn a_watcher_that_does_not_read_is_ended_with_a_word_and_holds_up_nobody() {
    let world = World::plan(Plan {
        config: Some(Box::new(|config| config.bounds.watcher_lag_events_max = 10)),
        ..Plan::default()
    })
    .await;
    // As little on its way as HTTP/2 allows by default, so that it is the gateway that has to wait.
    let narrow = Endpoint::from_shared(world.url())
        .unwrap()
        .initial_stream_window_size(65_535)
        .initial_connection_window_size(65_535);
    let mut watching = OrderServiceClient::new(narrow.connect().await.unwrap());
    let mut stuck = watching
        .watch(pb::WatchRequest::default())
        .await
        .unwrap()
        .into_inner();
    let stub = world.stub().await;
    let placing: Vec<_> = (0..8)
        .map(|_| {
            let mut stub = stub.clone();
            tokio::spawn(async move {
                for _ in 0..350 {
                    stub.place(place(resting())).await.unwrap();
                }
            })
        })
        .collect();
    for task in placing {
        task.await.unwrap();
    }
    // It gets what was on its way, and then the reason why there is no more.
    let ended = async {
        loop {
            match stuck.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("a watch of all orders ended well"),
                Err(status) => break status,
            }
        }
    };
    let status = tokio::time::timeout(LIMIT, ended)
        .await
        .expect("the watch goes on");
    let error = refused::<()>(Err(status));
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::Unavailable, "LAGGED")
    );
    world.end().await;
}
