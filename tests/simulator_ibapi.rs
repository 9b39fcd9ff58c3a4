//! The simulator, as the `ibapi` client sees it: sessions, orders, refusals and queries in the words of TWS.
#![cfg(feature = "gateway")]

use std::time::Duration;

use ibapi::contracts::Contract;
use ibapi::orders::{ExecutionFilter, Executions, Order, OrderUpdate, Orders, TimeInForce};
use ibapi::prelude::{StreamExt, Subscription};
use ibapi::subscriptions::SubscriptionItem;
use ibapi::{Client, Error};
use ibkr_orders::simulator::{ManualOrder, Mode, Restart, Simulator, SimulatorConfig};
use words::next_words;

const LIMIT: Duration = Duration::from_secs(10);

/// A client with its stream of updates open.
struct Desk {
    client: Client,
    updates: Subscription<OrderUpdate>,
}

impl Desk {
    async fn open(simulator: &Simulator, client_id: i32) -> Self {
        let client = connect(simulator, client_id).await.expect("connects");
        let updates = client
            .order_update_stream()
            .await
            .expect("opens the update stream");
        Self { client, updates }
    }

    async fn place(&self, order: &Order, symbol: &str) -> i32 {
        let id = self.client.next_order_id();
        self.place_as(id, order, symbol).await;
        id
    }

    async fn place_as(&self, id: i32, order: &Order, symbol: &str) {
        self.client
            .submit_order(id, &stock(symbol), order)
            .await
            .expect("is sent");
    }

    /// The next `count` things that TWS said, each in a few words.
    async fn hear(&mut self, count: usize) -> Vec<String> {
        next_words(&mut self.updates, count).await
    }

    /// Asserts that nothing is said, by asking the time and seeing only its answer come back.
    async fn hears_nothing(&mut self) {
        self.client.server_time().await.expect("TWS tells the time");
        let next = tokio::time::timeout(Duration::from_millis(50), self.updates.next()).await;
        assert!(next.is_err(), "TWS said {next:?}");
    }

    async fn cancel(&self, id: i32) {
        drop(self.client.cancel_order(id, "").await.expect("is sent"));
    }
}

mod words {
    use super::*;

    pub(super) async fn next_words(
        updates: &mut Subscription<OrderUpdate>,
        count: usize,
    ) -> Vec<String> {
        let mut words = Vec::new();
        while words.len() < count {
            match tokio::time::timeout(LIMIT, updates.next()).await {
                Ok(Some(Ok(SubscriptionItem::Data(update)))) => words.push(say(&update)),
                Ok(Some(Ok(SubscriptionItem::Notice(notice)))) => {
                    words.push(format!("{} {}", notice.code, notice.message));
                }
                other => panic!("after {words:?}: {other:?}"),
            }
        }
        words
    }

    fn say(update: &OrderUpdate) -> String {
        match update {
            OrderUpdate::OpenOrder(open) => format!("open {}", open.order_state.status),
            OrderUpdate::OrderStatus(status) => {
                format!(
                    "status {} {}+{}",
                    status.status, status.filled, status.remaining
                )
            }
            OrderUpdate::ExecutionData(data) => format!("execution {}", data.execution.shares),
            OrderUpdate::CommissionReport(_) => "commission".to_owned(),
            OrderUpdate::OrderBound(bound) => format!("bound {}", bound.order_id),
        }
    }
}

async fn connect(simulator: &Simulator, client_id: i32) -> Result<Client, Error> {
    let builder = Client::builder()
        .address(simulator.address().to_string())
        .client_id(client_id);
    let connecting = builder.max_reconnect_attempts(0).connect();
    tokio::time::timeout(LIMIT, connecting)
        .await
        .expect("the handshake ends")
}

fn stock(symbol: &str) -> Contract {
    Contract::stock(symbol).build()
}

fn limit(quantity: f64, price: f64) -> Order {
    let mut order =
        ibapi::orders::order_builder::limit_order(ibapi::orders::Action::Buy, quantity, price);
    order.account = "DU1234567".to_owned();
    order
}

fn market(quantity: f64) -> Order {
    ibapi::orders::order_builder::market_order(ibapi::orders::Action::Buy, quantity)
}

fn staged(mut order: Order) -> Order {
    order.transmit = false;
    order
}

