//! The log it leaves.

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::HealthIn;
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;

use crate::process::{Served, dir};

#[tokio::test]
async fn each_call_leaves_one_line_with_its_trace_and_its_order_and_no_secret() {
    let dir = dir();
    std::fs::write(dir.path().join("tokens"), "hush-hush\n").unwrap();
    let mut served = Served::start(
        &dir,
        &["--log-format", "json", "--auth-token-file", "tokens"],
    )
    .await;
    let options = ClientOptions {
        token: Some(Token::new("hush-hush").unwrap()),
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
    let placed = stub.place(place("hush-hush")).await.unwrap().into_inner();
    stub.place(place("hush-hush-not")).await.unwrap_err();

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
