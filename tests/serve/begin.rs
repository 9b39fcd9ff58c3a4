//! What it serves and what it refuses to.

use std::net::{TcpListener, TcpStream};

use ibkr_orders::domain::{
    Action, Amount, HealthIn, OrderRequest, PlaceIn, Status, WatchEvent, WatchIn,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::process::{LIMIT, Served, command, dir, run};

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
    let pid = served.child.id().unwrap();
    let reachable = format!("pid {pid}, {}", served.address);
    let serve = ["serve", "--grpc-listen", "127.0.0.1:0"];
    for (args, holder) in [
        (&["--simulate"][..], pid.to_string()),
        (&["--order-db-path", "data/simulator.db"], reachable),
    ] {
        let (code, said) = run(&dir, &[&serve[..], args].concat()).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains(&holder), "the holder is not named: {said}");
    }
    served.signal("-INT");
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
