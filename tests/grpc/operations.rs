//! The operations listener: metrics and probes.

use std::net::SocketAddr;

use ibkr_orders::metrics::{OperationsSettings, serve};
use ibkr_orders::wire::SERVICE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::world::{LIMIT, World, eventually, market, place, refused};

struct Operations {
    address: SocketAddr,
    stopping: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

async fn operations(world: &World) -> Operations {
    operations_within(world, OperationsSettings::default()).await
}

async fn operations_within(world: &World, settings: OperationsSettings) -> Operations {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (gateway, stopping) = (world.gateway.clone(), CancellationToken::new());
    let task = tokio::spawn({
        let stopping = stopping.clone();
        async move { serve(listener, &gateway, settings, stopping).await }
    });
    Operations {
        address,
        stopping,
        task,
    }
}

/// Status line and body of a GET, as a scraper reads them.
async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tokio::time::timeout(LIMIT, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

#[tokio::test]
async fn who_asks_nothing_does_not_keep_a_place() {
    let world = World::start().await;
    let operations = operations_within(
        &world,
        OperationsSettings {
            connections_max: 2,
            header_timeout: std::time::Duration::from_millis(200),
            ..OperationsSettings::default()
        },
    )
    .await;
    let mut silent = TcpStream::connect(operations.address).await.unwrap();
    let mut half_a_preface = TcpStream::connect(operations.address).await.unwrap();
    half_a_preface.write_all(b"PRI * HT").await.unwrap();
    for stream in [&mut silent, &mut half_a_preface] {
        let end = tokio::time::timeout(LIMIT, stream.read(&mut [0; 16])).await;
        assert!(matches!(end, Ok(Ok(0) | Err(_))), "{end:?}");
    }
    assert_eq!(get(operations.address, "/livez").await.0, 200);
    operations.task.abort();
    world.end().await;
}

#[tokio::test]
async fn probes_follow_the_link_and_the_shutdown() {
    let world = World::start().await;
    let operations = operations(&world).await;
    let address = operations.address;
    assert_eq!(get(address, "/livez").await.0, 200);
    assert_eq!(get(address, "/readyz").await.0, 200);
    assert_eq!(get(address, "/orders").await.0, 404);
    let channel = Endpoint::from_shared(format!("http://{address}"))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut health = HealthClient::new(channel);
    let mut asked = async || {
        let request = HealthCheckRequest {
            service: SERVICE.to_owned(),
        };
        health.check(request).await.unwrap().into_inner().status()
    };
    // The probes look at the link, and the health service is told of it: each at its own moment.
    let mut says = async |status| {
        eventually("the health service", async || asked().await == status).await;
    };
    says(ServingStatus::Serving).await;

    world.control().refuse_connections(true).await.unwrap();
    world.control().drop_connections().await.unwrap();
    world.connected(false).await;
    eventually("not ready", async || get(address, "/readyz").await.0 == 503).await;
    says(ServingStatus::NotServing).await;
    assert_eq!(get(address, "/livez").await.0, 200);
    world.control().refuse_connections(false).await.unwrap();
    world.connected(true).await;
    eventually("ready again", async || {
        get(address, "/readyz").await.0 == 200
    })
    .await;

    operations.stopping.cancel();
    eventually("the shutdown", async || {
        get(address, "/readyz").await.1.contains("shutting down")
    })
    .await;
    assert_eq!(get(address, "/livez").await.0, 200);
    operations.task.abort();
    world.end().await;
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let world = World::start().await;
    let operations = operations(&world).await;
    let mut stub = world.stub().await;
    let placed = stub.place(place(market())).await.unwrap().into_inner();
    let mut watch = stub
        .watch(ibkr_orders::wire::pb::WatchRequest {
            order: Some(ibkr_orders::wire::pb::watch_request::Order::OrderId(
                placed.order_id,
            )),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    while watch.message().await.unwrap().is_some() {}
    refused(
        stub.get(ibkr_orders::wire::pb::GetRequest {
            order: Some(ibkr_orders::wire::pb::get_request::Order::OrderId(4_242)),
            ..Default::default()
        })
        .await,
    );

    eventually("the reconcile after the connect", async || {
        world.gateway.stats().reconcile_seconds.read().count == 1
    })
    .await;
    // The end of the watch reaches its caller before it is counted.
    eventually("the end of the watch is counted", async || {
        let page = get(operations.address, "/metrics").await.1;
        page.contains("ibkr_orders_grpc_call_duration_seconds_count{method=\"Watch\"} 1")
            && page.contains("ibkr_orders_watchers 0")
    })
    .await;
    let (status, page) = get(operations.address, "/metrics").await;
    assert_eq!(status, 200);
    let number = |name: &str| -> f64 {
        let line = page
            .lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_else(|| panic!("no {name} in\n{page}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert_eq!(
        number("ibkr_orders_grpc_calls_total{method=\"Place\",code=\"OK\"}"),
        1.0
    );
    assert_eq!(
        number("ibkr_orders_grpc_calls_total{method=\"Get\",code=\"NOT_FOUND\"}"),
        1.0
    );
    assert_eq!(
        number("ibkr_orders_grpc_call_duration_seconds_count{method=\"Watch\"}"),
        1.0
    );
    assert_eq!(number("ibkr_orders_tws_connected "), 1.0);
    assert_eq!(number("ibkr_orders_ib_connected "), 1.0);
    assert_eq!(number("ibkr_orders_store_writable "), 1.0);
    assert_eq!(number("ibkr_orders_tws_sessions_total "), 1.0);
    assert_eq!(
        number("ibkr_orders_status_changes_total{status=\"FILLED\"}"),
        1.0
    );
    assert!(number("ibkr_orders_store_commit_duration_seconds_count ") >= 2.0);
    assert_eq!(number("ibkr_orders_reconcile_duration_seconds_count "), 1.0);
    assert!(number("ibkr_orders_pacing_wait_seconds_count ") >= 1.0);
    assert_eq!(number("ibkr_orders_watchers "), 0.0);
    operations.task.abort();
    world.end().await;
}
