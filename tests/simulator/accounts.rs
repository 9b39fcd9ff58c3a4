//! Positions, account values, summaries, profit and loss: first dumps, oddities, and what a fill changes.

use std::collections::BTreeMap;

use ibkr_orders::simulator::switches::{
    AccountNews, Chance, ClosedPositions, FxPositions, PositionExchange, PositionNews,
    SummaryLimit, SummaryRefusalId,
};
use ibkr_orders::simulator::{
    Control, ControlError, Fault, Query, Simulator, SimulatorConfig, Switches,
};
use rust_decimal::Decimal;

use super::peer::{Ask, Message, Peer, number, start, text};

const ACCOUNT: &str = "DU1234567";
const POSITIONS: u32 = 61;
const CANCEL_POSITIONS: u32 = 64;
const ACCOUNT_UPDATES: u32 = 6;
const SUMMARY: u32 = 62;
const CANCEL_SUMMARY: u32 = 63;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

async fn desk(change: impl FnOnce(&mut Switches)) -> (Simulator, Control, Peer) {
    let mut switches = Switches::default();
    change(&mut switches);
    let config = SimulatorConfig {
        switches,
        ..SimulatorConfig::explicit()
    };
    let simulator = start(config).await;
    let control = simulator.control();
    let peer = Peer::log_in(&simulator, 1).await;
    (simulator, control, peer)
}

async fn ask_updates(peer: &mut Peer, account: &str) -> Vec<Message> {
    let body = [number(1, 1), text(2, account)].concat();
    peer.send(ACCOUNT_UPDATES, &body).await;
    peer.hear_all().await
}

async fn ask_summary(peer: &mut Peer, id: i32, tags: &str) -> Vec<String> {
    let body = [number(1, id), text(2, "All"), text(3, tags)].concat();
    peer.send(SUMMARY, &body).await;
    peer.hear().await
}

async fn ask_positions(peer: &mut Peer) -> Vec<String> {
    peer.send(POSITIONS, &[]).await;
    peer.hear().await
}

/// Buys or sells at a price, to the end of everything that is said at once.
async fn trade(control: &Control, peer: &mut Peer, ask: Ask<'_>, price: &str) -> Vec<String> {
    let (id, quantity) = (ask.id, dec(ask.quantity));
    peer.place(ask).await;
    peer.hear().await;
    control.fill_at(id, quantity, dec(price)).await.unwrap();
    peer.hear().await
}

/// Values by key and currency.
fn values(told: &[Message]) -> BTreeMap<(String, String), String> {
    let rows = told.iter().filter(|message| message.kind == 6);
    rows.map(|row| {
        let currency = match row.tags().contains(&3) {
            true => row.text(3),
            false => String::new(),
        };
        ((row.text(1), currency), row.text(2))
    })
    .collect()
}

fn value(told: &[Message], key: &str, currency: &str) -> Decimal {
    let found = values(told);
    let text = &found[&(key.to_owned(), currency.to_owned())];
    text.parse().unwrap()
}

#[tokio::test]
async fn positions_are_dumped_ended_followed_and_silently_cancelled() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    assert_eq!(ask_positions(&mut peer).await, ["positions end"]);
    let ask = Ask {
        quantity: "3",
        ..Ask::default()
    };
    let told = trade(&control, &mut peer, ask, "319.64").await;
    assert_eq!(told.last().unwrap(), "position AAPL 3");
    assert_eq!(told[0], "execution 3");
    let ask = Ask {
        id: 2,
        sell: true,
        quantity: "3",
        ..Ask::default()
    };
    let told = trade(&control, &mut peer, ask, "320").await;
    assert_eq!(told.last().unwrap(), "position AAPL 0");
    control
        .set_position("", "MSFT", dec("-40"), dec("450.5"))
        .await
        .unwrap();
    assert_eq!(peer.hear().await, ["position MSFT -40"]);
    // A closed position is listed with 0, and the end comes with each dump.
    let dump = ["position AAPL 0", "position MSFT -40", "positions end"];
    assert_eq!(ask_positions(&mut peer).await, dump);
    assert_eq!(ask_positions(&mut peer).await, dump);
    peer.send(CANCEL_POSITIONS, &[]).await;
    assert!(peer.hear().await.is_empty());
    control
        .set_position("", "MSFT", dec("0"), dec("0"))
        .await
        .unwrap();
    assert!(peer.hear().await.is_empty());
}

