//! Kills a serving gateway again and again while clients place orders, and counts what became of every order.
//!
//! The gateway is the program itself, killed as `kill -9` does; TWS is the simulator, in this process, so that it outlives every kill.
//! Each client asks under its request id until it is answered. At the end the simulator's orders, the clients' answers, the store and
//! what a resuming watcher saw are compared: nothing lost, nothing doubled.
//!
//! `STORM_ROUNDS` kills (20 unless said otherwise), each `STORM_MILLIS` (`100-900`) after the gateway answered, one in five after it
//! listens; `STORM_SEED` chooses the moments, `STORM_PAUSE_MILLIS` (0) is how long a client waits between two orders, `STORM_PROGRAM`
//! another build to kill. The long run: `STORM_ROUNDS=1000 STORM_MILLIS=0-200 STORM_PAUSE_MILLIS=50 cargo test --test storm -- --nocapture`.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::domain::{EventKind, OrderKey, OrderState, PlaceIn, Status, WatchEvent, WatchIn};
use ibkr_orders::error::Reason;
use ibkr_orders::simulator::{Control, Mode, Simulator, SimulatorConfig};
use ibkr_orders::store::Reader;
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::watch;

/// Clients that place orders at the same time.
const CLIENTS: u64 = 6;
/// The longest anything may take that is waited for.
const LIMIT: Duration = Duration::from_secs(60);
/// A caller's patience with one attempt.
const PATIENCE_SECONDS: f64 = 2.0;
/// Time between two attempts.
const RETRY_DELAY: Duration = Duration::from_millis(20);

/// SplitMix64: the same seed kills at the same moments.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }
}

/// What clients were told: request id and order id, and whether it was released.
#[derive(Default)]
struct Told {
    orders: Mutex<HashMap<String, (i32, bool)>>,
    attempts: AtomicUsize,
    replayed: AtomicUsize,
    cancels: AtomicUsize,
}

/// The serving program.
struct Gateway {
    child: Child,
    address: SocketAddr,
}

