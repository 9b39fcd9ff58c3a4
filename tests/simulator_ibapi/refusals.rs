//! What TWS refuses, with its codes.

use ibapi::orders::{Order, TimeInForce};

use crate::desk::{Desk, limit, market, quiet};

#[tokio::test]
async fn each_refusal_has_its_code_and_only_money_trouble_has_a_status() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let no_tif = Order {
        tif: TimeInForce::Unknown(String::new()),
        ..limit(1.0, 100.0)
    };
    let foreign = Order {
        account: "DU999".to_owned(),
        ..limit(1.0, 100.0)
    };
    let odd = Order {
        order_type: "FEELINGS".to_owned(),
        ..limit(1.0, 100.0)
    };
    let cases = [
        (
            limit(1.0, 100.0),
            "ZZZZ",
            "200 No security definition has been found for the request",
        ),
        (
            limit(1.0, 100.001),
            "AAPL",
            "110 The price does not conform to the minimum price variation for this contract.",
        ),
        (no_tif, "AAPL", "10052 Invalid time in force:Empty"),
        (
            odd,
            "AAPL",
            "321 Error validating request.-'v' : cause - Invalid order type was entered",
        ),
        (
            foreign,
            "AAPL",
            "321 Error validating request.-'v' : cause - Invalid account code 'DU999'.",
        ),
    ];
    for (order, symbol, expected) in cases {
        desk.place(&order, symbol).await;
        assert_eq!(desk.hear(1).await, [expected]);
    }
    desk.place(&market(1_000_000.0), "AAPL").await;
    let heard = desk.hear(3).await;
    assert_eq!(heard[..2], ["open Inactive", "status Inactive 0+1000000"]);
    assert!(
        heard[2].starts_with("201 Order rejected - reason:"),
        "{heard:?}"
    );
    desk.place_as(1, &limit(1.0, 100.0), "AAPL").await;
    assert_eq!(desk.hear(1).await, ["103 Duplicate order id"]);
    desk.hears_nothing().await;
}

#[tokio::test]
async fn a_cancel_of_nothing_of_a_filled_and_of_another_clients_order_is_refused() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let mut other = Desk::open(&simulator, 8).await;
    other.place_as(50, &limit(1.0, 100.0), "AAPL").await;
    other.hear(4).await;
    desk.cancel(50).await;
    assert_eq!(
        desk.hear(1).await,
        ["10147 OrderId 50 that needs to be cancelled is not found."]
    );
    let id = desk.place(&market(1.0), "AAPL").await;
    desk.hear(10).await;
    desk.cancel(id).await;
    let expected = format!(
        "10148 OrderId {id} that needs to be cancelled cannot be cancelled, state: Filled."
    );
    assert_eq!(desk.hear(1).await, [expected]);
    other.hears_nothing().await;
}