#[tokio::test]
async fn the_average_cost_has_the_commission_in_it_and_the_contract_is_on_its_listing_exchange() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    let ask = Ask {
        quantity: "100",
        ..Ask::default()
    };
    trade(&control, &mut peer, ask, "200").await;
    peer.send(POSITIONS, &[]).await;
    let told = peer.hear_all().await;
    let (row, contract) = (&told[0], told[0].inner(2));
    // A dollar for the order.
    assert!((row.double(4) - 200.01).abs() < 1e-9, "{}", row.double(4));
    assert_eq!(row.text(1), ACCOUNT);
    assert_eq!(contract.number(1), 265_598);
    assert_eq!(contract.text(8), "NASDAQ");
    assert!(!contract.tags().contains(&9), "no primary exchange");
}

#[tokio::test]
async fn a_correction_of_an_execution_corrects_the_position_and_the_cash() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    ask_positions(&mut peer).await;
    let ask = Ask {
        quantity: "100",
        ..Ask::default()
    };
    trade(&control, &mut peer, ask, "200").await;
    let exec_id = control.inspect(|view| view.exec_ids()[0].clone());
    let exec_id = exec_id.await.unwrap();
    control
        .correct_execution(&exec_id, dec("90"), dec("201"))
        .await
        .unwrap();
    assert!(peer.hear().await.contains(&"position AAPL 90".to_owned()));
    let told = ask_updates(&mut peer, ACCOUNT).await;
    assert_eq!(value(&told, "CashBalance", "USD"), dec("-18091"));
    let held = control.inspect(|view| view.positions(ACCOUNT)[0].clone());
    let (_, quantity, cost) = held.await.unwrap();
    assert_eq!(quantity, dec("90"));
    // 90 at 201, and the dollar.
    assert_eq!(cost.round_dp(6), dec("201.011111"));
}

#[tokio::test]
async fn positions_go_as_their_switches_say() {
    let cases = [
        (PositionNews::BeforeFill, "position AAPL 10", 0),
        (PositionNews::AfterFill, "position AAPL 10", 6),
        (PositionNews::Later, "", usize::MAX),
    ];
    for (position_news, words, at) in cases {
        let (_simulator, control, mut peer) =
            desk(|switches| switches.position_news = position_news).await;
        ask_positions(&mut peer).await;
        let told = trade(&control, &mut peer, Ask::default(), "230").await;
        assert_eq!(told.get(at).map_or("", String::as_str), words, "{told:?}");
        if position_news == PositionNews::Later {
            let told = peer.until("position").await;
            assert_eq!(told[0].words(), "position AAPL 10");
        }
    }
    let change = |switches: &mut Switches| {
        switches.closed_positions = ClosedPositions::Today;
        switches.position_exchange = PositionExchange::Absent;
        switches.fx_positions = FxPositions::Shown;
    };
    let (_simulator, control, mut peer) = desk(change).await;
    control
        .set_position("", "EUR", dec("1000"), dec("1.1"))
        .await
        .unwrap();
    control
        .set_position("", "F", dec("0"), dec("0"))
        .await
        .unwrap();
    peer.send(POSITIONS, &[]).await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].words(), "position F 0");
    assert_eq!(told[1].words(), "position EUR 1000");
    assert_eq!(told[1].inner(2).text(3), "CASH");
    assert!(!told[0].inner(2).tags().contains(&8), "no exchange");
    control.end_day().await.unwrap();
    let next_day = ["position EUR 1000", "positions end"];
    assert_eq!(ask_positions(&mut peer).await, next_day);
}

