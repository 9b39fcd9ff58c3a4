//! The built program as an operator runs it: `serve --simulate` as a process, signals, exit codes, log lines.

#![allow(clippy::unwrap_used)]

use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ibkr_orders::client::{Client, ClientOptions, Token};
use ibkr_orders::domain::{
    Action, Amount, HealthIn, OrderRequest, PlaceIn, Status, WatchEvent, WatchIn,
};
use ibkr_orders::error::Reason;
use ibkr_orders::wire::pb;
use ibkr_orders::wire::pb::order_service_client::OrderServiceClient;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

/// Longest anything here may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A running `ibkr-orders serve`.
struct Served {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    said: Vec<String>,
    address: String,
}

fn command(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ibkr-orders"));
    command
        .args(args)
        .current_dir(dir.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Served {
    /// Starts it on a free port and waits until it listens.
    async fn start(dir: &TempDir, args: &[&str]) -> Self {
        Self::start_with(dir, args, &[]).await
    }

    /// The same with something in its environment.
    async fn start_with(dir: &TempDir, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut all = vec!["serve", "--simulate", "--grpc-listen", "127.0.0.1:0"];
        all.extend(args);
        let mut child = command(dir, &all)
            .envs(environment.iter().copied())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut served = Self {
            child,
            lines,
            said: Vec::new(),
            address: String::new(),
        };
        let line = served.line("listening on ").await;
        served.address = line.trim_start_matches("listening on ").to_owned();
        served
    }

    /// Reads what it says until a line has `part`.
    async fn line(&mut self, part: &str) -> String {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line.clone());
                if line.contains(part) {
                    return line;
                }
            }
            panic!("it ended without {part:?}: {:?}", self.said);
        };
        match tokio::time::timeout(LIMIT, reading).await {
            Ok(line) => line,
            Err(_) => panic!("it did not say {part:?} in time"),
        }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn client(&self) -> Client {
        Client::connect(self.url(), ClientOptions::default())
            .await
            .unwrap()
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its exit code, and everything it said.
    async fn end(mut self) -> (Option<i32>, String) {
        let ended = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line);
            }
            self.child.wait().await.unwrap().code()
        };
        let code = tokio::time::timeout(LIMIT, ended)
            .await
            .expect("it did not end in time");
        (code, self.said.join("\n"))
    }
}

/// Runs a command that does not serve, and says how it ended.
async fn run(dir: &TempDir, args: &[&str]) -> (Option<i32>, String) {
    let output = tokio::time::timeout(LIMIT, command(dir, args).output())
        .await
        .expect("it did not end in time")
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn market() -> PlaceIn {
    PlaceIn {
        transmit: true,
        ..PlaceIn::new(OrderRequest::market(Action::Buy, "AAPL", Amount::from(1)))
    }
}

#[tokio::test]
async fn one_command_serves_an_order_to_its_fill_and_ends_well() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let client = served.client().await;
    assert!(
        client
            .health(HealthIn::default())
            .await
            .unwrap()
            .paper
            .unwrap()
    );
    let placed = client.place(market()).await.unwrap();
    let mut watch = client
        .watch(WatchIn::new(placed.order_id.unwrap()))
        .await
        .unwrap();
    let mut status = None;
    while let Some(update) = watch.next().await {
        if let WatchEvent::Order(state) = update.unwrap().event {
            status = Some(state.status);
        }
    }
    assert_eq!(status, Some(Status::Filled));
    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(dir.path().join("data/simulator.db").exists());
}

#[tokio::test]
async fn sigterm_ends_it_within_the_grace_with_open_watches_and_mute_connections() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let client = served.client().await;
    let mut watch = client.watch(WatchIn::new(0)).await.unwrap();
    watch.next().await.unwrap().unwrap();
    let mute = TcpStream::connect(&served.address).unwrap();
    let began = Instant::now();
    served.signal("-TERM");
    let error = loop {
        match watch.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.reason, Reason::ShuttingDown);
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "{:?}",
        began.elapsed()
    );
    drop(mute);
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_with_its_reason_before_anything_is_opened() {
    let dir = dir();
    std::fs::write(dir.path().join("empty"), "").unwrap();
    for (args, code, says) in [
        (&["--grpc-listen", "0.0.0.0:0"][..], 64, "--insecure"),
        (
            &["--grpc-listen", "127.0.0.1:0", "--auth-token-file", "empty"],
            64,
            "has no token",
        ),
        (
            &[
                "--grpc-listen",
                "127.0.0.1:0",
                "--auth-token-file",
                "missing",
            ],
            64,
            "missing",
        ),
        (
            &[
                "--grpc-listen",
                "127.0.0.1:0",
                "--tls-cert",
                "empty",
                "--tls-key",
                "empty",
            ],
            64,
            "TLS",
        ),
        (
            &["--grpc-listen", "127.0.0.1:0", "--tls-cert", "empty"],
            64,
            "TLS_KEY",
        ),
        (&["--grpc-listen", "nonsense"], 64, "GRPC_LISTEN"),
    ] {
        let mut all = vec!["serve", "--simulate"];
        all.extend(args);
        let (ended, said) = run(&dir, &all).await;
        assert_eq!(ended, Some(code), "{args:?}: {said}");
        assert!(
            said.contains(says) && !said.contains("listening on"),
            "{args:?}: {said}"
        );
    }
    assert!(!dir.path().join("data").exists(), "something was opened");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = run(&dir(), &["serve", "--simulate", "--grpc-listen", &address]).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&address) && said.contains("GRPC_LISTEN"),
        "{said}"
    );
}

