//! What is tried through every door: the steps of each scenario, in the order of play.

use serde_json::json;

use crate::steps::Which::{Id, Last, Request, StopLoss, TakeProfit};
use crate::steps::{
    Page, Replace, Scenario, Step, again, bracket, bracket_dry, bracket_named, briefly, dry, exits,
    limit, list, market, named, place, replace, stage, to_the_end, validate, with,
};

/// With TWS there.
pub fn with_tws() -> Vec<Scenario> {
    let mut told = Vec::new();
    let mut tell = |name, steps| {
        told.push(Scenario {
            name,
            steps,
            sayable: true,
        })
    };

    tell("health of a gateway with TWS", vec![Step::Health]);
    tell(
        "a market order in lower case is valid",
        validate(market("aapl", 1)),
    );
    tell(
        "a limit order with every field is valid",
        validate(json!({
            "action": "SELL", "symbol": "MSFT", "order_type": "LMT", "quantity": "10.5", "limit_price": "450.25", "sec_type": "STK",
            "exchange": "smart", "currency": "usd", "tif": "GTC", "transmit": true, "primary_exch": "nasdaq", "client_tag": "a",
            "order_ref": "a", "account": "DU1234567", "outside_rth": true,
        })),
    );
    tell(
        "the request's transmit counts",
        vec![Step::Validate {
            order: market("AAPL", 1),
            transmit: true,
        }],
    );
    tell(
        "an empty order misses every required field",
        validate(json!({})),
    );
    tell(
        "a limit order needs its price",
        validate(with(market("AAPL", 1), "order_type", json!("LMT"))),
    );
    tell(
        "a market order has no price",
        validate(with(market("AAPL", 1), "limit_price", json!(1))),
    );
    tell("no quantity of zero", validate(market("AAPL", 0)));
    tell("no negative quantity", validate(market("AAPL", -3)));
    tell(
        "no quantity above the operator's limit",
        validate(market("AAPL", 200_000)),
    );
    tell(
        "no number longer than a double",
        validate(with(
            market("AAPL", 1),
            "quantity",
            json!("1234567890123456"),
        )),
    );
    tell(
        "no exponent",
        validate(with(market("AAPL", 1), "quantity", json!("1e3"))),
    );
    tell("no empty symbol", validate(market(" ", 1)));
    tell(
        "tag and ref must agree",
        validate(with(
            with(market("AAPL", 1), "client_tag", json!("a")),
            "order_ref",
            json!("b"),
        )),
    );
    tell(
        "a currency has three letters",
        validate(with(market("AAPL", 1), "currency", json!("dollar"))),
    );
    tell(
        "a tag has an end",
        validate(with(
            market("AAPL", 1),
            "client_tag",
            json!("x".repeat(200)),
        )),
    );

    for (name, order_type, prices) in [
        ("a stop order", "STP", json!({"stop_price": 200})),
        (
            "a stop-limit order",
            "STP_LMT",
            json!({"stop_price": "200", "limit_price": 199.5}),
        ),
        (
            "a trailing stop order",
            "TRAIL",
            json!({"trail_percent": 2.5, "stop_price": 200}),
        ),
        (
            "a trailing stop limit order",
            "TRAIL_LIMIT",
            json!({"trail_amount": 4, "stop_price": 200, "limit_offset": "0.25"}),
        ),
        ("a market-on-close order", "MOC", json!({})),
        ("a limit-on-close order", "LOC", json!({"limit_price": 250})),
        (
            "an order until a time",
            "LMT",
            json!({"limit_price": 250, "tif": "GTD", "good_till": "2030-01-31T21:00:00Z"}),
        ),
        (
            "an order of a group",
            "LMT",
            json!({"limit_price": 250, "oca_group": "exits", "oca_type": "REDUCE_WITH_BLOCK", "transmit": true, "reference_price": 230}),
        ),
        (
            "a stop order without its stop, with prices of others",
            "STP",
            json!({"limit_price": 1, "trail_amount": 1, "good_till": "2030-01-31T21:00:00Z"}),
        ),
        (
            "a trailing stop order with two distances",
            "TRAIL",
            json!({"trail_amount": 1, "trail_percent": 1}),
        ),
    ] {
        let mut order = with(market("AAPL", 1), "order_type", json!(order_type));
        for (field, value) in prices.as_object().into_iter().flatten() {
            order = with(order, field, value.clone());
        }
        tell(
            name,
            vec![
                Step::Validate {
                    order: order.clone(),
                    transmit: false,
                },
                dry(order),
            ],
        );
    }
    tell(
        "a stop waits for its trigger",
        vec![place(with(
            with(market("AAPL", 1), "order_type", json!("STP")),
            "stop_price",
            json!(900),
        ))],
    );

    tell(
        "a dry run shows what would be sent",
        vec![dry(limit("AAPL", 5, 200.0))],
    );
    tell(
        "a dry run of nonsense names it",
        vec![dry(market("AAPL", 0))],
    );
    tell(
        "an invalid order is not placed",
        vec![place(market("AAPL", -1))],
    );
    tell(
        "an account of somebody else is refused",
        vec![place(with(market("AAPL", 1), "account", json!("DU9")))],
    );

    tell(
        "a market order fills",
        vec![place(market("AAPL", 1)), to_the_end(Last), Step::Get(Last)],
    );
    tell(
        "a large order fills in parts",
        vec![
            place(market("SPY", 2_000)),
            to_the_end(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "a sell with a tag fills",
        vec![
            place(with(
                with(market("MSFT", 2), "action", json!("SELL")),
                "client_tag",
                json!("tag-1"),
            )),
            to_the_end(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "a resting limit order is watched for a while and cancelled",
        vec![
            place(limit("AAPL", 5, 100.0)),
            briefly(Last),
            Step::Cancel(Last),
            to_the_end(Last),
            Step::Get(Last),
            Step::Cancel(Last),
        ],
    );
    tell(
        "a staged order is transmitted",
        vec![
            stage(market("IBM", 3)),
            Step::Get(Last),
            Step::Transmit(Last),
            to_the_end(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "a staged order is discarded",
        vec![
            stage(limit("IBM", 3, 200.0)),
            Step::Cancel(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "an unknown symbol is rejected",
        vec![
            place(market("NOPE", 1)),
            to_the_end(Last),
            Step::Get(Last),
            Step::Transmit(Last),
        ],
    );
    tell(
        "a price off its tick is rejected",
        vec![place(limit("AAPL", 1, 100.001)), to_the_end(Last)],
    );
    tell(
        "an order beyond buying power is rejected",
        vec![
            place(market("META", 90_000)),
            to_the_end(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "an order that must fill at once and cannot ends",
        vec![
            place(with(limit("KO", 1, 10.0), "tif", json!("IOC"))),
            to_the_end(Last),
            Step::Get(Last),
        ],
    );
    tell(
        "the same request again answers the same order",
        vec![
            named(market("GE", 1), "req-1"),
            to_the_end(Last),
            named(market("GE", 1), "req-1"),
            Step::Get(Request("req-1")),
        ],
    );
    tell(
        "the same request id with another order is refused",
        vec![named(market("GE", 2), "req-1")],
    );
    tell(
        "orders are named by their request too",
        vec![
            named(limit("DIS", 1, 50.0), "req-2"),
            Step::Cancel(Request("req-2")),
            Step::Get(Request("req-2")),
        ],
    );
    tell(
        "a filled order cannot be cancelled",
        vec![place(market("T", 1)), to_the_end(Last), Step::Cancel(Last)],
    );
    tell(
        "a transmitted order is transmitted",
        vec![
            place(limit("XOM", 1, 50.0)),
            Step::Transmit(Last),
            Step::Cancel(Last),
        ],
    );
    tell(
        "an unknown order",
        vec![
            briefly(Id(999_999)),
            Step::Get(Id(999_999)),
            Step::Cancel(Id(999_999)),
            Step::Transmit(Id(999_999)),
            Step::Get(Request("req-none")),
        ],
    );
    tell(
        "orders of a symbol, of a status, by pages",
        vec![
            list(&[], "GE", 10, Page::First),
            list(&[], "GE", 5_000, Page::First),
            list(&["REJECTED"], "", 10, Page::First),
            list(&["CANCELLED", "FILLED"], "", 3, Page::First),
            list(&["CANCELLED", "FILLED"], "", 3, Page::Next),
            list(&[], "NONE", 10, Page::First),
            list(&[], "", 10, Page::Token("nonsense")),
        ],
    );
    tell(
        "a resting order is replaced",
        vec![
            named(limit("KO", 5, 40.0), "req-3"),
            Step::Replace(Replace {
                dry_run: true,
                ..replace(Last, &[("quantity", "8")])
            }),
            Step::Replace(Replace {
                request_id: Some("req-3-more"),
                expected_revision: Some(1),
                ..replace(
                    Request("req-3"),
                    &[("quantity", "8"), ("limit_price", "41.5")],
                )
            }),
            Step::Replace(Replace {
                request_id: Some("req-3-more"),
                expected_revision: Some(1),
                ..replace(
                    Request("req-3"),
                    &[("quantity", "8"), ("limit_price", "41.5")],
                )
            }),
            Step::Replace(Replace {
                expected_revision: Some(1),
                ..replace(Last, &[("tif", "GTC")])
            }),
            Step::Replace(replace(Last, &[])),
            Step::Replace(replace(Last, &[("stop_price", "39")])),
            Step::Replace(replace(Last, &[("quantity", "-1")])),
            Step::Replace(Replace {
                request_id: Some("req-3"),
                ..replace(Last, &[("quantity", "9")])
            }),
            Step::Cancel(Last),
            Step::Replace(replace(Last, &[("quantity", "9")])),
            Step::Replace(replace(Id(999_999), &[("quantity", "9")])),
        ],
    );
    tell(
        "a dry run of a bracket shows what would be sent",
        vec![
            bracket_dry(exits(limit("AAPL", 5, 100.0), 120.0, 90.0)),
            bracket_dry(json!({
                "entry": with(market("AAPL", 1), "client_tag", json!("tag-2")),
                "stop_loss": {"stop_price": "90.5", "limit_price": 90, "tif": "DAY", "outside_rth": true},
            })),
        ],
    );
    tell(
        "brackets that cannot be",
        vec![
            bracket_dry(json!({"entry": limit("AAPL", 5, 100.0)})),
            bracket(exits(limit("AAPL", 5, 100.0), 90.0, 110.0)),
            bracket(exits(
                with(limit("AAPL", -5, 100.0), "tif", json!("IOC")),
                110.0,
                90.0,
            )),
            bracket(json!({
                "entry": limit("AAPL", 200_000, 100.0),
                "take_profit": {"limit_price": 0, "tif": "IOC"},
                "stop_loss": {"limit_price": 90},
            })),
        ],
    );
    tell(
        "a bracket rests, the same request is the same bracket, and its entry takes it away",
        vec![
            bracket_named(exits(limit("IBM", 5, 100.0), 350.0, 90.0), "req-4"),
            bracket_named(exits(limit("IBM", 5, 100.0), 350.0, 90.0), "req-4"),
            bracket_named(exits(limit("IBM", 5, 100.0), 350.0, 91.0), "req-4"),
            Step::Get(Request("req-4")),
            Step::Replace(replace(TakeProfit, &[("limit_price", "340")])),
            Step::Cancel(TakeProfit),
            Step::Cancel(Request("req-4")),
            to_the_end(Last),
            to_the_end(TakeProfit),
            to_the_end(StopLoss),
            Step::Family,
        ],
    );
    tell(
        "a bracket fills and its exits are cancelled together",
        vec![
            bracket(exits(market("XOM", 1), 900.0, 1.0)),
            to_the_end(Last),
            Step::Get(Request("req-4")),
            Step::Cancel(StopLoss),
            Step::CancelBoth(TakeProfit),
            to_the_end(TakeProfit),
            to_the_end(StopLoss),
        ],
    );
    tell(
        "a bracket of an unknown symbol is rejected whole",
        vec![
            bracket(exits(limit("NOPE", 1, 100.0), 110.0, 90.0)),
            to_the_end(Last),
            to_the_end(StopLoss),
        ],
    );
    tell(
        "a watch resumed after the end names it",
        vec![place(market("NOPE", 1)), to_the_end(Last), again(Last)],
    );
    tell(
        "a watch resumed while nothing happens names the state",
        vec![
            place(limit("AAPL", 5, 100.0)),
            briefly(Last),
            again(Last),
            Step::Cancel(Last),
            to_the_end(Last),
        ],
    );

    let mut unsayable = |name, order| {
        told.push(Scenario {
            name,
            steps: validate(order),
            sayable: false,
        })
    };
    unsayable(
        "words of no vocabulary",
        json!({"action": "HOLD", "symbol": "A", "order_type": "STP", "quantity": 1, "tif": "NEVER", "sec_type": "FUT"}),
    );
    unsayable(
        "a field that orders do not have",
        with(market("AAPL", 1), "colour", json!("red")),
    );
    unsayable(
        "values of the wrong kind",
        json!({"action": 1, "symbol": [], "order_type": null, "quantity": {}, "transmit": "yes", "client_tag": 5}),
    );
    unsayable("no object", json!([1, 2]));
    unsayable("a number", json!(7));
    told.push(Scenario {
        name: "brackets that no message can say",
        steps: [
            json!({"entry": market("AAPL", 1), "exits": []}),
            json!({"entry": market("AAPL", 1), "take_profit": 3}),
            json!({"entry": market("AAPL", 1), "take_profit": {"limit_price": 300, "quantity": 2}, "stop_loss": {"tif": "NEVER"}}),
            json!([1]),
        ]
        .map(bracket)
        .into(),
        sayable: false,
    });
    told
}

/// After TWS has gone. The orders are those of [`with_tws`].
pub fn without_tws() -> Vec<Scenario> {
    let mut told = Vec::new();
    let mut tell = |name, steps| {
        told.push(Scenario {
            name,
            steps,
            sayable: true,
        })
    };
    tell("health without TWS", vec![Step::Health]);
    tell("an order without TWS", vec![place(market("AAPL", 1))]);
    tell("a staged order without TWS", vec![stage(market("AAPL", 1))]);
    tell(
        "an order is checked without TWS",
        vec![
            Step::Validate {
                order: market("AAPL", 1),
                transmit: false,
            },
            dry(market("AAPL", 1)),
        ],
    );
    tell(
        "a known request is answered without TWS",
        vec![
            named(market("GE", 1), "req-1"),
            named(market("GE", 5), "req-1"),
        ],
    );
    tell(
        "an order that ended is watched without TWS",
        vec![to_the_end(Request("req-1")), again(Request("req-1"))],
    );
    tell(
        "orders are read without TWS",
        vec![
            Step::Get(Request("req-1")),
            list(&["FILLED"], "GE", 10, Page::First),
        ],
    );
    tell(
        "a request that nobody knows",
        vec![
            Step::Cancel(Request("req-none")),
            Step::Transmit(Request("req-none")),
        ],
    );
    told
}
