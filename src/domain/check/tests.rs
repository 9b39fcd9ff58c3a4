//! What makes an order valid, and what it is told when it is not.

use serde_json::{Value, json};

use super::*;
use crate::domain::Amount;

fn checked(order: Value) -> Result<Order, Violations> {
    check(order.into(), false, &Limits::default())
}

/// (type, loc) of every violation, in order.
fn wrong(order: Value, limits: &Limits) -> Vec<(String, String)> {
    match check(order.into(), false, limits) {
        Ok(order) => panic!("valid: {order:?}"),
        Err(violations) => violations
            .0
            .into_iter()
            .map(|v| (v.kind, v.loc.join(".")))
            .collect(),
    }
}

fn one(kind: &str, loc: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), loc.to_owned())]
}

fn market() -> Value {
    json!({"action": "BUY", "symbol": "aapl", "order_type": "MKT", "quantity": 1})
}

fn with(field: &str, value: Value) -> Value {
    let mut order = market();
    order[field] = value;
    order
}

#[test]
fn a_short_order_gets_every_default() {
    let order = checked(market()).unwrap();
    assert_eq!(
        order.request(),
        &OrderRequest::market(Action::Buy, "AAPL", Amount::from(1))
    );
    assert_eq!(order.effective_order_ref(), None);
}

#[test]
fn words_are_read_in_any_case() {
    let order = checked(json!({"action": "sell", "symbol": " msft ", "order_type": "lmt", "quantity": "0.5",
        "limit_price": 450.25, "tif": "gtc", "exchange": "smart", "currency": "usd", "sec_type": "stk"}))
    .unwrap();
    assert_eq!(order.request().terms.tif, TimeInForce::GoodTillCancelled);
    assert_eq!(order.request().terms.symbol(), "MSFT");
    assert_eq!(
        order.request().terms.pricing.limit_price(),
        Amount::parse("450.25").ok()
    );
}

#[test]
fn an_empty_order_names_every_required_field() {
    assert_eq!(
        wrong(json!({}), &Limits::default()),
        [
            ("missing", "action"),
            ("missing", "symbol"),
            ("missing", "order_type"),
            ("missing", "quantity")
        ]
        .map(|(kind, loc)| (kind.to_owned(), loc.to_owned()))
    );
}

