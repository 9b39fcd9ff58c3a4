//! What TWS or the gateway refuses, as the command line says it: the error in the document, a hint beside it, the exit code.

use std::io::{BufRead, BufReader};

use ibkr_orders::simulator::SimulatorConfig;

use crate::contract::Place;
use test_support::ports::ClosedPort;

use crate::run::Shell;
use crate::tws::{MARKET, RESTING, Tws};

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
    let nobody = ClosedPort::new();
    let port = nobody.port();
    let shell = Shell::new().with("IB_PORT", port);
    for args in [
        &["health", "--timeout", "0.3"][..],
        &["place", "--json", MARKET, "--timeout", "0.3"],
    ] {
        let ran = shell.run(args);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(ran.json()["error"], "could not connect to TWS", "{args:?}");
        if args[0] == "place" {
            // The id made for the call, to repeat it with.
            assert!(ran.json()["request_id"].is_string(), "{ran:?}");
        }
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
