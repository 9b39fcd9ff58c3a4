//! The door for browsers as the network sees it: the page, gRPC-Web over HTTP/1.1 written out by hand, and what is refused.

#![allow(clippy::unwrap_used)]

use ibkr_orders::wire::pb;
use prost::Message as _;
use tempfile::TempDir;
use test_support::process::served::{LIMIT, Served, dir, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A gateway with a door for browsers, and that door's address.
async fn start(dir: &TempDir, arguments: &[&str]) -> (Served, String) {
    let mut all = vec!["--web-listen", "127.0.0.1:0"];
    all.extend(arguments);
    let mut served = Served::start(dir, &all).await;
    let line = served.line("page and gRPC-Web on ").await;
    let (_, address) = line.rsplit_once("://").unwrap();
    let address = address.to_owned();
    (served, address)
}

/// An answer: status, head and body.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// One request on a connection of its own, and the whole answer.
async fn ask(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let asked = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    };
    let bytes = tokio::time::timeout(LIMIT, asked).await.unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec())
        .unwrap()
        .to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    let body = if head.contains("transfer-encoding: chunked") {
        unchunked(&body)
    } else {
        body
    };
    Answer { status, head, body }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|w| w == b"\r\n").unwrap();
        let length =
            usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        rest = &rest[line + 2..];
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&rest[..length]);
        rest = &rest[length + 2..];
    }
}

/// A message as gRPC-Web frames it.
fn framed(message: &impl prost::Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    frame.extend(bytes);
    frame
}

fn place(request_id: &str) -> Vec<u8> {
    framed(&pb::PlaceRequest {
        order: Some(pb::Order {
            action: pb::order::Action::Buy.into(),
            symbol: "AAPL".to_owned(),
            order_type: pb::order::OrderType::Mkt.into(),
            quantity: "1".to_owned(),
            ..pb::Order::default()
        }),
        transmit: true,
        request_id: request_id.to_owned(),
        ..pb::PlaceRequest::default()
    })
}

const PLACE: &str = "/ibkr.orders.v1.OrderService/Place";
const GRPC_WEB: (&str, &str) = ("content-type", "application/grpc-web+proto");

#[tokio::test]
async fn the_page_comes_with_a_policy_that_keeps_it_to_itself() {
    let dir = dir();
    let (_served, address) = start(&dir, &[]).await;
    let host = [("host", address.as_str())];
    for (path, kind) in [
        ("/", "text/html"),
        ("/app.js", "text/javascript"),
        ("/app.css", "text/css"),
    ] {
        let answer = ask(&address, "GET", path, &host, b"").await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            answer.head.contains(&format!("content-type: {kind}")),
            "{}",
            answer.head
        );
        assert!(
            answer.head.contains(
                "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"
            ),
            "{}",
            answer.head
        );
        assert!(answer.head.contains("x-content-type-options: nosniff"));
        assert!(answer.body.len() > 1_000, "{path}");
    }
    assert_eq!(ask(&address, "HEAD", "/", &host, b"").await.status, 200);
    for path in ["/index.html", "/../Cargo.toml", "/metrics", "//"] {
        let answer = ask(&address, "GET", path, &host, b"").await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(ask(&address, "POST", "/", &host, b"").await.status, 405);
}

#[tokio::test]
async fn grpc_web_is_answered_by_the_same_service() {
    let dir = dir();
    let (served, address) = start(&dir, &[]).await;
    let origin = format!("http://{address}");
    let headers = [("host", address.as_str()), ("origin", &origin), GRPC_WEB];
    let answer = ask(&address, "POST", PLACE, &headers, &place("from-a-browser")).await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert!(!answer.head.contains("access-control-"), "{}", answer.head);
    let length = u32::from_be_bytes(answer.body[1..5].try_into().unwrap()) as usize;
    let placed = pb::PlaceResponse::decode(&answer.body[5..5 + length]).unwrap();
    assert_eq!(
        (placed.submitted, placed.request_id.as_str()),
        (true, "from-a-browser")
    );
    let trailers = String::from_utf8_lossy(&answer.body[5 + length..]).into_owned();
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    // It is an order like any other.
    let got = served
        .client()
        .await
        .get(ibkr_orders::OrderKey::OrderId(placed.order_id))
        .await;
    assert_eq!(got.unwrap().order.request_id, "from-a-browser");
}