async fn quiet() -> Simulator {
    let config = SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        ..SimulatorConfig::on_free_port()
    };
    Simulator::start(config).await.expect("listens")
}

#[tokio::test]
async fn a_login_gets_version_accounts_and_the_next_id() {
    let simulator = quiet().await;
    let client = connect(&simulator, 7).await.expect("connects");
    assert_eq!(client.server_version(), 226);
    assert_eq!(client.next_order_id(), 1);
    assert_eq!(client.handshake_managed_accounts(), ["DU1234567"]);
    assert!(client.connection_time().is_some());
    assert_eq!(client.managed_accounts().await.unwrap(), ["DU1234567"]);
    let skew = client.server_time().await.unwrap() - time::OffsetDateTime::now_utc();
    assert!(skew.abs() < time::Duration::seconds(5), "{skew}");
    assert!(client.server_time_millis().await.is_ok());
    assert_eq!(client.next_valid_order_id().await.unwrap(), 1);
}

#[tokio::test]
async fn a_market_order_is_acknowledged_executed_filled_and_charged() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&market(100.0), "AAPL").await;
    assert_eq!(
        desk.hear(10).await,
        [
            "open PreSubmitted",
            "status PreSubmitted 0+100",
            "open Submitted",
            "status Submitted 0+100",
            "execution 100",
            "open Filled",
            "status Filled 100+0",
            "open Filled",
            "status Filled 100+0",
            "commission",
        ]
    );
    desk.hears_nothing().await;
}

#[tokio::test]
async fn a_limit_order_far_from_the_market_rests_until_it_is_cancelled() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&limit(100.0, 100.25), "AAPL").await;
    let acknowledged = desk.hear(4).await;
    assert_eq!(
        acknowledged[2..],
        ["open Submitted", "status Submitted 0+100"]
    );
    desk.cancel(id).await;
    assert_eq!(
        desk.hear(2).await,
        ["status Cancelled 0+100", "202 Order Canceled - reason:"]
    );
    desk.cancel(id).await;
    let again = desk.hear(1).await;
    assert!(again[0].starts_with(
        "161 Cancel attempted when order is not in a cancellable state.  Order permId ="
    ));
}

#[tokio::test]
async fn a_large_order_fills_in_parts_at_worse_and_worse_prices() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&market(2000.0), "AAPL").await;
    let mut heard = Vec::new();
    while heard.last().map(String::as_str) != Some("open Filled") {
        heard.extend(desk.hear(1).await);
    }
    let executions: Vec<&String> = heard
        .iter()
        .filter(|word| word.starts_with("execution"))
        .collect();
    assert!(executions.len() > 1, "{heard:?}");
    assert!(
        heard
            .iter()
            .any(|word| word.starts_with("status Submitted") && !word.ends_with("0+2000")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_staged_order_is_silent_until_it_is_placed_again_with_transmit() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.hears_nothing().await;
    assert!(open_rows(&desk.client, false).await.is_empty());
    assert!(open_rows(&desk.client, true).await.is_empty());
    desk.place_as(id, &limit(1.0, 100.0), "AAPL").await;
    assert_eq!(desk.hear(4).await[3], "status Submitted 0+1");
}

#[tokio::test]
async fn cancelling_a_staged_order_discards_it_and_its_id_is_spent() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.cancel(id).await;
    let heard = desk.hear(2).await;
    assert_eq!(heard[0], "202 Order was discarded");
    assert!(heard[1].starts_with("161 "), "{heard:?}");
    desk.place_as(id, &limit(1.0, 100.0), "AAPL").await;
    assert_eq!(desk.hear(1).await, ["103 Duplicate order id"]);
}

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

#[tokio::test]
async fn a_working_order_is_modified_by_placing_its_id_again() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let id = desk.place(&limit(100.0, 100.0), "AAPL").await;
    desk.hear(4).await;
    desk.place_as(id, &limit(150.0, 101.0), "AAPL").await;
    assert_eq!(
        desk.hear(2).await,
        ["open Submitted", "status Submitted 0+150"]
    );
    desk.place_as(id, &limit(150.0, 101.001), "AAPL").await;
    assert!(desk.hear(1).await[0].starts_with("110 "));
    desk.place_as(id, &limit(150.0, 101.0), "MSFT").await;
    assert!(desk.hear(1).await[0].starts_with("105 "));
    let rows = open_rows(&desk.client, false).await;
    assert_eq!(rows.len(), 2, "the order still works: {rows:?}");
    desk.hear(2).await;
    desk.place_as(
        id,
        &Order {
            order_type: "MKT".to_owned(),
            limit_price: None,
            ..limit(150.0, 0.0)
        },
        "AAPL",
    )
    .await;
    let filled = desk.hear(8).await;
    assert_eq!(filled[2], "execution 150", "{filled:?}");
    desk.place_as(id, &limit(150.0, 101.0), "AAPL").await;
    assert!(desk.hear(1).await[0].starts_with("104 "));
}

