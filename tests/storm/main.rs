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

mod clients;
mod gateway;
mod verdict;
mod watcher;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ibkr_orders::simulator::{Mode, Simulator, SimulatorConfig, Switches};
use ibkr_orders::store::Reader;
use tempfile::TempDir;
use tokio::sync::watch;

use clients::{Told, answered, place_orders};
use gateway::Gateway;
use test_support::random::Random;
use verdict::{all_has_ended, judge};
use watcher::watch_all;

/// Clients that place orders at the same time.
const CLIENTS: u64 = 6;

/// The longest anything may take that is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Time between two attempts.
pub(crate) const RETRY_DELAY: Duration = Duration::from_millis(20);

pub(crate) fn setting(name: &str, default: &str) -> String {
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
    let mut random = Random::new(seed);
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
        // Another TWS each time, where nobody knows how TWS is.
        let drawn = Switches::drawn(seed * 1_000 + round);
        let set = move |switches: &mut Switches| *switches = drawn;
        simulator.control().set_switches(set).await.unwrap();
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
        let in_tws = simulator
            .control()
            .inspect(|view| view.orders())
            .await
            .unwrap();
        let unfinished = reader.live_orders().await.unwrap();
        let head = reader.head_sequence().await.unwrap();
        let watched = seen.lock().unwrap().last() == Some(&head);
        if watched && all_has_ended(&unfinished, &in_tws) {
            break head;
        }
        assert!(
            tokio::time::Instant::now() < until,
            "it does not come to rest: {unfinished:#?}"
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