#[tokio::test]
async fn a_foreign_page_is_refused_before_anything_is_done() {
    let dir = dir();
    let (served, address) = start(&dir, &["--web-origins", "https://orders.example"]).await;
    let own = format!("http://{address}");
    let port = address.rsplit_once(':').unwrap().1;
    let rebound = format!("evil.example:{port}");
    for (host, origin) in [
        (address.as_str(), Some("https://evil.example")),
        (address.as_str(), Some("null")),
        (rebound.as_str(), None),
        (rebound.as_str(), Some(own.as_str())),
    ] {
        let mut headers = vec![("host", host), GRPC_WEB];
        headers.extend(origin.map(|origin| ("origin", origin)));
        let answer = ask(&address, "POST", PLACE, &headers, &place("stolen")).await;
        assert_eq!(answer.status, 403, "{host} {origin:?}");
        let answer = ask(&address, "OPTIONS", PLACE, &headers, b"").await;
        assert_eq!(answer.status, 403, "{host} {origin:?}");
        assert!(!answer.head.contains("access-control-"), "{}", answer.head);
        let answer = ask(&address, "GET", "/", &headers, b"").await;
        assert_eq!(answer.status, 403, "{host} {origin:?}");
    }
    let listed = served
        .client()
        .await
        .list(ibkr_orders::ListIn::default())
        .await;
    assert!(listed.unwrap().orders.is_empty(), "an order was placed");
    // A further origin is as good as our own.
    let headers = [
        ("host", "orders.example"),
        ("origin", "https://orders.example"),
        GRPC_WEB,
    ];
    let answer = ask(&address, "POST", PLACE, &headers, &place("through-a-proxy")).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn each_port_speaks_its_own_protocol_only() {
    let dir = dir();
    let (served, address) = start(&dir, &[]).await;
    let headers = [
        ("host", address.as_str()),
        ("content-type", "application/grpc"),
    ];
    let answer = ask(&address, "POST", PLACE, &headers, &place("grpc")).await;
    assert_eq!(answer.status, 415);
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    let headers = [("host", address.as_str()), GRPC_WEB];
    let answer = ask(&address, "POST", reflection, &headers, b"").await;
    assert_eq!(answer.status, 405);
    // The gRPC port takes HTTP/2 with prior knowledge only: no browser can reach it.
    let mut stream = TcpStream::connect(&served.address).await.unwrap();
    let request = format!("POST {PLACE} HTTP/1.1\r\nhost: {}\r\n\r\n", served.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut said)).await;
    let _ended = read.unwrap();
    assert!(
        !said.starts_with(b"HTTP/1"),
        "{}",
        String::from_utf8_lossy(&said)
    );
}

#[tokio::test]
async fn a_token_is_asked_for_here_too_and_the_page_needs_none() {
    let dir = dir();
    std::fs::write(dir.path().join("tokens"), "a-token-of-some-length\n").unwrap();
    let (_served, address) = start(&dir, &["--auth-token-file", "tokens"]).await;
    let host = ("host", address.as_str());
    assert_eq!(ask(&address, "GET", "/", &[host], b"").await.status, 200);
    let answer = ask(
        &address,
        "POST",
        PLACE,
        &[host, GRPC_WEB],
        &place("without"),
    )
    .await;
    assert!(answer.head.contains("grpc-status: 16"), "{}", answer.head);
    let token = ("authorization", "Bearer a-token-of-some-length");
    let answer = ask(
        &address,
        "POST",
        PLACE,
        &[host, GRPC_WEB, token],
        &place("with"),
    )
    .await;
    let trailers = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
}

#[tokio::test]
async fn the_door_is_protected_as_the_grpc_port_is() {
    let dir = dir();
    let open = [
        "serve",
        "--simulate",
        "--grpc-listen",
        "127.0.0.1:0",
        "--web-listen",
        "0.0.0.0:0",
    ];
    let (code, said) = run(&dir, &open).await;
    assert_eq!(code, Some(64), "{said}");
    assert!(said.contains("not a loopback address"), "{said}");
}

#[tokio::test]
async fn watches_of_browsers_end_with_the_gateway() {
    let dir = dir();
    let (served, address) = start(&dir, &[]).await;
    let body = framed(&pb::WatchRequest::default());
    let watching = {
        let address = address.clone();
        tokio::spawn(async move {
            let headers = [("host", address.as_str()), GRPC_WEB];
            ask(
                &address,
                "POST",
                "/ibkr.orders.v1.OrderService/Watch",
                &headers,
                &body,
            )
            .await
        })
    };
    // The watch is there once it is counted among the watchers; the first heartbeat comes within a second.
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let body = framed(&pb::WatchRequest::default());
    let head = format!(
        "POST /ibkr.orders.v1.OrderService/Watch HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut first = [0; 64];
    let read = tokio::time::timeout(LIMIT, stream.read(&mut first)).await;
    assert!(read.unwrap().unwrap() > 0);
    served.signal("-TERM");
    let (code, said) = served.end().await;
    assert_eq!(code, Some(0), "{said}");
    let ended = tokio::time::timeout(LIMIT, watching)
        .await
        .unwrap()
        .unwrap();
    let body = String::from_utf8_lossy(&ended.body).into_owned();
    assert!(
        body.contains("grpc-status:14") || ended.head.contains("grpc-status: 14"),
        "{ended:?}"
    );
}

#[tokio::test]
async fn a_connection_that_says_nothing_or_never_ends_its_head_is_closed() {
    let dir = dir();
    let (_served, address) = start(&dir, &[]).await;
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let mut slow = TcpStream::connect(&address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    let mut rest = Vec::new();
    let closed = async {
        let _reset = silent.read_to_end(&mut rest).await;
        let _reset = slow.read_to_end(&mut rest).await;
    };
    tokio::time::timeout(LIMIT, closed).await.unwrap();
}