#[test]
fn all_violations_are_reported_at_once() {
    let found = wrong(
        json!({"action": "HOLD", "symbol": "", "order_type": "LMT", "quantity": -1, "colour": "red", "transmit": "yes"}),
        &Limits::default(),
    );
    for expected in [
        ("enum", "action"),
        ("string_too_short", "symbol"),
        ("greater_than", "quantity"),
        ("missing", "limit_price"),
        ("bool_type", "transmit"),
        ("extra_forbidden", "colour"),
    ] {
        assert!(
            found.contains(&(expected.0.to_owned(), expected.1.to_owned())),
            "{expected:?} not in {found:?}"
        );
    }
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn quantities_are_positive_plain_decimals() {
    let none = Limits::default();
    assert_eq!(
        wrong(with("quantity", json!(0)), &none),
        one("greater_than", "quantity")
    );
    assert_eq!(
        wrong(with("quantity", json!("1e3")), &none),
        one("decimal_parsing", "quantity")
    );
    assert_eq!(
        wrong(with("quantity", json!(true)), &none),
        one("decimal_type", "quantity")
    );
    assert_eq!(
        wrong(with("quantity", json!("0.1234567890123456")), &none),
        one("decimal_max_digits", "quantity")
    );
    assert_eq!(
        wrong(with("quantity", json!(1e300)), &none),
        one("decimal_max_digits", "quantity")
    );
    assert!(checked(with("quantity", json!(0.1))).is_ok());
    assert!(checked(with("quantity", json!(1.0))).is_ok());
}

#[test]
fn numbers_that_tws_would_not_read_back_are_refused() {
    for quantity in [json!(1_000_000_000_001_i64), json!("1000000000000.5")] {
        assert_eq!(
            wrong(with("quantity", quantity), &Limits::default()),
            one("less_than_equal", "quantity")
        );
    }
    assert_eq!(
        wrong(with("quantity", json!("2147483647.0")), &Limits::default()),
        one("value_error", "quantity")
    );
    for quantity in [1_000_000_000_000_i64, 2_147_483_646, 2_147_483_648] {
        assert!(checked(with("quantity", json!(quantity))).is_ok());
    }
    let mut limit = with("limit_price", json!(1e12));
    limit["order_type"] = json!("LMT");
    assert!(checked(limit.clone()).is_ok());
    limit["limit_price"] = json!(1.5e12);
    assert_eq!(
        wrong(limit, &Limits::default()),
        one("less_than_equal", "limit_price")
    );
}

#[test]
fn a_market_order_has_no_price_and_a_limit_order_needs_one() {
    let none = Limits::default();
    assert_eq!(
        wrong(with("limit_price", json!(1)), &none),
        one("value_error", "limit_price")
    );
    assert_eq!(
        wrong(with("order_type", json!("LMT")), &none),
        one("missing", "limit_price")
    );
}

#[test]
fn tag_and_reference_must_agree() {
    let mut order = with("client_tag", json!("a"));
    order["order_ref"] = json!("b");
    assert_eq!(
        wrong(order.clone(), &Limits::default()),
        one("value_error", "order_ref")
    );
    order["order_ref"] = json!("a");
    assert_eq!(checked(order).unwrap().effective_order_ref(), Some("a"));
}

#[test]
fn the_only_account_allowed_is_the_only_one_taken() {
    let limits = Limits {
        account: Some("DU1".to_owned()),
    };
    assert_eq!(
        wrong(with("account", json!("DU2")), &limits),
        one("value_error", "account")
    );
}

#[test]
fn an_order_goes_to_its_own_account_else_the_configured_else_the_only_one() {
    let login = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
    let plain = checked(market()).unwrap();
    let named = checked(with("account", json!("DU2"))).unwrap();
    let configured = Limits {
        account: Some("DU2".to_owned()),
    };
    let none = Limits::default();
    assert_eq!(plain.account_for(&login(&["DU1"]), &none).unwrap(), "DU1");
    assert_eq!(
        plain
            .account_for(&login(&["DU1", "DU2"]), &configured)
            .unwrap(),
        "DU2"
    );
    assert_eq!(
        named.account_for(&login(&["DU1", "DU2"]), &none).unwrap(),
        "DU2"
    );
    assert!(plain.account_for(&login(&["DU1", "DU2"]), &none).is_err());
    assert!(named.account_for(&login(&["DU1"]), &none).is_err());
}

#[test]
fn not_json_and_not_an_object_are_said_plainly() {
    let kind = |input: &str| {
        check(input.into(), false, &Limits::default())
            .unwrap_err()
            .0[0]
            .kind
            .clone()
    };
    assert_eq!(kind("{"), "json_invalid");
    assert_eq!(kind("[]"), "dict_type");
    assert_eq!(kind("null"), "dict_type");
}

#[test]
fn equal_orders_have_equal_digests_and_others_do_not() {
    let digest = |order: Value, transmit| {
        check(order.into(), transmit, &Limits::default())
            .unwrap()
            .digest()
    };
    let base = digest(market(), false);
    assert_eq!(base, digest(with("quantity", json!("1.0")), false));
    assert_eq!(base, digest(with("tif", json!("day")), false));
    assert_eq!(
        digest(with("client_tag", json!("x")), false),
        digest(with("order_ref", json!("x")), false)
    );
    assert_eq!(
        digest(with("transmit", json!(true)), false),
        digest(market(), true)
    );
    for other in [
        with("quantity", json!(2)),
        with("account", json!("DU1")),
        with("outside_rth", json!(true)),
        with("transmit", json!(true)),
    ] {
        assert_ne!(base, digest(other.clone(), false), "{other}");
    }
}

proptest::proptest! {
    #[test]
    fn no_json_makes_the_check_panic_and_a_typed_order_checks_like_its_json(text in ".{0,40}", number in proptest::num::f64::ANY) {
        let _ = check(text.as_str().into(), false, &Limits::default());
        let mut order = market();
        order["quantity"] = json!(number);
        order["symbol"] = json!(text);
        if let Ok(order) = checked(order) {
            let again = check(order.request().clone().into(), false, &Limits::default());
            proptest::prop_assert_eq!(again.unwrap(), order);
        }
    }
}

/// Digests of a released version: a caller who repeats a request after an upgrade gets the order of the first time.
#[test]
fn the_digest_of_an_order_is_the_same_in_every_version() {
    let hex = |order: Value, transmit| {
        let order = check(order.into(), transmit, &Limits::default()).unwrap();
        order
            .digest()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(
        hex(market(), true),
        "4f1fde974f843d0e1024172e86ecffa721f0fc5cba4ed01899039bf85c8b839d"
    );
    let limit = json!({"action": "SELL", "symbol": "BRK B", "order_type": "LMT", "quantity": "100.50", "limit_price": "450.250",
        "exchange": "ISLAND", "currency": "EUR", "tif": "GTC", "primary_exch": "NYSE", "client_tag": "tag", "account": "DU1",
        "outside_rth": true});
    assert_eq!(
        hex(limit, false),
        "367cfd44f5113f341a226baedea8031a41a2c9f1f621c161021a6ea73fb84388"
    );
}

fn priced(order_type: &str, prices: Value) -> Value {
    let mut order = with("order_type", json!(order_type));
    for (name, price) in prices.as_object().unwrap() {
        order[name] = price.clone();
    }
    order
}

#[test]
fn every_order_type_has_its_own_prices_and_no_other() {
    for (order_type, prices) in [
        ("STP", json!({"stop_price": 9})),
        ("STP_LMT", json!({"stop_price": 9, "limit_price": "8.5"})),
        ("TRAIL", json!({"trail_amount": 1})),
        ("TRAIL", json!({"trail_percent": 2.5, "stop_price": 9})),
        (
            "trail_limit",
            json!({"trail_percent": 100, "stop_price": 9, "limit_offset": 0.05}),
        ),
        ("MOC", json!({})),
        ("LOC", json!({"limit_price": 9})),
    ] {
        let order = checked(priced(order_type, prices.clone())).unwrap();
        let fields = serde_json::to_value(order.request()).unwrap();
        assert_eq!(fields["order_type"], order_type.to_uppercase());
        for (name, price) in prices.as_object().unwrap() {
            let typed = price
                .as_str()
                .map_or(price.clone(), |text| json!(text.parse::<f64>().unwrap()));
            assert_eq!(fields[name], typed, "{order_type} {name}");
        }
    }
    for (order_type, prices, kind, field) in [
        ("STP", json!({}), "missing", "stop_price"),
        (
            "STP",
            json!({"stop_price": 9, "limit_price": 9}),
            "value_error",
            "limit_price",
        ),
        (
            "STP_LMT",
            json!({"limit_price": 9}),
            "missing",
            "stop_price",
        ),
        (
            "STP_LMT",
            json!({"stop_price": 9}),
            "missing",
            "limit_price",
        ),
        (
            "STP_LMT",
            json!({"stop_price": 0, "limit_price": 9}),
            "greater_than",
            "stop_price",
        ),
        ("TRAIL", json!({}), "missing", "trail_amount"),
        (
            "TRAIL",
            json!({"trail_amount": 1, "trail_percent": 1}),
            "value_error",
            "trail_percent",
        ),
        (
            "TRAIL",
            json!({"trail_percent": 100.5}),
            "less_than_equal",
            "trail_percent",
        ),
        (
            "TRAIL",
            json!({"trail_percent": 1, "limit_offset": 1}),
            "value_error",
            "limit_offset",
        ),
        (
            "TRAIL_LIMIT",
            json!({"trail_amount": 1, "stop_price": 9}),
            "missing",
            "limit_offset",
        ),
        (
            "TRAIL_LIMIT",
            json!({"trail_amount": 1, "limit_offset": 1}),
            "missing",
            "stop_price",
        ),
        (
            "TRAIL_LIMIT",
            json!({"trail_amount": 1, "limit_offset": 1, "stop_price": 9, "limit_price": 9}),
            "value_error",
            "limit_price",
        ),
        (
            "MOC",
            json!({"limit_price": 9}),
            "value_error",
            "limit_price",
        ),
        ("LOC", json!({}), "missing", "limit_price"),
        (
            "LMT",
            json!({"limit_price": 9, "stop_price": 9}),
            "value_error",
            "stop_price",
        ),
        (
            "MKT",
            json!({"trail_amount": 9}),
            "value_error",
            "trail_amount",
        ),
        (
            "MKT",
            json!({"reference_price": -1}),
            "greater_than",
            "reference_price",
        ),
        (
            "STP",
            json!({"stop_price": "1234567890.1234567"}),
            "decimal_max_digits",
            "stop_price",
        ),
    ] {
        assert_eq!(
            wrong(priced(order_type, prices.clone()), &Limits::default()),
            one(kind, field),
            "{order_type} {prices}"
        );
    }
}

#[test]
fn gtd_has_an_end_in_whole_seconds_and_nothing_else_has_one() {
    let until = |tif: &str, time: Value| {
        let mut order = with("tif", json!(tif));
        order["good_till"] = time;
        order
    };
    let order = checked(until("gtd", json!("2026-11-30T16:00:00-04:00"))).unwrap();
    assert_eq!(
        order.request().terms.good_till,
        super::super::Timestamp::parse("2026-11-30T20:00:00Z")
    );
    for (order, kind) in [
        (with("tif", json!("GTD")), "missing"),
        (until("DAY", json!("2026-11-30T20:00:00Z")), "value_error"),
        (until("GTD", json!("2026-11-30T20:00:00.5Z")), "value_error"),
        (until("GTD", json!("2026-11-30 20:00")), "datetime_parsing"),
        (until("GTD", json!(1_796_000_000)), "datetime_parsing"),
    ] {
        assert_eq!(wrong(order, &Limits::default()), one(kind, "good_till"));
    }
}

#[test]
fn an_oca_group_is_for_orders_that_are_transmitted() {
    let mut grouped = with("oca_group", json!("exits"));
    assert_eq!(
        wrong(grouped.clone(), &Limits::default()),
        one("value_error", "oca_group")
    );
    grouped["transmit"] = json!(true);
    let oca = |order: Value| checked(order).unwrap().request().terms.oca.clone().unwrap();
    assert_eq!(
        oca(grouped.clone()).kind,
        super::super::OcaType::CancelWithBlock
    );
    grouped["oca_type"] = json!("reduce_non_block");
    assert_eq!(oca(grouped).kind, super::super::OcaType::ReduceNonBlock);
    assert_eq!(
        wrong(
            with("oca_type", json!("REDUCE_WITH_BLOCK")),
            &Limits::default()
        ),
        one("value_error", "oca_type")
    );
}

#[test]
fn text_that_tws_would_not_give_back_is_refused() {
    for field in ["client_tag", "order_ref", "oca_group"] {
        let given = |text: &str| {
            let mut order = with(field, json!(text));
            order["transmit"] = json!(true);
            order
        };
        let longest = "x".repeat(40);
        assert!(checked(given(&longest)).is_ok(), "{field}");
        for (text, kind) in [
            (" a", "value_error"),
            ("a ", "value_error"),
            ("gr\u{f6}\u{df}e", "value_error"),
            ("a\tb", "value_error"),
            (&format!("{longest}x"), "string_too_long"),
        ] {
            assert_eq!(
                wrong(given(text), &Limits::default()),
                one(kind, field),
                "{text:?}"
            );
        }
    }
}

#[test]
fn what_it_is_thought_to_trade_at_does_not_make_it_another_order() {
    let order = |field: &str, value: Value| checked(with(field, value)).unwrap();
    let plain = checked(market()).unwrap().digest();
    assert_eq!(order("reference_price", json!(9)).digest(), plain);
    let stop = |price: i64| checked(priced("STP", json!({"stop_price": price}))).unwrap();
    assert_ne!(stop(1).digest(), stop(2).digest());
}