#[tokio::test]
async fn account_updates_begin_with_the_code_and_end_after_the_portfolio() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    let told = trade(&control, &mut peer, Ask::default(), "230").await;
    assert!(!told.is_empty());
    let told = ask_updates(&mut peer, "").await;
    let words: Vec<String> = told.iter().map(Message::words).collect();
    assert_eq!(words[0], format!("value AccountCode {ACCOUNT}"));
    assert_eq!(words[1], format!("value AccountOrGroup BASE {ACCOUNT}"));
    assert_eq!(
        words[words.len() - 4..],
        [
            "portfolio AAPL 10",
            "time of values",
            "time of values",
            &format!("values end {ACCOUNT}"),
        ]
    );
    assert!(words.contains(&"value AccountReady true".to_owned()));
    let row = told.iter().find(|message| message.kind == 7).unwrap();
    // The price as a number of 32 bits.
    let price = row.double(3);
    assert_eq!(price, f64::from(price as f32));
    assert!((row.double(5) - 230.1).abs() < 1e-9);
    assert_eq!(row.double(7), 0.0);
    // Cash and position in dollars, all of it in euros.
    assert_eq!(value(&told, "CashBalance", "USD"), dec("-2301"));
    assert_eq!(value(&told, "CashBalance", "EUR"), dec("1000000"));
    let rate = value(&told, "ExchangeRate", "USD");
    assert!(rate > dec("0.5") && rate < dec("1.5"), "{rate}");
    let stock = value(&told, "StockMarketValue", "USD");
    assert!((stock - dec("2300")).abs() < dec("10"), "{stock}");
    let initial = value(&told, "InitMarginReq", "EUR");
    let expected = stock * rate * dec("0.275");
    assert!(
        (initial - expected).abs() < dec("0.05"),
        "{initial} {expected}"
    );
    let net = value(&told, "NetLiquidation", "EUR");
    let together = dec("1000000") + (stock - dec("2301")) * rate;
    assert!((net - together).abs() < dec("0.05"), "{net} {together}");
    assert_eq!(
        value(&told, "AvailableFunds", "EUR"),
        value(&told, "EquityWithLoanValue", "EUR") - initial
    );
}

#[tokio::test]
async fn a_fill_moves_account_values_within_a_second_and_then_every_position() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    ask_updates(&mut peer, ACCOUNT).await;
    let told = trade(&control, &mut peer, Ask::default(), "230").await;
    assert!(
        !told.iter().any(|words| words.starts_with("value")),
        "{told:?}"
    );
    let begun = std::time::Instant::now();
    let told = peer.until("portfolio").await;
    assert!(begun.elapsed() < std::time::Duration::from_secs(1));
    let news = values(&told);
    assert!(news.contains_key(&("InitMarginReq".to_owned(), "EUR".to_owned())));
    assert!(!news.contains_key(&("AccountCode".to_owned(), String::new())));
    assert_eq!(told.last().unwrap().words(), "portfolio AAPL 10");
    // Where they are told every three minutes nothing follows a fill.
    let (_simulator, control, mut peer) =
        desk(|switches| switches.account_news = AccountNews::Slow).await;
    ask_updates(&mut peer, ACCOUNT).await;
    trade(&control, &mut peer, Ask::default(), "230").await;
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(peer.hear().await.is_empty());
}

