//! Orders from the command line, on a simulated TWS: each command is a process of its own.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::time::Duration;

use ibkr_orders::simulator::{Simulator, SimulatorConfig};
use serde_json::json;
use tokio::runtime::Runtime;

use crate::contract::{Change, Get, Health, List, Place, Update, Watch};
use crate::run::{Ran, Shell, finish};

const MARKET: &str = r#"{"action":"BUY","symbol":"AAPL","order_type":"MKT","quantity":1}"#;
const RESTING: &str =
    r#"{"action":"BUY","symbol":"AAPL","order_type":"LMT","quantity":5,"limit_price":100.5}"#;

/// A simulated TWS beside the program, not inside it.
pub struct Tws {
    runtime: Runtime,
    simulator: Option<Simulator>,
}

impl Tws {
    pub fn start(config: SimulatorConfig) -> Self {
        let runtime = Runtime::new().unwrap();
        let simulator = runtime.block_on(Simulator::start(config)).unwrap();
        Self {
            runtime,
            simulator: Some(simulator),
        }
    }

    pub fn port(&self) -> u16 {
        self.simulator.as_ref().unwrap().address().port()
    }

    pub fn orders_seen(&self) -> u64 {
        let control = self.simulator.as_ref().unwrap().control();
        self.runtime
            .block_on(control.inspect(|view| view.place_messages_total()))
            .unwrap()
    }
}

impl Drop for Tws {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            self.runtime.block_on(simulator.shutdown());
        }
    }
}

/// A port where nothing answers.
fn dead_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// The document with what differs from run to run taken out, for a snapshot.
fn steady(ran: &Ran) -> serde_json::Value {
    fn walk(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    let own = matches!(
                        name.as_str(),
                        "last_update"
                            | "created_at"
                            | "time"
                            | "tws_time"
                            | "sequence"
                            | "perm_id"
                            | "exec_id"
                            | "raw_state"
                            | "version"
                            | "next_page_token"
                            // ibapi's own, for people: pinning their keys would pin its version.
                            | "contract"
                            | "order_payload"
                    );
                    if own && !value.is_null() {
                        *value = json!("[its own]");
                    } else {
                        walk(value);
                    }
                }
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(walk),
            _ => {}
        }
    }
    let mut document = ran.json();
    walk(&mut document);
    document
}

#[test]
fn a_newcomer_places_watches_and_reads_back_with_nothing_but_the_program() {
    let shell = Shell::new();
    let placed: Place = shell
        .run(&["place", "--simulate", "--transmit", "--json", MARKET])
        .read();
    assert!(placed.submitted, "{placed:?}");
    let id = placed.order_id.unwrap().to_string();

    let ran = shell.run(&["watch", "--simulate", "--order-id", &id, "--max-wait", "30"]);
    let watched: Watch = ran.read();
    assert_eq!(
        (ran.code, watched.terminal, watched.status.as_deref()),
        (0, true, Some("FILLED")),
        "{ran:?}"
    );

    let found: Get = shell.run(&["get", "--simulate", "--order-id", &id]).read();
    assert_eq!(found.fills.len(), 1);
    assert!(found.order.unwrap().commission.is_some());
    let list: List = shell.run(&["list", "--simulate"]).read();
    assert_eq!(list.orders.len(), 1);
    assert!(shell.path().join("data/simulator.db").exists());
    assert!(
        !shell.path().join("data/orders.db").exists(),
        "the real store is left alone"
    );
}

#[test]
fn a_resting_order_outlives_the_process_that_placed_it() {
    let shell = Shell::new();
    let placed: Place = shell
        .run(&[
            "place",
            "--simulate",
            "--transmit",
            "--request-id",
            "r-1",
            "--json",
            RESTING,
        ])
        .read();
    assert!(placed.submitted);
    let again: Place = shell
        .run(&[
            "place",
            "--simulate",
            "--transmit",
            "--request-id",
            "r-1",
            "--json",
            RESTING,
        ])
        .read();
    assert!(again.replayed, "{again:?}");
    assert_eq!(again.order_id, placed.order_id);
    let ran = shell.run(&["cancel", "--simulate", "--request-id", "r-1"]);
    let cancelled: Change = ran.read();
    assert_eq!(
        (ran.code, cancelled.order.unwrap().status.as_str()),
        (0, "CANCELLED")
    );
}