#[tokio::test]
async fn a_second_gateway_on_the_store_is_kept_out() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let (code, said) = run(
        &dir,
        &["serve", "--simulate", "--grpc-listen", "127.0.0.1:0"],
    )
    .await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&served.child.id().unwrap().to_string()),
        "the holder is not named: {said}"
    );
    served.signal("-INT");
    assert_eq!(served.end().await.0, Some(0));
}

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

/// A collector that takes what is exported and keeps the bytes.
async fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    use http_body_util::{BodyExt as _, Full};
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    assert!(request.uri().path().ends_with("TraceService/Export"));
                    let body = request.into_body().collect().await?.to_bytes();
                    kept.lock().unwrap().extend_from_slice(&body);
                    // An empty message.
                    let trailers = http::HeaderMap::from_iter([(
                        http::HeaderName::from_static("grpc-status"),
                        http::HeaderValue::from_static("0"),
                    )]);
                    let body = Full::new(bytes::Bytes::from_static(&[0; 5]))
                        .with_trailers(async move { Some(Ok(trailers)) });
                    let mut response = hyper::Response::new(body);
                    response.headers_mut().insert(
                        "content-type",
                        http::HeaderValue::from_static("application/grpc"),
                    );
                    Ok::<_, hyper::Error>(response)
                }
            });
            tokio::spawn(
                hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    });
    (url, received)
}

#[tokio::test]
async fn calls_are_exported_as_parts_of_their_callers_trace() {
    let dir = dir();
    let (url, received) = collector().await;
    let served = Served::start_with(&dir, &[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", &url)]).await;
    let mut stub = OrderServiceClient::connect(served.url()).await.unwrap();
    let mut request = tonic::Request::new(pb::HealthRequest::default());
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request
        .metadata_mut()
        .insert("traceparent", parent.parse().unwrap());
    stub.health(request).await.unwrap();
    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    let received = received.lock().unwrap();
    let has = |part: &[u8]| received.windows(part.len()).any(|window| window == part);
    assert!(
        has(&0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c_u128.to_be_bytes()),
        "not in the caller's trace"
    );
    assert!(
        has(&0xb7ad_6b71_6920_3331_u64.to_be_bytes()),
        "not below the caller's span"
    );
    assert!(has(b"ibkr.orders.v1.OrderService/Health"));
    assert!(has(b"ibkr-orders"));
}

#[tokio::test]
async fn sighup_reads_the_tokens_again() {
    let dir = dir();
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, "old\n").unwrap();
    let mut served = Served::start(&dir, &["--auth-token-file", "tokens"]).await;
    std::fs::write(&tokens, "new\n").unwrap();
    served.signal("-HUP");
    served.line("the token file was read again").await;
    let with = |token: &str| ClientOptions {
        token: Some(Token::new(token).unwrap()),
        ..ClientOptions::default()
    };
    let new = Client::connect(served.url(), with("new")).await.unwrap();
    new.health(HealthIn::default()).await.unwrap();
    let old = Client::connect(served.url(), with("old")).await.unwrap();
    assert_eq!(
        old.health(HealthIn::default()).await.unwrap_err().reason,
        Reason::Unauthenticated
    );
    served.signal("-TERM");
    assert_eq!(served.end().await.0, Some(0));
}

#[tokio::test]
async fn an_order_survives_a_kill_of_gateway_and_simulator() {
    let dir = dir();
    let served = Served::start(&dir, &[]).await;
    let order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(1), Amount::from(1));
    let placed = served
        .client()
        .await
        .place(PlaceIn {
            transmit: true,
            ..PlaceIn::new(order)
        })
        .await
        .unwrap();
    served.signal("-KILL");
    assert_eq!(served.end().await.0, None);
    let served = Served::start(&dir, &[]).await;
    let key = ibkr_orders::domain::OrderKey::OrderId(placed.order_id.unwrap());
    let client = served.client().await;
    client.health(HealthIn::default()).await.unwrap();
    let cancelled = client.cancel(key, 10.0).await.unwrap();
    assert_eq!(cancelled.status, Status::Cancelled);
    served.signal("-TERM");
    assert_eq!(served.end().await.0, Some(0));
}

#[tokio::test]
async fn the_simulator_runs_alone_and_says_where() {
    let dir = dir();
    let mut child = command(
        &dir,
        &[
            "simulate",
            "--listen",
            "127.0.0.1:0",
            "--seed",
            "11",
            "--symbol",
            "ACME=12.50",
        ],
    )
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = loop {
        let line = tokio::time::timeout(LIMIT, lines.next_line())
            .await
            .unwrap()
            .unwrap()
            .expect("it ended");
        if let Some(address) = line.strip_prefix("listening on ") {
            break address.to_owned();
        }
    };
    TcpStream::connect(address).unwrap();
    let pid = child.id().unwrap().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        tokio::time::timeout(LIMIT, child.wait())
            .await
            .unwrap()
            .unwrap()
            .code(),
        Some(0)
    );
    let (code, said) = run(&dir, &["simulate", "--fault", "explode"]).await;
    assert_eq!(code, Some(2), "{said}");
}