#[tokio::test]
async fn an_own_unsubscription_and_another_account_are_2100_and_another_clients_account_is_2101() {
    let config = SimulatorConfig {
        accounts: vec!["DU1".to_owned(), "DU2".to_owned()],
        ..SimulatorConfig::explicit()
    };
    let simulator = start(config).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    for account in ["", "All", "DU1,DU2", "DU3"] {
        let told = ask_updates(&mut peer, account).await;
        assert_eq!(told.len(), 1, "{account}: {told:?}");
        assert!(told[0].words().starts_with("321 "), "{account}: {told:?}");
    }
    let told = ask_updates(&mut peer, "DU1").await;
    assert_eq!(told.last().unwrap().words(), "values end DU1");
    let mut other = Peer::log_in(&simulator, 2).await;
    let told = ask_updates(&mut other, "DU2").await;
    assert!(told[0].words().starts_with("2101 "), "{told:?}");
    let told = ask_updates(&mut other, "DU1").await;
    assert_eq!(told.last().unwrap().words(), "values end DU1");
    other.send(ACCOUNT_UPDATES, &text(2, "DU1")).await;
    let unsubscribed = "2100 API client has been unsubscribed from account data.";
    assert_eq!(other.hear().await, [unsubscribed]);
    other.send(ACCOUNT_UPDATES, &text(2, "DU1")).await;
    assert!(other.hear().await.is_empty(), "there is nothing to end");
    // The second account takes the first one's place.
    let told = ask_updates(&mut peer, "DU2").await;
    assert_eq!(told[0].words(), unsubscribed);
    assert_eq!(told[0].number(1), -1);
    assert_eq!(told.last().unwrap().words(), "values end DU2");
}

#[tokio::test]
async fn account_ready_is_false_while_values_are_those_of_before() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    ask_updates(&mut peer, ACCOUNT).await;
    control.set_account_ready(false).await.unwrap();
    let told = peer.hear().await;
    assert_eq!(told[0], "value AccountReady false");
    trade(&control, &mut peer, Ask::default(), "230").await;
    let told = ask_updates(&mut peer, ACCOUNT).await;
    let found = values(&told);
    assert_eq!(found[&("AccountReady".to_owned(), String::new())], "false");
    assert_eq!(value(&told, "InitMarginReq", "EUR"), Decimal::ZERO);
    assert!(
        !told.iter().any(|message| message.kind == 7),
        "no portfolio"
    );
    control.set_account_ready(true).await.unwrap();
    let told = peer.until("portfolio AAPL 10").await;
    assert!(told.iter().any(|m| m.words() == "value AccountReady true"));
    assert!(value(&told, "InitMarginReq", "EUR") > Decimal::ZERO);
    // By chance the first values of a subscription are such ones, and the right ones follow.
    let change = |switches: &mut Switches| {
        switches.account_not_ready = Chance::Always;
    };
    let (_simulator, _control, mut peer) = desk(change).await;
    let told = ask_updates(&mut peer, ACCOUNT).await;
    assert_eq!(value(&told, "NetLiquidation", "EUR"), Decimal::ZERO);
    assert_eq!(
        values(&told)[&("AccountReady".to_owned(), String::new())],
        "false"
    );
    let told = peer.until("time of values").await;
    assert_eq!(value(&told, "NetLiquidation", "EUR"), dec("1000000"));
    assert_eq!(
        values(&told)[&("AccountReady".to_owned(), String::new())],
        "true"
    );
}

#[tokio::test]
async fn the_ledger_prefix_stands_before_values_of_single_currencies_only() {
    let change = |switches: &mut Switches| {
        switches.ledger_prefix = true;
    };
    let (_simulator, _control, mut peer) = desk(change).await;
    let told = ask_updates(&mut peer, ACCOUNT).await;
    assert_eq!(value(&told, "$LEDGER-CashBalance", "BASE"), dec("1000000"));
    assert_eq!(value(&told, "NetLiquidation", "EUR"), dec("1000000"));
    assert!(!values(&told).contains_key(&("CashBalance".to_owned(), "BASE".to_owned())));
}

