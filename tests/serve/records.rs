//! The log it leaves.

use std::time::Instant;

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::{Action, Amount, HealthIn, OrderRequest, PlaceIn, Status};
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::process::{LIMIT, Served, dir};

#[tokio::test]
async fn each_call_leaves_one_line_with_its_trace_and_its_order_and_no_secret() {
    let dir = dir();
    std::fs::write(dir.path().join("tokens"), "hush-hush-hush-hush\n").unwrap();
    let mut served = Served::start(
        &dir,
        &["--log-format", "json", "--auth-token-file", "tokens"],
    )
    .await;
    let options = ClientOptions {
        token: Some(Token::new("hush-hush-hush-hush").unwrap()),
        ..ClientOptions::default()
    };
    let client = Client::connect(served.url(), options).await.unwrap();
    client.health(HealthIn::default()).await.unwrap();

    let mut stub = OrderServiceClient::connect(served.url()).await.unwrap();
    let order = pb::Order {
        action: pb::order::Action::Buy.into(),
        symbol: "AAPL".to_owned(),
        order_type: pb::order::OrderType::Mkt.into(),
        quantity: "1".to_owned(),
        ..pb::Order::default()
    };
    let place = |token: &str| {
        let message = pb::PlaceRequest {
            order: Some(order.clone()),
            request_id: "traced".to_owned(),
            ..pb::PlaceRequest::default()
        };
        let mut request = tonic::Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("authorization", format!("Bearer {token}").parse().unwrap());
        metadata.insert(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
                .parse()
                .unwrap(),
        );
        request
    };
    let placed = stub
        .place(place("hush-hush-hush-hush"))
        .await
        .unwrap()
        .into_inner();
    stub.place(place("hush-hush-hush-hush-not"))
        .await
        .unwrap_err();

    let refused = served.line("UNAUTHENTICATED").await;
    let line = served
        .said
        .iter()
        .find(|line| line.contains("\"Place\"") && line.contains("\"OK\""))
        .expect("no line of the Place");
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(line["code"], "OK");
    assert!(line["ms"].is_number(), "{line}");
    let span = &line["span"];
    assert_eq!(span["method"], "Place");
    assert_eq!(span["trace_id"], "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span["request_id"], "traced");
    assert_eq!(span["order_id"], placed.order_id);
    assert!(
        refused.contains("0af7651916cd43dd8448eb211c80319c"),
        "{refused}"
    );

    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0));
    assert!(!said.contains("hush"), "a token is in the log");
}

/// What the operations listener says under a metric's name.
async fn metric(address: &str, name: &str) -> f64 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    let line = page.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_stderr_that_nobody_reads_stops_nothing() {
    const DROPPED: &str = "ibkr_orders_log_lines_dropped_total ";
    let dir = dir();
    let options = ["--metrics-listen", "127.0.0.1:0"];
    // Everything that can be said, so that the pipe is full soon.
    let mut served = Served::start_with(&dir, &options, &[("RUST_LOG", "trace")]).await;
    let line = served.line("metrics and probes on ").await;
    let operations = line.trim_start_matches("metrics and probes on ").to_owned();
    let client = served.client().await;
    let mut orders = 0;
    let mut until_lines_are_dropped = async |before: f64| {
        let begun = Instant::now();
        while metric(&operations, DROPPED).await <= before {
            assert!(begun.elapsed() < LIMIT, "nothing was dropped");
            for _ in 0..10 {
                orders += 1;
                let order = PlaceIn {
                    request_id: Some(format!("stalled-{orders}")),
                    ..PlaceIn::new(OrderRequest::market(Action::Buy, "AAPL", Amount::from(1)))
                };
                let placed = tokio::time::timeout(LIMIT, client.place(order)).await;
                let placed = placed.expect("an answer although nobody reads the log");
                assert_eq!(placed.unwrap().state.unwrap().status, Status::Staged);
            }
        }
    };
    until_lines_are_dropped(0.0).await;
    // Somebody reads again: what is missing is said, and then the log goes on.
    let said = served.line("log lines were dropped").await;
    assert!(said.contains(" WARN "), "{said}");
    client.health(HealthIn::default()).await.unwrap();
    served.line("\"Health\"").await;

    let before = metric(&operations, DROPPED).await;
    until_lines_are_dropped(before).await;
    served.signal("-TERM");
    let status = tokio::time::timeout(LIMIT, served.child.wait()).await;
    let status = status.expect("the shutdown waits for nobody to read the log");
    assert_eq!(status.unwrap().code(), Some(0));
}
