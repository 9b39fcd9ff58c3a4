//! What a command prints and how it exits.

use crate::contract::{Problem, Validate};
use crate::run::Shell;

const MARKET: &str = r#"{"action":"BUY","symbol":"aapl","order_type":"MKT","quantity":1}"#;

#[test]
fn a_valid_order_is_printed_with_its_defaults() {
    let ran = Shell::new().run(&["validate", "--json", MARKET]);
    let document: Validate = ran.read();
    assert!(document.valid && document.errors.is_none());
    assert_eq!(ran.stderr, "");
    insta::assert_snapshot!(ran.all());
}

#[test]
fn every_violation_is_printed_at_once() {
    let order = r#"{"action":"HOLD","symbol":" ","order_type":"LMT","quantity":-1,"tif":"NEVER","colour":"red","transmit":"yes"}"#;
    let ran = Shell::new().run(&["validate", "--json", order]);
    let document: Validate = ran.read();
    assert!(!document.valid);
    assert_eq!(document.errors.as_ref().map(Vec::len), Some(7));
    insta::assert_snapshot!(ran.all());
}

#[test]
fn an_order_is_read_from_stdin_and_from_a_file() {
    let shell = Shell::new();
    let given = shell.run(&["validate", "--json", MARKET]);
    let piped = shell.run_with_input(&["validate", "--json-file", "-"], MARKET.as_bytes());
    std::fs::write(shell.path().join("order.json"), MARKET).unwrap();
    let file = shell.run(&["validate", "--json-file", "order.json"]);
    assert_eq!(given.stdout, piped.stdout);
    assert_eq!(given.stdout, file.stdout);
}

#[test]
fn an_order_that_cannot_be_read_is_a_runtime_error_in_the_document() {
    let shell = Shell::new();
    let missing = shell.run(&["validate", "--json-file", "missing.json"]);
    let no_text = shell.run_with_input(&["validate", "--json-file", "-"], &[0xff, 0xfe]);
    let endless = shell.run_with_input(&["validate", "--json-file", "-"], &vec![b' '; 2 << 20]);
    for (ran, said) in [
        (missing, "missing.json"),
        (no_text, "UTF-8"),
        (endless, "longer"),
    ] {
        assert_eq!(ran.code, 1);
        let document: Validate = ran.read();
        let errors = document.errors.unwrap();
        let [Problem::Runtime(problem)] = errors.as_slice() else {
            panic!("{errors:?}")
        };
        assert_eq!(problem.kind, "runtime");
        assert!(problem.msg.contains(said), "{}", problem.msg);
    }
}

#[test]
fn a_slip_on_the_command_line_is_told_on_stderr_and_exits_2() {
    let shell = Shell::new();
    for args in [
        &["validate"][..],
        &["validate", "--json", "{}", "--json-file", "-"],
        &["place", "--json", "{}", "--timeout", "soon"],
        &["place", "--json", "{}", "--timeout", "-1"],
        &[
            "place",
            "--json",
            "{}",
            "--simulate",
            "--server",
            "http://127.0.0.1:1",
        ],
        &["watch"],
        &["watch", "--order-id", "-5"],
        &["watch", "--order-id", "1", "--placed-as", "a"],
        &["get", "--request-id", "a"],
        &["get"],
        &["get", "--order-id", "1", "--placed-as", "a"],
        &["cancel", "--order-id", "0"],
        &["list", "--status", "DONE"],
        &["list", "--page-size", "0"],
        &["list", "--output", "xml"],
        &["completions", "dos"],
        &["sell-everything"],
        &[],
    ] {
        let ran = shell.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{args:?}");
        assert!(ran.stderr.contains("--help"), "{args:?}: {}", ran.stderr);
    }
    insta::assert_snapshot!(shell.run(&["validate"]).all());
}

#[test]
fn a_wrong_configuration_names_every_problem_and_exits_64() {
    let shell = Shell::new()
        .with("IB_PORT", "banana")
        .with("LOG_FORMAT", "xml");
    std::fs::write(shell.path().join(".env"), "IB_CLIENT_ID=-1\n").unwrap();
    let ran = shell.run(&["validate", "--json", MARKET, "--max-order-quantity", "many"]);
    assert_eq!(ran.code, 64);
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran.all());
}

#[test]
fn limits_of_the_configuration_hold_for_validate() {
    let shell = Shell::new().with("MAX_ORDER_QUANTITY", "10");
    let order = r#"{"action":"BUY","symbol":"AAPL","order_type":"MKT","quantity":11}"#;
    let ran = shell.run(&["validate", "--json", order]);
    assert_eq!(ran.code, 1);
    assert!(
        ran.stdout.contains("max_order_quantity 10"),
        "{}",
        ran.stdout
    );
    let allowed = shell.run(&["validate", "--json", order, "--max-order-quantity", "11"]);
    assert_eq!(allowed.code, 0, "{allowed:?}");
}

#[test]
fn validate_opens_no_store() {
    let shell = Shell::new();
    shell.run(&["validate", "--json", MARKET]);
    assert_eq!(std::fs::read_dir(shell.path()).unwrap().count(), 0);
}

#[test]
fn a_reader_that_goes_away_causes_no_panic() {
    let shell = Shell::new();
    for args in [&["--help"][..], &["man"], &["validate", "--json", MARKET]] {
        let mut child = shell.spawn(args);
        drop(child.stdout.take());
        let ran = crate::run::finish(child);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
    }
}

#[test]
fn validate_waits_for_nothing() {
    let shell = Shell::new();
    // The quickest of several: the others measure what else the machine was doing. Any wait of the program's own is longer.
    let quickest = (0..20).map(|_| {
        let started = std::time::Instant::now();
        shell.run(&["validate", "--json", MARKET]);
        started.elapsed()
    });
    let quickest = quickest.min().unwrap();
    assert!(quickest < std::time::Duration::from_secs(1), "{quickest:?}");
}