#[tokio::test]
async fn a_summary_has_its_rows_by_tag_and_only_two_request_ids() {
    let (_simulator, _control, mut peer) = desk(|_| {}).await;
    let tags = "NetLiquidation,TotalCashValue,BuyingPower,$LEDGER:EUR,Moonshine";
    let told = ask_summary(&mut peer, 5, tags).await;
    assert_eq!(told[0], "summary 5 AccountOrGroup");
    let totals: Vec<&String> = told
        .iter()
        .filter(|words| {
            ["BuyingPower", "NetLiquidation", "TotalCashValue"]
                .iter()
                .any(|tag| words.ends_with(&format!(" {tag}")))
        })
        .collect();
    let sorted = [
        "summary 5 BuyingPower",
        "summary 5 NetLiquidation",
        "summary 5 TotalCashValue",
    ];
    assert_eq!(totals, sorted);
    assert_eq!(told.last().unwrap(), "summary end 5");
    assert!(!told.iter().any(|words| words.contains("Moonshine")));
    // A cancel frees nothing, and is not answered; the second of the same is hard to read for TWS.
    peer.send(CANCEL_SUMMARY, &number(1, 5)).await;
    assert!(peer.hear().await.is_empty());
    peer.send(CANCEL_SUMMARY, &number(1, 5)).await;
    assert!(peer.hear().await[0].starts_with("320 "));
    let rows = ask_summary(&mut peer, 6, "BuyingPower").await;
    assert_eq!(rows, ["summary 6 BuyingPower", "summary end 6"]);
    let body = [number(1, 7), text(2, "All"), text(3, "BuyingPower")].concat();
    peer.send(SUMMARY, &body).await;
    let told = peer.hear_all().await;
    assert!(told[0].words().starts_with("322 "), "{told:?}");
    assert!(
        told[0]
            .words()
            .contains("desubscribe to previous request first")
    );
    assert_eq!(told[0].number(1), 7);
    // The ids that were used before work any number of times.
    for _ in 0..3 {
        let rows = ask_summary(&mut peer, 5, "BuyingPower").await;
        assert_eq!(rows, ["summary 5 BuyingPower", "summary end 5"]);
    }
    let body = [number(1, 5), text(2, ACCOUNT), text(3, "BuyingPower")].concat();
    peer.send(SUMMARY, &body).await;
    assert!(
        peer.hear().await[0].starts_with("321 "),
        "an account is no group"
    );
}

#[tokio::test]
async fn a_summary_goes_as_its_switches_say() {
    let change = |switches: &mut Switches| {
        switches.summary_doubled = Chance::Always;
        switches.summary_limit = SummaryLimit::Subscriptions;
        switches.summary_refusal_id = SummaryRefusalId::None;
    };
    let (_simulator, _control, mut peer) = desk(change).await;
    let told = ask_summary(&mut peer, 1, "Cushion,SMA").await;
    let rows = ["summary 1 Cushion", "summary 1 SMA"];
    let ends = ["summary end 1"; 2];
    assert_eq!(told, [&rows[..], &rows, &ends].concat());
    ask_summary(&mut peer, 2, "SMA").await;
    let body = [number(1, 3), text(2, "All"), text(3, "SMA")].concat();
    peer.send(SUMMARY, &body).await;
    let told = peer.hear_all().await;
    assert!(told[0].words().starts_with("322 "), "{told:?}");
    assert_eq!(told[0].number(1), -1);
    peer.send(CANCEL_SUMMARY, &number(1, 2)).await;
    peer.hear().await;
    let told = ask_summary(&mut peer, 3, "SMA").await;
    assert_eq!(told.len(), 4, "a cancel made room: {told:?}");
}

