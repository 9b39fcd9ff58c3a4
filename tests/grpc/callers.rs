//! No caller takes the places of all: unfinished requests, calls, watches and connections of one are bounded.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Frame;
use ibkr_orders::grpc::ServerSettings;
use ibkr_orders::stats::Limit;
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tower::{Service as _, ServiceExt as _};

use crate::world::{LIMIT, Plan, Stub, World, eventually, market, place, refused, seconds};

/// Another machine, as far as a gateway on loopback can tell.
const ELSEWHERE: [u8; 4] = [127, 0, 0, 2];

async fn world(change: impl FnOnce(&mut ServerSettings) + 'static) -> World {
    World::plan(Plan {
        without_tws: true,
        settings: Some(Box::new(change)),
        ..Plan::default()
    })
    .await
}

async fn channel_from(world: &World, address: impl Into<IpAddr>) -> Channel {
    let endpoint = Endpoint::from_shared(world.url()).unwrap();
    let endpoint = endpoint.local_address(Some(address.into()));
    endpoint.connect().await.unwrap()
}

async fn stub_from(world: &World, address: impl Into<IpAddr>) -> Stub {
    OrderServiceClient::new(channel_from(world, address).await)
}

fn validate() -> pb::ValidateRequest {
    pb::ValidateRequest {
        order: Some(market()),
        transmit: false,
    }
}

/// A request body that begins and never ends.
struct Endless(Option<Bytes>);

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.0.take() {
            Some(begin) => Poll::Ready(Some(Ok(Frame::data(begin)))),
            None => Poll::Pending,
        }
    }
}

/// Calls Validate with a request that begins with so many bytes and never ends.
async fn unfinished(mut channel: Channel, bytes: usize) -> Result<(), Status> {
    let mut begin = vec![0_u8; bytes];
    // An uncompressed message of 1,000,000 bytes.
    begin[..5].copy_from_slice(&[0, 0, 0x0f, 0x42, 0x40]);
    let request = http::Request::post("/ibkr.orders.v1.OrderService/Validate")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(Endless(Some(begin.into()))))
        .unwrap();
    let answered = channel.ready().await.unwrap().call(request).await;
    let answered = answered.map_err(|error| Status::unknown(error.to_string()))?;
    match Status::from_header_map(answered.headers()) {
        Some(status) => Err(status),
        None => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_never_end_take_no_place_of_others() {
    const CONNECTIONS: usize = 16;
    const REQUESTS: usize = 1_024;
    let world = world(|settings| {
        settings.calls_in_flight_max = 1;
        // Longer than anything here may take, also on a machine that is slow.
        settings.request_body_timeout = 10 * LIMIT;
    })
    .await;
    let mut endless = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let channel = world.channel().await;
        for _ in 0..REQUESTS {
            endless.spawn(unfinished(channel.clone(), 100));
        }
    }
    let in_flight = || world.gateway.stats().calls.in_flight.get();
    eventually("all of them are there", async || {
        in_flight() == (CONNECTIONS * REQUESTS) as i64
    })
    .await;
    // From the same address, and with room for one call at a time.
    let mut stub = world.stub().await;
    for _ in 0..10 {
        assert!(stub.validate(validate()).await.unwrap().into_inner().valid);
    }
    // And they do not keep a shutdown waiting.
    drop(stub);
    let began = std::time::Instant::now();
    world.end().await;
    assert!(began.elapsed() < LIMIT);
}

#[tokio::test]
async fn a_request_that_does_not_end_in_time_is_refused() {
    let world = world(|settings| settings.request_body_timeout = Duration::from_millis(100)).await;
    let channel = world.channel().await;
    let error = refused(unfinished(channel.clone(), 100).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::InvalidArgument, "REQUEST_INVALID")
    );
    assert!(
        error.message.contains("did not end within 0.1 s"),
        "{}",
        error.message
    );
    let stats = world.gateway.stats();
    assert_eq!(stats.calls.limited(Limit::BodyTime).get(), 1);
    // The connection goes on.
    let mut stub = OrderServiceClient::new(channel);
    stub.validate(validate()).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn of_too_many_unfinished_requests_the_oldest_gives_way() {
    for (bytes, change) in [
        (
            100,
            (|settings: &mut ServerSettings| settings.unfinished_requests_max = 3)
                as fn(&mut ServerSettings),
        ),
        (3_000, |settings| {
            settings.unfinished_request_bytes_max = 10_000;
        }),
    ] {
        let world = world(change).await;
        let channel = world.channel().await;
        let mut calls = JoinSet::new();
        for n in 1..=4 {
            let channel = channel.clone();
            calls.spawn(async move { (n, unfinished(channel, bytes).await) });
            let there = async || world.gateway.stats().calls.in_flight.get() >= n.min(3);
            eventually("it is there", there).await;
        }
        let ended = tokio::time::timeout(LIMIT, calls.join_next()).await;
        let (first, answer) = ended.expect("none gave way").unwrap().unwrap();
        assert_eq!(first, 1);
        let error = refused(answer);
        assert_eq!(
            (error.code, error.reason.as_str()),
            (Code::ResourceExhausted, "OVERLOADED")
        );
        assert!(error.details.retry_info().is_some());
        let stats = world.gateway.stats();
        assert_eq!(stats.calls.limited(Limit::UnfinishedBodies).get(), 1);
        drop(calls);
        world.end().await;
    }
}