impl Gateway {
    fn start(directory: &Path, tws: SocketAddr) -> Self {
        let mut child = Command::new(setting("STORM_PROGRAM", env!("CARGO_BIN_EXE_ibkr-orders")))
            .args(["serve", "--grpc-listen", "127.0.0.1:0"])
            .current_dir(directory)
            .env_clear()
            .env("IB_HOST", tws.ip().to_string())
            .env("IB_PORT", tws.port().to_string())
            .env("ORDER_DB_PATH", directory.join("orders.db"))
            .env("IB_MAX_MESSAGES_PER_SECOND", "5000")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else {
                panic!("the gateway did not start: {said:?}");
            };
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().parse().unwrap();
            }
            said.push(line);
        };
        // What it says from now on must not fill the pipe.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("gateway: {line}");
            }
        });
        Self { child, address }
    }

    /// As `kill -9` does.
    fn kill(self) {
        drop(self);
    }

    /// As an orchestrator does; it must end well.
    fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Gateway {
    /// Nothing outlives a test that failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Places orders until it is told to stop, each under its request id until it is answered.
async fn place_orders(
    number: u64,
    address: watch::Receiver<SocketAddr>,
    told: Arc<Told>,
    stop: Arc<AtomicBool>,
) {
    let mut random = Random(number);
    let pause = Duration::from_millis(setting("STORM_PAUSE_MILLIS", "0").parse().unwrap());
    let mut client = Line::new(address);
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let request_id = format!("storm-{number}-{n}");
        let kind = random.below(4);
        let order = match kind {
            0 => {
                json!({"action": "BUY", "symbol": "AAPL", "order_type": "LMT", "quantity": 5, "limit_price": 1})
            }
            _ => {
                json!({"action": "BUY", "symbol": "AAPL", "order_type": "MKT", "quantity": 1 + random.below(50)})
            }
        };
        let staged = kind == 3 && random.below(2) == 0;
        // Now and then somebody asks again who has been answered already.
        let times = 1 + usize::from(random.below(10) == 0);
        for _ in 0..times {
            let state = client.place(&order, !staged, &request_id, &told).await;
            let first = told
                .orders
                .lock()
                .unwrap()
                .entry(request_id.clone())
                .or_insert((state.order_id, false))
                .0;
            assert_eq!(
                first, state.order_id,
                "request {request_id} made two orders"
            );
        }
        tokio::time::sleep(pause).await;
        if staged && client.wish(Wish::Transmit, &request_id).await {
            told.orders.lock().unwrap().get_mut(&request_id).unwrap().1 = true;
        }
        // What rests is cancelled, so that the book stays small enough for a start between two kills.
        if kind == 0 && client.wish(Wish::Cancel, &request_id).await {
            told.cancels.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A client that follows the gateway wherever it listens.
struct Line {
    address: watch::Receiver<SocketAddr>,
    known: Option<(SocketAddr, Client)>,
}

impl Line {
    fn new(address: watch::Receiver<SocketAddr>) -> Self {
        Self {
            address,
            known: None,
        }
    }

    fn client(&mut self) -> Client {
        let address = *self.address.borrow();
        match &self.known {
            Some((known, client)) if *known == address => client.clone(),
            _ => {
                let client =
                    Client::connect_lazy(format!("http://{address}"), ClientOptions::default())
                        .unwrap();
                self.known = Some((address, client.clone()));
                client
            }
        }
    }

    /// Asks until it is answered.
    async fn place(
        &mut self,
        order: &serde_json::Value,
        transmit: bool,
        request_id: &str,
        told: &Told,
    ) -> OrderState {
        let until = tokio::time::Instant::now() + LIMIT * 2;
        loop {
            told.attempts.fetch_add(1, Ordering::Relaxed);
            let request = PlaceIn {
                transmit,
                timeout: PATIENCE_SECONDS,
                request_id: Some(request_id.to_owned()),
                ..PlaceIn::new(order.clone())
            };
            match self.client().place(request).await {
                Ok(placed) => {
                    assert!(placed.submitted);
                    told.replayed
                        .fetch_add(usize::from(placed.replayed), Ordering::Relaxed);
                    return placed.state.unwrap();
                }
                Err(error) => {
                    let transient = matches!(
                        error.reason,
                        Reason::GatewayUnavailable
                            | Reason::TwsUnavailable
                            | Reason::ShuttingDown
                            | Reason::Pacing
                    );
                    assert!(transient, "{request_id}: {error:?}");
                    assert!(
                        tokio::time::Instant::now() < until,
                        "{request_id} is never answered: {error:?}"
                    );
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Releases or cancels an order, until that is answered; false where its state does not allow it.
    async fn wish(&mut self, wish: Wish, request_id: &str) -> bool {
        let key = OrderKey::RequestId(request_id.to_owned());
        let until = tokio::time::Instant::now() + LIMIT * 2;
        while tokio::time::Instant::now() < until {
            let client = self.client();
            let answer = match wish {
                Wish::Transmit => client.transmit(key.clone(), PATIENCE_SECONDS).await,
                Wish::Cancel => client.cancel(key.clone(), PATIENCE_SECONDS).await,
            };
            match answer {
                Ok(_) => return true,
                Err(error) if error.reason == Reason::OrderState => return false,
                Err(error) => {
                    assert_ne!(error.reason, Reason::OrderNotFound, "{request_id} is lost");
                }
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
        panic!("the {wish:?} of {request_id} is never answered");
    }
}

/// What a caller may want of its order.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Transmit,
    Cancel,
}

/// Watches every order through all the kills and notes each event's sequence.
async fn watch_all(
    address: watch::Receiver<SocketAddr>,
    seen: Arc<Mutex<Vec<u64>>>,
    stop: Arc<AtomicBool>,
) {
    let mut line = Line::new(address);
    let mut cursor = 0;
    let mut snapshot_seen = false;
    while !stop.load(Ordering::Relaxed) {
        let spec = WatchIn {
            after_sequence: cursor,
            poll_interval: 0.2,
            ..WatchIn::new(0)
        };
        let Ok(mut stream) = line.client().watch(spec).await else {
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        };
        while let Some(Ok(update)) = stream.next().await {
            let stored = matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_));
            snapshot_seen |= matches!(update.event, WatchEvent::SnapshotEnd {});
            if snapshot_seen {
                cursor = update.sequence;
                if stored {
                    seen.lock().unwrap().push(update.sequence);
                }
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// Until somebody is answered whose order is new.
async fn answered(told: &Told) {
    let before = told.orders.lock().unwrap().len();
    let until = tokio::time::Instant::now() + LIMIT;
    while told.orders.lock().unwrap().len() == before {
        assert!(
            tokio::time::Instant::now() < until,
            "nobody is answered any more"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_is_lost_or_doubled_however_often_the_gateway_is_killed() {
    let rounds: u64 = setting("STORM_ROUNDS", "20").parse().unwrap();
    let millis = setting("STORM_MILLIS", "100-900");
    let (shortest, longest) = millis.split_once('-').unwrap();
    let (shortest, longest): (u64, u64) = (shortest.parse().unwrap(), longest.parse().unwrap());
    let seed: u64 = setting("STORM_SEED", "1").parse().unwrap();
    println!("storm: STORM_ROUNDS={rounds} STORM_MILLIS={millis} STORM_SEED={seed}");
    let mut random = Random(seed);
    let simulator = Simulator::start(SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        buying_power: None,
        history_max: 10_000_000,
        messages_max: 1_000,
        ..SimulatorConfig::on_free_port()
    })
    .await
    .unwrap();
    let directory = TempDir::new().unwrap();
    let mut gateway = Gateway::start(directory.path(), simulator.address());
    let (address, listens) = watch::channel(gateway.address);
    let told = Arc::new(Told::default());
    let placing_ends = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (told, stop) = (Arc::clone(&told), Arc::clone(&placing_ends));
            tokio::spawn(place_orders(
                seed * 1_000 + number,
                listens.clone(),
                told,
                stop,
            ))
        })
        .collect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let watching_ends = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch_all(
        listens,
        Arc::clone(&seen),
        Arc::clone(&watching_ends),
    ));

    for round in 1..=rounds {
        // One kill in five comes while the gateway starts, the others while it works.
        if random.below(5) > 0 {
            answered(&told).await;
        }
        let after = shortest + random.below(longest - shortest + 1);
        tokio::time::sleep(Duration::from_millis(after)).await;
        gateway.kill();
        gateway = Gateway::start(directory.path(), simulator.address());
        address.send_replace(gateway.address);
        if round % 100 == 0 {
            println!(
                "storm: {round} kills, {} orders",
                told.orders.lock().unwrap().len()
            );
        }
    }

    placing_ends.store(true, Ordering::Relaxed);
    for client in clients {
        tokio::time::timeout(LIMIT * 3, client)
            .await
            .expect("in time")
            .unwrap();
    }
    let reader = Reader::open(directory.path().join("orders.db"))
        .await
        .unwrap();
    let until = tokio::time::Instant::now() + LIMIT;
    let head = loop {
        let unsettled = reader.live_orders().await.unwrap();
        let head = reader.head_sequence().await.unwrap();
        let watched = seen.lock().unwrap().last() == Some(&head);
        let under_way =
            |order: &OrderState| order.status == Status::Submitting || order.cancel_requested;
        if watched && !unsettled.iter().any(under_way) {
            break head;
        }
        assert!(
            tokio::time::Instant::now() < until,
            "it does not come to rest"
        );
        tokio::time::sleep(RETRY_DELAY).await;
    };
    watching_ends.store(true, Ordering::Relaxed);
    tokio::time::timeout(LIMIT, watcher)
        .await
        .expect("in time")
        .unwrap();
    gateway.end();
    let seen = seen.lock().unwrap().clone();
    judge(rounds, head, &reader, &simulator.control(), &told, &seen).await;
    simulator.shutdown().await;
}

/// The numbers, and what must hold.
async fn judge(kills: u64, head: u64, reader: &Reader, tws: &Control, told: &Told, seen: &[u64]) {
    let mut stored: BTreeMap<i32, OrderState> = BTreeMap::new();
    let first_seen = seen.first().copied().unwrap_or(head);
    let mut cursor = 0;
    let mut sequences = 0;
    while cursor < head {
        for event in reader.events_after(cursor, None, 10_000).await.unwrap() {
            assert!(
                cursor == 0 || event.sequence == cursor + 1,
                "a gap in the store"
            );
            cursor = event.sequence;
            if cursor >= first_seen {
                assert_eq!(
                    seen.get(sequences),
                    Some(&cursor),
                    "the watcher missed, doubled or reordered an event"
                );
                sequences += 1;
            }
            if let EventKind::Order(state) = event.kind {
                stored.insert(state.order_id, state);
            }
        }
    }
    assert_eq!(seen.len(), sequences);
    let (in_tws, messages) = tws
        .inspect(|view| {
            let orders = view.orders();
            let messages: HashMap<i32, u32> = orders
                .iter()
                .map(|order| (order.order_id, view.place_messages(order.order_id)))
                .collect();
            (orders, messages)
        })
        .await
        .unwrap();

    let mut by_ref: HashMap<&str, usize> = HashMap::new();
    for order in &in_tws {
        *by_ref.entry(&order.order_ref).or_default() += 1;
    }
    let mut doubled = by_ref.values().filter(|count| **count > 1).count();
    let answers = told.orders.lock().unwrap().clone();
    let mut lost = 0;
    for (request_id, (order_id, _)) in &answers {
        let known = stored
            .get(order_id)
            .is_some_and(|state| state.request_id == *request_id);
        lost += usize::from(!known);
    }
    let (mut wrong, mut unseen) = (Vec::new(), 0);
    for order in &in_tws {
        let Some(state) = stored.get(&order.order_id) else {
            lost += 1;
            continue;
        };
        let released = answers
            .get(&state.request_id)
            .is_some_and(|(_, released)| *released);
        doubled += usize::from(messages[&order.order_id] > 1 + u32::from(released));
        let same = state.order_ref == order.order_ref
            && state.filled.value() == order.filled
            && state.terminal == order.over
            && !matches!(state.status, Status::Unconfirmed | Status::Rejected);
        // A staged order that was read just before a kill cannot be seen again: nobody can tell.
        let hidden = !order.transmitted && state.status == Status::Unconfirmed;
        unseen += usize::from(hidden);
        if !same && !hidden {
            wrong.push(format!("{order:?} is {state:?}"));
        }
    }
    let of = |status: Status| {
        stored
            .values()
            .filter(|state| state.status == status)
            .count()
    };
    println!(
        "storm: kills {kills}, attempts {}, answered {}, replayed {}, cancels {}, stored {}, in TWS {}, filled {}, cancelled {}, unconfirmed {} ({unseen} of them staged in TWS), \
         not sent {}, \
         events {sequences}, lost {lost}, doubled {doubled}, wrong {}",
        told.attempts.load(Ordering::Relaxed),
        answers.len(),
        told.replayed.load(Ordering::Relaxed),
        told.cancels.load(Ordering::Relaxed),
        stored.len(),
        in_tws.len(),
        of(Status::Filled),
        of(Status::Cancelled),
        of(Status::Unconfirmed),
        of(Status::Rejected),
        wrong.len(),
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((lost, doubled), (0, 0));
    assert!(
        in_tws.len() as u64 > kills,
        "too little was placed to prove anything"
    );
}
