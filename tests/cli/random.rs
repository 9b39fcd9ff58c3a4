//! Nonsense of every kind: it is answered with a document or a usage text, never with a panic, and never sends an order.

use ibkr_orders::simulator::SimulatorConfig;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::run::{Ran, Shell};
use crate::tws::Tws;

/// How often each property is tried; `PROPTEST_CASES` says otherwise. A failing case is printed smallest.
fn tries() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        max_shrink_iters: 200,
        ..ProptestConfig::with_cases(
            std::env::var("PROPTEST_CASES")
                .ok()
                .and_then(|text| text.parse().ok())
                .unwrap_or(150),
        )
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "BUY", "SELL", "MKT", "LMT", "AAPL", "1", "0.1", "1e3", "DAY", "GTC", "STK",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Something with the fields of an order, each of any kind.
fn near_order() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "action",
        "symbol",
        "order_type",
        "quantity",
        "limit_price",
        "sec_type",
        "exchange",
        "currency",
        "tif",
        "transmit",
        "primary_exch",
        "client_tag",
        "order_ref",
        "account",
        "outside_rth",
        "colour",
    ]);
    prop::collection::vec((names, any_json()), 0..10).prop_map(|fields| {
        let fields = fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        Value::Object(fields.collect::<Map<_, _>>())
    })
}

/// One document and exit code 0 or 1, or a usage text and 2, or a list of wrong settings and 64.
fn is_answered(ran: &Ran) -> Result<(), TestCaseError> {
    prop_assert!(!ran.stderr.contains("panicked"), "{:?}", ran);
    match ran.code {
        0 | 1 => {
            prop_assert_eq!(ran.stdout.lines().count(), 1, "{:?}", ran);
            prop_assert!(
                serde_json::from_str::<Value>(&ran.stdout).is_ok(),
                "{:?}",
                ran
            );
        }
        2 => {
            prop_assert_eq!(ran.stdout.as_str(), "");
            prop_assert!(
                ran.stderr.contains("Usage:") || ran.stderr.contains("--help"),
                "{:?}",
                ran
            );
        }
        64 => prop_assert!(ran.stdout.is_empty() && !ran.stderr.is_empty(), "{:?}", ran),
        code => prop_assert!(false, "exit code {}: {:?}", code, ran),
    }
    Ok(())
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn any_json_is_judged(order in prop_oneof![any_json(), near_order()]) {
        let shell = Shell::new();
        let text = order.to_string();
        let ran = shell.run_with_input(&["validate", "--json-file", "-"], text.as_bytes());
        is_answered(&ran)?;
        prop_assert!(ran.code <= 1);
        let valid = ran.json()["valid"] == Value::Bool(true);
        prop_assert_eq!(valid, ran.code == 0);
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let ran = Shell::new().run_with_input(&["validate", "--json-file", "-"], &bytes);
        is_answered(&ran)?;
        prop_assert_eq!(ran.code, 1);
    }
}

/// A word of a command line: one that means something somewhere, or anything.
fn any_word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "--json",
        "--json-file",
        "-",
        "{}",
        "[",
        "{\"action\":\"BUY\"}",
        "--transmit",
        "--dry-run",
        "--request-id",
        "--order-id",
        "--placed-as",
        "--timeout",
        "0.1",
        "--poll-interval",
        "--max-wait",
        "--after-sequence",
        "--stream",
        "--output",
        "table",
        "--status",
        "FILLED",
        "--symbol",
        "--page-size",
        "--page-token",
        "--server",
        "http://127.0.0.1:1",
        "--token-file",
        "--ib-port",
        "--ib-client-id",
        "--order-db-path",
        "no/such.db",
        "--max-order-notional",
        "--ib-allow-live",
        "--log-format",
        "json",
        "--help",
        "--",
        "0",
        "1",
        "-1",
        "99999999999999999999",
    ]);
    prop_oneof![
        4 => known.prop_map(str::to_owned),
        1 => "[^\u{0}]{0,8}",
    ]
}

proptest! {
    #![proptest_config(tries())]

    #[test]
    fn any_command_line_is_answered(
        command in prop::sample::select(vec![
            "health", "validate", "place", "watch", "transmit", "cancel", "get", "list", "completions", "nonsense", "",
        ]),
        words in prop::collection::vec(any_word(), 0..6),
    ) {
        // Nothing listens at port 1: what gets that far fails at once.
        let shell = Shell::new().with("IB_PORT", 1);
        let mut args = vec![command];
        args.extend(words.iter().map(String::as_str));
        let ran = shell.run(&args);
        // Help and completion scripts are pages of text.
        if ran.code == 0 && (ran.stdout.contains("Usage:") || command == "completions") {
            return Ok(());
        }
        // A table that cannot be made is a line on stderr.
        if ran.code == 1 && ran.stdout.is_empty() && words.iter().any(|word| word == "table") {
            prop_assert!(!ran.stderr.is_empty(), "{:?}", ran);
            return Ok(());
        }
        is_answered(&ran)?;
    }
}

#[test]
fn no_random_order_reaches_tws_unless_it_is_valid() {
    let tws = Tws::start(SimulatorConfig::on_free_port());
    let shell = Shell::new().with("IB_PORT", tws.port());
    let mut runner = proptest::test_runner::TestRunner::new(tries());
    let outcome = runner.run(&prop_oneof![any_json(), near_order()], |order| {
        let text = order.to_string();
        let checked = shell.run(&["validate", "--json", &text]);
        // One that is valid by chance may be placed, and is no matter here.
        prop_assume!(checked.code == 1);
        let placed = shell.run(&["place", "--transmit", "--json", &text]);
        is_answered(&placed)?;
        prop_assert_eq!(placed.code, 1);
        prop_assert_eq!(&placed.json()["errors"], &checked.json()["errors"]);
        Ok(())
    });
    assert_eq!(outcome, Ok(()));
    assert_eq!(tws.orders_seen(), 0);
}
