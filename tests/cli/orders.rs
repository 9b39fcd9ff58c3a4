//! An order's life from the command line, and every document it leaves: each command is a process of its own.

use std::time::Duration;

use ibkr_orders::simulator::SimulatorConfig;
use serde_json::json;

use crate::contract::{Change, Get, Health, List, Place, Watch};
use crate::run::{Ran, Shell};
use crate::tws::{MARKET, RESTING, Tws};

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
    let ran = shell.run(&["cancel", "--simulate", "--placed-as", "r-1"]);
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
    let transmitted = run(&["transmit", "--placed-as", "a"]);
    transmitted.read::<Change>();
    let cancelled = run(&["cancel", "--placed-as", "a"]);
    cancelled.read::<Change>();
    insta::assert_json_snapshot!("cancel", steady(&cancelled));
    let filled: Place = run(&["place", "--transmit", "--request-id", "b", "--json", MARKET]).read();
    let id = filled.order_id.unwrap().to_string();
    let watched = run(&["watch", "--order-id", &id]);
    watched.read::<Watch>();
    let got = run(&["get", "--placed-as", "b"]);
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
    let table = run(&["get", "--placed-as", "b", "--output", "table"]).stdout;
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
