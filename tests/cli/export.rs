//! `export` and `backup`: what leaves the store for other programs.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::Shell;
use crate::tws::{MARKET, RESTING};

/// A shell whose simulator's store has a filled order, a resting one, and what happened to them.
fn traded() -> Shell {
    let shell = Shell::new();
    for (order, id) in [(MARKET, "first"), (RESTING, "second")] {
        let ran = shell.run(&[
            "place",
            "--simulate",
            "--transmit",
            "--json",
            order,
            "--request-id",
            id,
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = shell.run(&["watch", "--simulate", "--order-id", "1", "--max-wait", "30"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    shell
}

fn lines(shell: &Shell, args: &[&str]) -> Vec<Value> {
    let ran = shell.run(&[&["export", "--simulate"], args].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    ran.stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Names of a document's fields; those of objects within it behind a point.
fn names(value: &Value, above: &str, found: &mut BTreeSet<String>) {
    for (name, value) in value.as_object().unwrap() {
        let name = format!("{above}{name}");
        match value {
            Value::Object(_) => names(value, &format!("{name}."), found),
            Value::Null if ["order", "fill"].contains(&name.as_str()) => {}
            _ => {
                found.insert(name);
            }
        }
    }
}

#[test]
fn orders_are_exported_as_get_prints_them_and_executions_sum_to_what_filled() {
    let shell = traded();
    let orders = lines(&shell, &["--what", "orders"]);
    assert_eq!(orders.len(), 2);
    for order in &orders {
        let id = order["order_id"].to_string();
        let got = shell.run(&["get", "--simulate", "--order-id", &id]).json();
        assert_eq!(&got["order"], order);
    }
    let executions = lines(&shell, &["--what", "executions"]);
    let sum: f64 = executions
        .iter()
        .map(|row| row["quantity"].as_f64().unwrap())
        .sum();
    assert_eq!(Some(sum), orders[0]["filled"].as_f64());
    assert!(sum > 0.0);
    for (name, value) in [
        ("account", "DU1234567"),
        ("symbol", "AAPL"),
        ("action", "BUY"),
        ("currency", "USD"),
    ] {
        assert_eq!(executions[0][name], value, "{name}");
    }
}

#[test]
fn events_are_what_a_watch_of_all_orders_showed() {
    let shell = traded();
    let events = lines(&shell, &["--what", "events"]);
    let sequences: Vec<u64> = events
        .iter()
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect();
    assert!(
        sequences.windows(2).all(|pair| pair[0] < pair[1]),
        "{sequences:?}"
    );
    let ran = shell.run(&[
        "watch",
        "--simulate",
        "--order-id",
        "1",
        "--stream",
        "--after-sequence",
        &(sequences[0] - 1).to_string(),
    ]);
    let shown: BTreeSet<u64> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|update| update["order"].is_object() || update["fill"].is_object())
        .map(|update| update["sequence"].as_u64().unwrap())
        .collect();
    let exported: BTreeSet<u64> = events
        .iter()
        .filter(|event| event["order_id"] == 1)
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(shown, exported);
    assert!(shown.len() > 2, "{ran:?}");
    assert!(
        events
            .iter()
            .any(|event| event["kind"] == "fill" && event["order"].is_null())
    );
}

#[test]
fn the_columns_of_csv_are_the_fields_of_json_and_every_line_has_all_of_them() {
    let shell = traded();
    for what in ["orders", "executions", "events", "instructions", "audit"] {
        let mut fields = BTreeSet::new();
        for line in lines(&shell, &["--what", what]) {
            names(&line, "", &mut fields);
        }
        // An event's own id and sequence stand once. What a record of the audit says beyond that is one column of JSON.
        fields.retain(|name| !name.starts_with("body."));
        if what == "audit" {
            fields.insert("body".to_owned());
        }
        fields.retain(|name| {
            !["order.order_id", "order.sequence", "fill.order_id"].contains(&name.as_str())
        });
        let ran = shell.run(&["export", "--simulate", "--what", what, "--format", "csv"]);
        let mut rows = ran.stdout.split("\r\n");
        let header: BTreeSet<String> = rows.next().unwrap().split(',').map(str::to_owned).collect();
        assert_eq!(header, fields, "{what}");
        let expected = lines(&shell, &["--what", what]).len();
        assert_eq!(
            rows.filter(|row| !row.is_empty()).count(),
            expected,
            "{what}"
        );
    }
}

#[test]
fn what_was_instructed_and_what_the_audit_has_are_exported() {
    let shell = traded();
    let malformed = shell.run(&[
        "place",
        "--simulate",
        "--json",
        &RESTING.replace("\"limit_price\"", "\"stop_price\""),
        "--request-id",
        "malformed",
    ]);
    assert_ne!(malformed.code, 0);
    let instructions = lines(&shell, &["--what", "instructions"]);
    let shown: Vec<_> = instructions
        .iter()
        .map(|row| (row["kind"].as_str().unwrap(), row["request_id"].as_str()))
        .collect();
    assert_eq!(
        shown,
        [("PLACE", Some("first")), ("PLACE", Some("second"))],
        "{instructions:?}"
    );
    assert_eq!(instructions[0]["digest"].as_str().unwrap().len(), 64);
    let audit = lines(&shell, &["--what", "audit"]);
    assert_eq!(audit[0]["kind"], "LOGIN");
    assert_eq!(audit[0]["body"]["accounts"][0], "DU1234567");
    let numbers: Vec<_> = audit.iter().map(|row| row["audit"].as_i64()).collect();
    assert!(numbers.is_sorted(), "{numbers:?}");
    let first = audit[0]["at"].as_str().unwrap();
    assert_eq!(
        lines(&shell, &["--what", "audit", "--until", first]),
        Vec::<Value>::new()
    );
}

#[test]
fn since_and_until_bound_what_is_written() {
    let shell = traded();
    let all = lines(&shell, &["--what", "orders"]);
    let second = all[1]["created_at"].as_str().unwrap();
    let ids = |args: &[&str]| -> Vec<i64> {
        let rows = lines(&shell, &[&["--what", "orders"], args].concat());
        rows.iter()
            .map(|row| row["order_id"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(&["--since", second]), [2]);
    assert_eq!(ids(&["--until", second]), [1]);
    assert_eq!(
        ids(&["--since", second, "--until", second]),
        Vec::<i64>::new()
    );
}

#[test]
fn an_export_without_a_store_says_so_and_a_time_without_a_zone_is_a_slip() {
    let shell = Shell::new();
    let ran = shell.run(&["export", "--what", "orders"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    assert!(
        ran.stderr.contains("there is no store at data/orders.db"),
        "{ran:?}"
    );
    let ran = shell.run(&["export", "--what", "orders", "--since", "2026-11-22"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

#[test]
fn a_backup_is_a_store_of_its_own_and_never_takes_the_place_of_a_file() {
    let shell = traded();
    let made = shell.run(&["backup", "--simulate", "copy.db"]);
    let document = made.json();
    assert_eq!(
        (made.code, &document["orders"]),
        (0, &Value::from(2)),
        "{made:?}"
    );
    let copy = shell.path().join("copy.db");
    assert_eq!(document["bytes"], copy.metadata().unwrap().len());
    let mode = std::os::unix::fs::MetadataExt::mode(&copy.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600);
    assert!(!shell.path().join("copy.db.partial").exists());
    for what in ["orders", "executions", "events", "instructions", "audit"] {
        let of_copy = shell.run(&["export", "--what", what, "--order-db-path", "copy.db"]);
        let of_store = shell.run(&["export", "--what", what, "--simulate"]);
        assert_eq!(of_copy.stdout, of_store.stdout, "{what}");
    }
    let again = shell.run(&["backup", "--simulate", "copy.db"]);
    assert_eq!(again.code, 1);
    assert!(
        again.json()["error"]
            .as_str()
            .unwrap()
            .contains("exists already"),
        "{again:?}"
    );
    let missing = Shell::new().run(&["backup", "copy.db"]);
    assert_eq!(missing.code, 1);
}

#[test]
fn pruned_orders_stand_in_the_archive_and_their_request_ids_never_place_again() {
    let shell = traded();
    // What the last event is about stays.
    let ran = shell.run(&["cancel", "--simulate", "--order-id", "2"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let prune = |archive: &str| {
        shell.run(&[
            "prune",
            "--simulate",
            "--before",
            "2100-01-01T00:00:00Z",
            "--archive",
            archive,
        ])
    };
    let ran = prune("archive.db");
    let document = ran.json();
    assert_eq!(
        (ran.code, &document["orders"]),
        (0, &Value::from(1)),
        "{ran:?}"
    );
    let ids = |args: &[&str]| -> Vec<i64> {
        let ran = shell.run(&[&["export", "--what", "orders"], args].concat());
        ran.stdout
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["order_id"]
                    .as_i64()
                    .unwrap()
            })
            .collect()
    };
    assert_eq!(ids(&["--simulate"]), [2]);
    assert_eq!(ids(&["--order-db-path", "archive.db"]), [1]);
    assert_eq!(
        lines(&shell, &["--what", "executions"]),
        Vec::<Value>::new()
    );
    // The same request again: never a second order, and a clear answer.
    let place = |id: &str| {
        shell.run(&[
            "place",
            "--simulate",
            "--transmit",
            "--json",
            MARKET,
            "--request-id",
            id,
        ])
    };
    let again = place("first");
    assert_eq!(again.code, 1, "{again:?}");
    assert!(
        again.stdout.contains("was pruned from the store"),
        "{again:?}"
    );
    assert_eq!(ids(&["--simulate"]), [2]);
    // Its order id is not given out again.
    let next = place("third");
    assert_eq!(next.json()["order_id"], 3, "{next:?}");
    // An archive that exists is left as it is, and nothing is taken out.
    let ran = prune("archive.db");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("exists already"), "{ran:?}");
}

#[test]
fn accounts_are_printed_and_pinned_anew() {
    let shell = traded();
    let accounts = |args: &[&str]| {
        shell
            .run(&[&["accounts", "--simulate"], args].concat())
            .json()
    };
    assert_eq!(accounts(&[])["accounts"][0], "DU1234567");
    assert_eq!(
        accounts(&["--pin", "DU1,DU2"])["accounts"],
        serde_json::json!(["DU1", "DU2"])
    );
    let ran = shell.run(&[
        "place",
        "--simulate",
        "--json",
        RESTING,
        "--request-id",
        "of-others",
    ]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("this store belongs to DU1, DU2"),
        "{ran:?}"
    );
    assert_eq!(accounts(&["--pin"])["accounts"], Value::Null);
    let ran = shell.run(&[
        "place",
        "--simulate",
        "--json",
        RESTING,
        "--request-id",
        "of-ours",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(accounts(&[])["accounts"][0], "DU1234567");
}