#[test]
fn every_document_looks_like_this() {
    let tws = Tws::start(SimulatorConfig {
        mode: quiet(),
        ..SimulatorConfig::on_free_port()
    });
    let shell = Shell::new().with("IB_PORT", tws.port());
    let run = |args: &[&str]| {
        let ran = shell.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    };
    let health = run(&["health"]);
    health.read::<Health>();
    insta::assert_json_snapshot!("health", steady(&health));
    let dry = run(&["place", "--dry-run", "--json", RESTING]);
    dry.read::<Place>();
    insta::assert_json_snapshot!("place-dry-run", steady(&dry));
    let staged = run(&["place", "--request-id", "a", "--json", RESTING]);
    staged.read::<Place>();
    insta::assert_json_snapshot!("place-staged", steady(&staged));
    let transmitted = run(&["transmit", "--request-id", "a"]);
    transmitted.read::<Change>();
    let cancelled = run(&["cancel", "--request-id", "a"]);
    cancelled.read::<Change>();
    insta::assert_json_snapshot!("cancel", steady(&cancelled));
    let filled: Place = run(&["place", "--transmit", "--request-id", "b", "--json", MARKET]).read();
    let id = filled.order_id.unwrap().to_string();
    let watched = run(&["watch", "--order-id", &id]);
    watched.read::<Watch>();
    let got = run(&["get", "--request-id", "b"]);
    got.read::<Get>();
    insta::assert_json_snapshot!("get", steady(&got));
    let listed = run(&["list", "--page-size", "1"]);
    listed.read::<List>();
    insta::assert_json_snapshot!("list", steady(&listed));
    // Tables are for people; their times differ.
    let table = run(&["list", "--output", "table"]).stdout;
    assert!(
        table.contains("FILLED") && table.contains("CANCELLED"),
        "{table}"
    );
    let table = run(&["get", "--request-id", "b", "--output", "table"]).stdout;
    assert!(
        table.contains("BUY 1 AAPL MKT DAY") && table.contains("execution"),
        "{table}"
    );
}

fn quiet() -> ibkr_orders::simulator::Mode {
    ibkr_orders::simulator::Mode::Automatic {
        tick: Duration::ZERO,
    }
}

