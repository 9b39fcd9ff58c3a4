//! Two gateways as processes, a journal of three servers, one TWS: the leader is killed and its store deleted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::domain::{Action, Amount, OrderKey, OrderRequest, PlaceIn};
use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use tempfile::TempDir;
use test_support::nats::{self, Nats};
use test_support::process::served::{Served, command, dir};
use tokio::time::{sleep, timeout};

const LEASE: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(60);

async fn start(dir: &TempDir, nats: &Nats, tws: SocketAddr, role: Option<&str>) -> Served {
    let (servers, port, lease) = (
        nats.servers().join(","),
        tws.port().to_string(),
        LEASE.as_secs().to_string(),
    );
    let mut args = vec![
        "serve",
        "--grpc-listen",
        "127.0.0.1:0",
        "--ib-port",
        &port,
        "--journal-servers",
        &servers,
        "--journal-name",
        "desk",
        "--journal-lease",
        &lease,
        "--journal-timeout",
        "1",
    ];
    args.extend(role);
    Served::spawn(command(dir, &args)).await
}

fn order(request_id: &str) -> PlaceIn {
    let mut order = OrderRequest::limit(Action::Buy, "AAPL", Amount::from(10), Amount::from(100));
    order.transmit = true;
    PlaceIn {
        request_id: Some(request_id.to_owned()),
        ..PlaceIn::new(order)
    }
}

/// Repeats one request until somebody answers it with an order; nothing else is asked.
async fn place(url: &str, request_id: &str) -> i32 {
    let placed = async {
        loop {
            let client = Client::connect(url, ClientOptions::default()).await;
            if let Ok(client) = client
                && let Ok(placed) = client.place(order(request_id)).await
                && let Some(order_id) = placed.order_id
            {
                return order_id;
            }
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(LIMIT, placed).await.expect("placed in time")
}

async fn at_tws(simulator: &Simulator) -> usize {
    let control = simulator.control();
    control.inspect(|view| view.orders().len()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_with_its_store_is_followed_by_a_standby_and_no_order_is_lost_or_doubled()
 {
    let Some(program) = nats::program("a_leader_that_is_killed") else {
        return;
    };
    let nats = Nats::start(program, 3, "").await;
    let simulator = Simulator::start(SimulatorConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let tws = simulator.address();
    let (one, two) = (dir(), dir());
    let leader = start(&one, &nats, tws, None).await;
    let first = place(&leader.url(), "first").await;
    let standby = start(&two, &nats, tws, Some("--standby")).await;

    // The standby reads, and says where orders go.
    let reads = Client::connect(standby.url(), ClientOptions::default())
        .await
        .unwrap();
    let followed = timeout(LIMIT, async {
        while reads.get(OrderKey::OrderId(first)).await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    });
    followed.await.expect("followed in time");
    let refused = reads.place(order("refused")).await.unwrap_err();
    assert_eq!(refused.reason.as_str(), "STANDBY", "{refused:?}");
    assert!(
        leader
            .url()
            .ends_with(refused.leader.as_deref().unwrap_or("nowhere")),
        "{refused:?}"
    );

    leader.signal("-KILL");
    let killed = Instant::now();
    std::fs::remove_dir_all(one.path()).unwrap();
    // A request that was answered by the one is known to the other.
    assert_eq!(place(&standby.url(), "first").await, first);
    let next = place(&standby.url(), "second").await;
    let took = killed.elapsed();
    eprintln!(
        "the first order of the new leader {took:?} after the kill, with a lease of {LEASE:?}"
    );
    assert!(next >= first + 10_000, "{first} {next}");
    assert!(took < LEASE + Duration::from_secs(15), "{took:?}");
    assert_eq!(at_tws(&simulator).await, 2);

    // SIGTERM gives the lease back: whoever is next need not wait for it.
    let third = dir();
    let again = start(&third, &nats, tws, Some("--standby")).await;
    standby.signal("-TERM");
    let (code, text) = standby.end().await;
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(place(&again.url(), "second").await, next);
    place(&again.url(), "third").await;
    assert_eq!(at_tws(&simulator).await, 3);
    again.signal("-TERM");
    let (code, text) = again.end().await;
    assert_eq!(code, Some(0), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_the_servers_one_by_one_costs_no_takeover_and_no_order() {
    let Some(program) = nats::program("restarting_the_servers") else {
        return;
    };
    let mut nats = Nats::start(program, 3, "").await;
    let simulator = Simulator::start(SimulatorConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    let one = dir();
    let leader = start(&one, &nats, simulator.address(), None).await;
    let mut last = place(&leader.url(), "before").await;
    for at in 0..3 {
        nats.stop(at);
        let next = place(&leader.url(), &format!("without {at}")).await;
        nats.start_node(at);
        nats.healthy().await;
        // A new leader would leave out 10,000 ids.
        assert!(next > last && next < last + 100, "{last} {next}");
        last = next;
    }
    leader.signal("-TERM");
    let (code, text) = leader.end().await;
    assert_eq!(code, Some(0), "{text}");
}