#[tokio::test]
async fn several_accounts_are_told_apart_and_asked_for_one_by_one() {
    let config = SimulatorConfig {
        accounts: vec!["DU1".to_owned(), "DU2".to_owned()],
        ..SimulatorConfig::explicit()
    };
    let simulator = start(config).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    control
        .set_position("DU1", "F", dec("5"), dec("12"))
        .await
        .unwrap();
    control
        .set_position("DU2", "F", dec("7"), dec("12"))
        .await
        .unwrap();
    let rows = ["position F 5", "position F 7", "positions end"];
    assert_eq!(ask_positions(&mut peer).await, rows);
    peer.send(74, &[number(1, 9), text(2, "DU2")].concat())
        .await;
    assert_eq!(peer.hear().await, ["position F of 9", "positions end 9"]);
    peer.send(75, &number(1, 9)).await;
    let body = [number(1, 10), text(2, "DU2"), number(4, 1)].concat();
    peer.send(76, &body).await;
    let told = peer.hear().await;
    assert_eq!(told[0], "value AccountOrGroup of 10");
    assert!(told.contains(&"value NetLiquidation of 10".to_owned()));
    assert!(!told.contains(&"value BuyingPower of 10".to_owned()));
    assert_eq!(told.last().unwrap(), "values end 10");
    let told = ask_summary(&mut peer, 1, "NetLiquidation").await;
    assert_eq!(told.len(), 3, "a row for each account: {told:?}");
    let unknown = control.set_position("DU3", "F", dec("1"), dec("1")).await;
    let expected = ControlError::UnknownAccount("DU3".to_owned());
    assert_eq!(unknown, Err(expected));
}

#[tokio::test]
async fn profits_are_told_at_once_and_each_second_in_which_they_changed() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    let ask = Ask {
        quantity: "10",
        ..Ask::default()
    };
    trade(&control, &mut peer, ask, "230").await;
    peer.send(92, &[number(1, 1), text(2, ACCOUNT)].concat())
        .await;
    let body = [number(1, 2), text(2, ACCOUNT), number(4, 265_598)].concat();
    peer.send(94, &body).await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].words(), "pnl 1");
    assert_eq!(told[1].words(), "pnl 2 of 10");
    let (before, value) = (told[1].double(4), told[1].double(6));
    control.move_price("AAPL", dec("250")).await.unwrap();
    let told = peer.until("pnl 2").await;
    let single = told.last().unwrap();
    assert!((single.double(6) - 2500.0).abs() < 1e-9);
    let gained = single.double(6) - value;
    assert!((single.double(4) - before - gained).abs() < 1e-9);
    let account = told.iter().find(|m| m.words() == "pnl 1").unwrap();
    assert!(account.double(2) > 0.0 && account.double(3) > 0.0);
    assert_eq!(account.double(4), 0.0, "nothing was sold");
    // A position that is not there has a quantity and nothing else.
    peer.send(
        94,
        &[number(1, 3), text(2, ACCOUNT), number(4, 8_314)].concat(),
    )
    .await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].tags(), [1, 2]);
}

#[tokio::test]
async fn queries_about_accounts_can_stay_unanswered() {
    let (_simulator, control, mut peer) = desk(|_| {}).await;
    for query in [
        Query::Positions,
        Query::AccountUpdates,
        Query::AccountSummary,
    ] {
        control.set_fault(Fault::Unanswered(query)).await.unwrap();
    }
    assert!(ask_positions(&mut peer).await.is_empty());
    assert!(ask_updates(&mut peer, ACCOUNT).await.is_empty());
    assert!(ask_summary(&mut peer, 1, "SMA").await.is_empty());
    control.clear_faults().await.unwrap();
    assert_eq!(ask_positions(&mut peer).await, ["positions end"]);
}

#[tokio::test]
async fn positions_and_cash_outlive_a_restart_with_a_state_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = SimulatorConfig {
        state_file: Some(folder.path().join("state")),
        ..SimulatorConfig::explicit()
    };
    let simulator = start(config.clone()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    trade(&control, &mut peer, Ask::default(), "230").await;
    control
        .set_position("", "F", dec("5"), dec("12"))
        .await
        .unwrap();
    simulator.shutdown().await;
    let simulator = start(config).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    let rows = ["position AAPL 10", "position F 5", "positions end"];
    assert_eq!(ask_positions(&mut peer).await, rows);
    let told = ask_updates(&mut peer, ACCOUNT).await;
    assert_eq!(value(&told, "CashBalance", "USD"), dec("-2301"));
}
