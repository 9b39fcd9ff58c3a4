//! Watches from the command line: streamed, interrupted, unread, and of orders that have ended.

use std::io::{BufRead, BufReader};

use ibkr_orders::simulator::SimulatorConfig;

use crate::contract::{Place, Update, Watch};
use test_support::ports::ClosedPort;

use crate::run::{Shell, finish};
use crate::tws::{MARKET, RESTING, Tws};

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

    shell.run(&["cancel", "--placed-as", "r"]);
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

    let nobody = ClosedPort::new();
    let port = nobody.port().to_string();
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