/// Holds a call by waiting for a TWS that is not there.
fn waits(stub: &Stub) -> tokio::task::JoinHandle<()> {
    let mut stub = stub.clone();
    tokio::spawn(async move {
        let request = pb::PlaceRequest {
            timeout: seconds(60),
            ..place(market())
        };
        // One of the calls of the test may have the only place for a moment.
        while stub.place(request.clone()).await.is_err() {}
    })
}

async fn is_refused_at_its_limit(stub: &Stub, setting: &str) {
    let mut told = None;
    eventually("a refusal", async || {
        let answer = stub.clone().validate(validate()).await;
        let refusal = answer.is_err();
        if refusal {
            told = Some(refused(answer));
        }
        refusal
    })
    .await;
    let told = told.unwrap();
    assert_eq!(
        (told.code, told.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(told.message.contains(setting), "{}", told.message);
}

#[tokio::test]
async fn calls_of_one_address_take_no_place_of_another() {
    let world = world(|settings| settings.calls_per_caller_max = 1).await;
    let stub = world.stub().await;
    let waiting = waits(&stub);
    // On whatever connection.
    is_refused_at_its_limit(&world.stub().await, "MAX_CALLS_PER_CALLER").await;
    let mut other = stub_from(&world, ELSEWHERE).await;
    other.validate(validate()).await.unwrap();
    waiting.abort();
    eventually("room again", async || {
        stub.clone().validate(validate()).await.is_ok()
    })
    .await;
    world.end().await;
}

#[tokio::test]
async fn calls_of_one_token_take_no_place_of_another() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    std::fs::write(
        &tokens,
        "the-first-of-the-tokens\nthe-second-of-the-tokens\n",
    )
    .unwrap();
    let world = world(move |settings| {
        settings.calls_per_caller_max = 1;
        settings.token_file = Some(tokens);
    })
    .await;
    let with = |token: &'static str| {
        let mut request = tonic::Request::new(validate());
        let header = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", header);
        request
    };
    let mut first = world.stub().await;
    let mut waiting = first.clone();
    let holds = tokio::spawn(async move {
        loop {
            let mut request = tonic::Request::new(pb::PlaceRequest {
                timeout: seconds(60),
                ..place(market())
            });
            let header = "Bearer the-first-of-the-tokens".parse().unwrap();
            request.metadata_mut().insert("authorization", header);
            let _ = waiting.place(request).await;
        }
    });
    eventually("a refusal", async || {
        let answer = first.validate(with("the-first-of-the-tokens")).await;
        answer.is_err_and(|status| status.code() == Code::ResourceExhausted)
    })
    .await;
    // The other token has places of its own, from the same address and on the same connection.
    first
        .validate(with("the-second-of-the-tokens"))
        .await
        .unwrap();
    holds.abort();
    world.end().await;
}

#[tokio::test]
async fn watches_of_one_address_take_no_place_of_another() {
    let world = world(|settings| settings.watches_per_caller_max = 2).await;
    let mut stub = world.stub().await;
    let all = pb::WatchRequest::default();
    let first = stub.watch(all.clone()).await.unwrap();
    let _second = stub.watch(all.clone()).await.unwrap();
    let error = refused(stub.watch(all.clone()).await.map(drop));
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    assert!(
        error.message.contains("MAX_WATCHES_PER_CALLER"),
        "{}",
        error.message
    );
    let stats = world.gateway.stats();
    assert_eq!(stats.calls.limited(Limit::CallerWatches).get(), 1);
    // Calls are counted apart.
    stub.validate(validate()).await.unwrap();
    let mut other = stub_from(&world, ELSEWHERE).await;
    other.watch(all.clone()).await.unwrap();
    drop(first);
    eventually("room again", async || stub.watch(all.clone()).await.is_ok()).await;
    world.end().await;
}

#[tokio::test]
async fn connections_of_one_address_take_no_place_of_another() {
    let world = world(|settings| settings.connections_per_caller_max = 1).await;
    let mut first = world.stub().await;
    first.validate(validate()).await.unwrap();
    let error = refused(world.stub().await.validate(validate()).await);
    assert_eq!(
        (error.code, error.reason.as_str()),
        (Code::ResourceExhausted, "OVERLOADED")
    );
    let stats = world.gateway.stats();
    assert_eq!(stats.calls.limited(Limit::CallerConnections).get(), 1);
    let mut other = stub_from(&world, ELSEWHERE).await;
    other.validate(validate()).await.unwrap();
    drop(first);
    eventually("room again", async || {
        world.stub().await.validate(validate()).await.is_ok()
    })
    .await;
    world.end().await;
}