#[test]
fn a_streamed_watch_prints_a_line_per_update_and_the_outcome_last() {
    let shell = Shell::new();
    let placed: Place = shell
        .run(&["place", "--simulate", "--transmit", "--json", MARKET])
        .read();
    let id = placed.order_id.unwrap().to_string();
    let ran = shell.run(&[
        "watch",
        "--simulate",
        "--order-id",
        &id,
        "--stream",
        "--max-wait",
        "30",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    let outcome: Watch = serde_json::from_str(lines.pop().unwrap()).unwrap();
    let updates: Vec<Update> = lines
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let without_heartbeats: Vec<Update> = updates
        .into_iter()
        .filter(|update| update.heartbeat.is_none())
        .collect();
    assert_eq!(without_heartbeats, outcome.updates);
    assert_eq!(outcome.status.as_deref(), Some("FILLED"));
}

#[test]
fn a_streamed_watch_ends_when_nobody_reads_it() {
    let tws = Tws::start(SimulatorConfig::on_free_port());
    let shell = Shell::new().with("IB_PORT", tws.port());
    let placed: Place = shell
        .run(&["place", "--transmit", "--json", RESTING])
        .read();
    let id = placed.order_id.unwrap().to_string();
    let mut child = shell.spawn(&[
        "watch",
        "--order-id",
        &id,
        "--stream",
        "--poll-interval",
        "0.05",
    ]);
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(serde_json::from_str::<Update>(&first).is_ok(), "{first}");
    // The reader is gone now; the order rests on, so only the broken pipe can end the watch.
    let ran = finish(child);
    assert_eq!(ran.code, 1);
    assert!(!ran.stderr.contains("panic"), "{}", ran.stderr);
}

#[test]
fn a_watch_that_is_interrupted_says_where_to_go_on() {
    let tws = Tws::start(SimulatorConfig::on_free_port());
    let shell = Shell::new().with("IB_PORT", tws.port());
    let placed: Place = shell
        .run(&[
            "place",
            "--transmit",
            "--request-id",
            "r",
            "--json",
            RESTING,
        ])
        .read();
    let id = placed.order_id.unwrap().to_string();
    let mut child = shell.spawn(&["watch", "--order-id", &id, "--stream"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Update = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    let interrupt = format!("kill -INT {}", child.id());
    assert!(
        std::process::Command::new("sh")
            .args(["-c", &interrupt])
            .status()
            .unwrap()
            .success()
    );
    let last = lines.map(|line| line.unwrap()).last().unwrap();
    assert_eq!(finish(child).code, 1);
    let outcome: Watch = serde_json::from_str(&last).unwrap();
    let error = outcome.error.unwrap();
    let cursor: u64 = error
        .strip_prefix("interrupted: go on with --after-sequence ")
        .unwrap()
        .parse()
        .unwrap();
    assert!(cursor >= first.sequence, "{cursor} {first:?}");

    shell.run(&["cancel", "--request-id", "r"]);
    let rest: Watch = shell
        .run(&[
            "watch",
            "--order-id",
            &id,
            "--after-sequence",
            &cursor.to_string(),
        ])
        .read();
    assert_eq!(rest.status.as_deref(), Some("CANCELLED"), "{rest:?}");
    assert!(
        rest.updates.iter().all(|update| update.sequence > cursor),
        "{rest:?}"
    );
}

#[test]
fn an_order_that_tws_rejects_is_printed_and_exits_1() {
    let order = r#"{"action":"BUY","symbol":"NOPE","order_type":"MKT","quantity":1}"#;
    let ran = Shell::new().run(&["place", "--simulate", "--transmit", "--json", order]);
    assert_eq!(ran.code, 1);
    let placed: Place = ran.read();
    let state = placed.state.unwrap();
    assert_eq!(
        (state.status.as_str(), state.last_error_code),
        ("REJECTED", Some(200))
    );
}

#[test]
fn a_tws_that_is_not_there_has_a_fixed_text_in_the_document_and_a_hint_beside_it() {
    let port = dead_port();
    let shell = Shell::new().with("IB_PORT", port);
    for args in [
        &["health", "--timeout", "0.3"][..],
        &["place", "--json", MARKET, "--timeout", "0.3"],
    ] {
        let ran = shell.run(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.json()["error"], "could not connect to TWS", "{args:?}");
        assert!(
            ran.stderr.contains(&format!("127.0.0.1:{port}")),
            "{}",
            ran.stderr
        );
        assert!(
            ran.stderr.contains("IB_PORT") && ran.stderr.contains("--simulate"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn watching_an_open_order_needs_tws_and_watching_an_ended_one_does_not() {
    let shell = Shell::new();
    let open: Place = shell
        .run(&["place", "--simulate", "--transmit", "--json", RESTING])
        .read();
    let ended: Place = shell
        .run(&["place", "--simulate", "--transmit", "--json", MARKET])
        .read();
    let id = ended.order_id.unwrap().to_string();
    shell.run(&["watch", "--simulate", "--order-id", &id, "--max-wait", "30"]);

    let port = dead_port().to_string();
    let beside = [
        "--ib-port",
        &port,
        "--order-db-path",
        "data/simulator.db",
        "--timeout",
        "0.3",
    ];
    let ran = shell.run(&[&["watch", "--order-id", &id][..], &beside].concat());
    let watch: Watch = ran.read();
    assert_eq!((ran.code, watch.terminal, watch.error), (0, true, None));

    let id = open.order_id.unwrap().to_string();
    let ran = shell.run(&[&["watch", "--order-id", &id][..], &beside].concat());
    let watch: Watch = ran.read();
    assert_eq!((ran.code, watch.terminal), (1, false));
    assert_eq!(watch.error.as_deref(), Some("could not connect to TWS"));
    assert!(ran.stderr.contains(&port), "{}", ran.stderr);
}

#[test]
fn a_client_id_in_use_is_said_after_the_fixed_text() {
    let tws = Tws::start(SimulatorConfig::on_free_port());
    let shell = Shell::new().with("IB_PORT", tws.port());
    let placed: Place = shell
        .run(&["place", "--transmit", "--json", RESTING])
        .read();
    let id = placed.order_id.unwrap().to_string();
    let mut watching = shell.spawn(&["watch", "--order-id", &id, "--stream"]);
    let mut first = String::new();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();

    let other_store = shell.run(&["health", "--order-db-path", "other.db"]);
    let error = other_store.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.starts_with("could not connect to TWS: ") && error.contains("client id 7"),
        "{error}"
    );
    assert!(
        other_store.stderr.contains("IB_CLIENT_ID"),
        "{}",
        other_store.stderr
    );

    // And the store of the one that runs: others are kept off it and told who is there, readers are not.
    let same_store = shell.run(&["health"]);
    let error = same_store.json()["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains(&format!("pid {}, which cannot be called", watching.id())),
        "{error}"
    );
    assert_eq!(shell.run(&["get", "--order-id", &id]).code, 0);
    assert_eq!(shell.run(&["list"]).code, 0);
    watching.kill().unwrap();
    watching.wait().unwrap();
}

#[test]
fn a_live_account_is_refused_and_the_switch_named() {
    let tws = Tws::start(SimulatorConfig {
        accounts: vec!["U1234567".to_owned()],
        ..SimulatorConfig::on_free_port()
    });
    let shell = Shell::new().with("IB_PORT", tws.port());
    let ran = shell.run(&["place", "--transmit", "--json", MARKET]);
    assert_eq!(ran.code, 1);
    let error = ran.json()["error"].as_str().unwrap().to_owned();
    assert!(error.contains("IB_ALLOW_LIVE"), "{error}");
    assert_eq!(tws.orders_seen(), 0);
    let allowed = shell.run(&["place", "--transmit", "--ib-allow-live", "--json", MARKET]);
    assert_eq!(allowed.code, 0, "{allowed:?}");
}

#[test]
fn an_order_that_does_not_exist_is_said_so() {
    let shell = Shell::new();
    for args in [
        &["get", "--order-id", "5"][..],
        &["list"],
        &["watch", "--order-id", "5", "--simulate"],
        &["cancel", "--order-id", "5", "--simulate"],
        &["get", "--order-id", "5", "--simulate"],
    ] {
        let ran = shell.run(args);
        assert_eq!(ran.code, 1, "{args:?}");
        let error = ran.json()["error"].as_str().unwrap().to_owned();
        assert!(
            error.contains("no order has id 5") || error.contains("there is no store"),
            "{args:?}: {error}"
        );
    }
}

#[test]
fn no_nonsense_ever_reaches_tws() {
    let tws = Tws::start(SimulatorConfig::on_free_port());
    let shell = Shell::new().with("IB_PORT", tws.port());
    for order in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "7",
        r#"{"action":"BUY"}"#,
        r#"{"action":"BUY","symbol":"AAPL","order_type":"MKT","quantity":"1e9"}"#,
    ] {
        let ran = shell.run(&["place", "--transmit", "--json", order]);
        assert_eq!(ran.code, 1, "{order}");
        ran.read::<Place>();
    }
    assert_eq!(tws.orders_seen(), 0);
    assert_eq!(
        std::fs::read_dir(shell.path()).unwrap().count(),
        0,
        "not even a store was made"
    );
}