#[tokio::test]
async fn orders_that_may_not_wait_end_at_once() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(
        &Order {
            tif: TimeInForce::ImmediateOrCancel,
            ..limit(10.0, 100.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(8).await;
    assert_eq!(
        heard[4..],
        [
            "open PendingCancel",
            "status PendingCancel 0+10",
            "status Cancelled 0+10",
            "202 Order Canceled - reason:"
        ]
    );
    desk.place(
        &Order {
            tif: TimeInForce::FillOrKill,
            ..limit(10.0, 100.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(5).await;
    assert_eq!(heard[..2], ["open Inactive", "status Inactive 0+10"]);
    assert!(heard[2].starts_with("201 "), "{heard:?}");
    desk.place(
        &Order {
            tif: TimeInForce::FillOrKill,
            ..market(10.0)
        },
        "AAPL",
    )
    .await;
    assert_eq!(desk.hear(10).await[6], "status Filled 10+0");
    desk.place(
        &Order {
            tif: TimeInForce::OnOpen,
            ..market(10.0)
        },
        "AAPL",
    )
    .await;
    let heard = desk.hear(7).await;
    assert!(
        heard
            .iter()
            .all(|word| word.contains("PreSubmitted") || word.starts_with("399 ")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_client_id_in_use_is_refused_and_free_again_when_its_session_ends() {
    let simulator = quiet().await;
    let first = connect(&simulator, 7).await.expect("connects");
    let second = connect(&simulator, 7).await;
    assert!(
        matches!(second, Err(Error::ClientIdInUse { client_id: 7 })),
        "{:?}",
        second.err()
    );
    let other = connect(&simulator, 8).await.expect("another id is free");
    assert_eq!(other.next_order_id(), 1);
    first.disconnect().await;
    simulator
        .control()
        .wait_until(|view| view.clients() == [8])
        .await
        .unwrap();
    connect(&simulator, 7).await.expect("the id is free");
}

#[tokio::test]
async fn after_a_reconnect_open_orders_ids_executions_and_completed_orders_are_there() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    let working = desk
        .place(
            &Order {
                order_ref: "rests".to_owned(),
                ..limit(10.0, 100.0)
            },
            "AAPL",
        )
        .await;
    let filled = desk
        .place(
            &Order {
                order_ref: "fills".to_owned(),
                ..market(10.0)
            },
            "MSFT",
        )
        .await;
    let cancelled = desk
        .place(
            &Order {
                order_ref: "ends".to_owned(),
                ..limit(30.0, 100.0)
            },
            "AAPL",
        )
        .await;
    desk.hear(4 + 10 + 4).await;
    desk.cancel(cancelled).await;
    desk.hear(2).await;
    desk.client.disconnect().await;
    simulator
        .control()
        .wait_until(|view| view.connections() == 0)
        .await
        .unwrap();

    let client = connect(&simulator, 7).await.expect("connects");
    assert_eq!(client.next_order_id(), 4);
    let rows = open_rows(&client, false).await;
    assert_eq!(
        rows,
        [
            format!("order {working} rests"),
            format!("status {working} Submitted")
        ]
    );

    let mut executions = client.executions(ExecutionFilter::default()).await.unwrap();
    let rows = executions.collect_to_end_within(LIMIT).await.unwrap();
    assert_eq!(rows.len(), 2);
    let Executions::ExecutionData(data) = &rows[0] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (
            data.execution.order_id,
            data.execution.client_id,
            data.execution.shares
        ),
        (filled, 7, 10.0)
    );
    let Executions::CommissionReport(fee) = &rows[1] else {
        panic!("{rows:?}")
    };
    assert_eq!(fee.execution_id, data.execution.execution_id);
    assert!(fee.commission >= 1.0 && fee.realized_pnl.is_none());

    let completed = client
        .completed_orders(false)
        .await
        .unwrap()
        .collect_to_end_within(LIMIT)
        .await
        .unwrap();
    let rows: Vec<_> = completed
        .iter()
        .map(|row| match row {
            Orders::OrderData(data) => (
                data.order.order_ref.clone(),
                data.order_state.status.to_string(),
                data.order.total_quantity,
                data.order_state.completed_status.clone(),
            ),
            Orders::OrderStatus(status) => panic!("{status:?}"),
        })
        .collect();
    let expected = [
        (
            "fills".to_owned(),
            "Filled".to_owned(),
            0.0,
            "Filled Size: 10".to_owned(),
        ),
        (
            "ends".to_owned(),
            "Cancelled".to_owned(),
            30.0,
            "Cancelled by Trader".to_owned(),
        ),
    ];
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn one_sees_only_ones_own_orders_and_all_of_them_when_asked_for_all() {
    let simulator = quiet().await;
    let mut one = Desk::open(&simulator, 1).await;
    let mut two = Desk::open(&simulator, 2).await;
    one.place(&limit(10.0, 100.0), "AAPL").await;
    one.hear(4).await;
    two.place(&limit(10.0, 100.0), "MSFT").await;
    two.hear(4).await;
    let manual = ManualOrder {
        symbol: "IBM".to_owned(),
        buy: true,
        quantity: 5.into(),
        limit_price: 100.into(),
    };
    simulator
        .control()
        .place_manual_order(manual)
        .await
        .unwrap();
    assert_eq!(open_rows(&one.client, false).await.len(), 2);
    assert_eq!(open_rows(&one.client, true).await.len(), 6);
    // One's own rows of both answers come by the update stream too.
    one.hear(4).await;
    drop(one.client.global_cancel().await);
    assert_eq!(one.hear(2).await[0], "status Cancelled 0+10");
    assert_eq!(two.hear(2).await[0], "status Cancelled 0+10");
    assert!(open_rows(&two.client, true).await.is_empty());
}

#[tokio::test]
async fn contract_details_name_the_tick_and_an_unknown_symbol_is_an_error() {
    let simulator = quiet().await;
    let client = connect(&simulator, 7).await.expect("connects");
    let details = client.contract_details(&stock("AAPL")).await.unwrap();
    assert_eq!(details.len(), 1);
    assert_eq!(
        (details[0].contract.contract_id, details[0].min_tick),
        (265_598, 0.01)
    );
    let unknown = client.contract_details(&stock("ZZZZ")).await;
    assert!(
        matches!(&unknown, Err(Error::Notice(notice)) if notice.code == 200),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_restart_of_tws_forgets_staged_orders_and_may_roll_ids_back() {
    let simulator = quiet().await;
    let mut desk = Desk::open(&simulator, 7).await;
    desk.place(&limit(1.0, 100.0), "AAPL").await;
    desk.hear(4).await;
    let held = desk.place(&staged(limit(1.0, 100.0)), "AAPL").await;
    desk.hears_nothing().await;
    simulator
        .control()
        .restart(Restart {
            roll_back_ids: 1,
            keep_orders: true,
        })
        .await
        .unwrap();
    simulator
        .control()
        .wait_until(|view| view.connections() == 0)
        .await
        .unwrap();
    let mut desk = Desk::open(&simulator, 7).await;
    assert_eq!(desk.client.next_order_id(), held);
    assert_eq!(open_rows(&desk.client, false).await.len(), 2);
    desk.hear(2).await;
    desk.cancel(held).await;
    assert!(desk.hear(1).await[0].starts_with("10147 "));
}

/// Rows of an open-orders query, in a few words each.
async fn open_rows(client: &Client, all: bool) -> Vec<String> {
    let mut rows = match all {
        true => client.all_open_orders().await,
        false => client.open_orders().await,
    }
    .expect("is sent");
    let rows = rows.collect_to_end_within(LIMIT).await.expect("ends");
    rows.iter()
        .map(|row| match row {
            Orders::OrderData(data) => format!("order {} {}", data.order_id, data.order.order_ref)
                .trim_end()
                .to_owned(),
            Orders::OrderStatus(status) => format!("status {} {}", status.order_id, status.status),
        })
        .collect()
}
