//! What makes an order valid, and what it is told when it is not.

use serde_json::{Value, json};

use super::*;

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
fn limits_of_the_operator_hold() {
    let limits = Limits {
        quantity_max: Some(Amount::from(10)),
        ..Limits::default()
    };
    assert_eq!(
        wrong(with("quantity", json!(11)), &limits),
        one("less_than_equal", "quantity")
    );
    let limits = Limits {
        notional_max: Some(Amount::from(1000)),
        ..Limits::default()
    };
    assert_eq!(wrong(market(), &limits), one("value_error", "order_type"));
    let mut order = json!({"action": "BUY", "symbol": "A", "order_type": "LMT", "quantity": 10, "limit_price": 100});
    assert!(check(order.clone().into(), false, &limits).is_ok());
    order["limit_price"] = json!(100.01);
    assert_eq!(wrong(order, &limits), one("value_error", "quantity"));
    let limits = Limits {
        account: Some("DU1".to_owned()),
        ..Limits::default()
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
        ..Limits::default()
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
