//! Positions and account values at a TWS whose every frame is chosen.

use std::time::Duration;

use ibkr_orders::client::{Client, ClientOptions};
use ibkr_orders::config::Config;
use ibkr_orders::domain::{
    AccountIn, AccountUpdate, AccountValue, Position, PositionsIn, Status, WatchAccountIn,
};
use ibkr_orders::error::Reason;
use ibkr_orders::gateway::Gateway;
use ibkr_orders::grpc::ServerSettings;
use ibkr_orders::simulator::SimulatorConfig;
use ibkr_orders::{run_account, run_positions};
use rust_decimal::Decimal;
use serde_json::json;
use tempfile::TempDir;
use test_support::link;
use test_support::ports::ClosedPort;
use test_support::service::Service;
use test_support::tws::frames::{self, Body, frame};
use test_support::tws::peer::{ACCOUNT_DATA, ACCOUNT_SUMMARY, PNL, POSITIONS};
use test_support::tws::scripted::{Answer, Script, ScriptedTws};
use test_support::waiting::eventually;

use crate::support::{buy_market, config, rig};

/// A gateway in front of a scripted TWS.
struct Scene {
    tws: ScriptedTws,
    gateway: Gateway,
    _directory: TempDir,
}

impl Scene {
    async fn start(script: Script) -> Self {
        let tws = ScriptedTws::start(script).await;
        let directory = TempDir::new().unwrap();
        let gateway = Gateway::open(&config(tws.port, &directory)).await.unwrap();
        Self {
            tws,
            gateway,
            _directory: directory,
        }
    }

    async fn positions(&self) -> (Vec<Position>, bool) {
        let found = self.gateway.positions(PositionsIn::default()).await;
        let found = found.unwrap();
        (found.positions, found.stale)
    }

    /// `AAPL 100`, in order.
    async fn held(&self) -> Vec<String> {
        let (positions, _) = self.positions().await;
        let held = positions.iter();
        held.map(|position| format!("{} {}", position.symbol, position.quantity))
            .collect()
    }

    async fn values(&self) -> (Vec<AccountValue>, bool) {
        let found = self.gateway.account(AccountIn::default()).await.unwrap();
        assert_eq!(found.account, "DU111");
        (found.values, found.stale)
    }

    /// Waits until positions and values are stale, or are not.
    async fn until_stale(&self, positions: bool, values: bool) {
        let what = format!("positions stale: {positions}, values stale: {values}");
        eventually(&what, async || {
            self.positions().await.1 == positions && self.values().await.1 == values
        })
        .await;
    }

    async fn until_held(&self, held: &[&str]) {
        eventually(&format!("{held:?}"), async || self.held().await == held).await;
    }

    /// Requests of positions, account data, account summaries and profits so far.
    fn asked(&self) -> [usize; 4] {
        [POSITIONS, ACCOUNT_DATA, ACCOUNT_SUMMARY, PNL].map(|id| self.tws.requests(id).len())
    }

    async fn end(self) {
        self.gateway.close(Duration::from_secs(1)).await;
    }
}

/// One position, and some values.
fn holding() -> Script {
    Script {
        positions: Answer::of([frames::position(265_598, "AAPL", "100", 150.26)]),
        account_data: Answer::of([
            frames::account_value("AccountCode", "", "DU111"),
            frames::account_value("AccountReady", "", "true"),
            frames::account_value("NetLiquidation", "EUR", "36992.49"),
            frames::account_value("$LEDGER-CashBalance", "BASE", "-1441.67"),
            frames::portfolio(265_598, "AAPL", "100", 319.630_004_9),
            frames::account_time("15:31"),
        ]),
        profit: Some(Box::new(|id| frames::profit(id, -12.345))),
        ..Script::default()
    }
}

#[tokio::test]
async fn positions_and_values_are_what_tws_says() {
    let scene = Scene::start(holding()).await;
    scene.until_stale(false, false).await;
    let (positions, _) = scene.positions().await;
    assert_eq!(
        serde_json::to_value(&positions).unwrap(),
        json!([{
            "account": "DU111", "con_id": 265_598, "symbol": "AAPL", "sec_type": "STK", "exchange": "NASDAQ", "currency": "USD",
            "quantity": 100, "average_cost": 150.26, "market_price": 319.630_004_9, "market_value": 319.630_004_9_f64 * 100.0,
            "unrealized_pnl": 12.5, "realized_pnl": -1.25,
        }])
    );
    eventually("the day's profit", async || {
        let (values, _) = scene.values().await;
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        values
            == [
                "AccountCode DU111",
                "AccountReady true",
                "CashBalance -1441.67 BASE",
                "DailyPnL -12.345 BASE",
                "NetLiquidation 36992.49 EUR",
            ]
    })
    .await;
    assert_eq!(scene.asked(), [1, 1, 0, 1]);
    let of_another = PositionsIn {
        account: Some("DU9".to_owned()),
        ..PositionsIn::default()
    };
    let refused = scene.gateway.positions(of_another).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestInvalid);
    assert!(refused.message.contains("DU111"), "{refused}");
    scene.end().await;
}

#[tokio::test]
async fn a_row_that_is_odd_costs_that_row_and_no_other() {
    let mut script = holding();
    script.positions = Answer::of([
        frames::position(1, "OLD", "0", 0.0),
        frames::position_in("DU111", frames::stock(2, "EUR", "CASH"), "1000", 1.1),
        frames::position(3, "ASML", "30", 1_405.663_336_65),
        frames::position(4, "ASML", "-40.5", 1_297.848_6),
        // Without a quantity and without a contract.
        frame(6, Body(vec![0xff; 9])),
        frame(7, Body::default().text(2, "7")),
        frames::account_value("", "USD", "1"),
        frames::positions_end(),
    ]);
    let scene = Scene::start(script).await;
    scene.until_stale(false, false).await;
    assert_eq!(scene.held().await, ["ASML 30", "ASML -40.5"]);
    assert!(scene.gateway.stats().tws_unreadable.get() >= 2);
    scene.end().await;
}

#[tokio::test]
async fn positions_stay_stale_while_one_of_them_cannot_be_read() {
    let mut script = holding();
    let unreadable = Body::default()
        .text(1, "DU111")
        .message(2, frames::stock(9, "XYZ", "STK"))
        .text(3, "1,000");
    script.positions = Answer::of([
        frames::position(265_598, "AAPL", "100", 150.26),
        frame(61, unreadable),
    ]);
    let scene = Scene::start(script).await;
    scene.until_stale(true, false).await;
    assert_eq!(scene.held().await, ["AAPL 100"]);
    assert_eq!(scene.gateway.stats().account_stale.get(), 1);
    scene.end().await;
}

#[tokio::test]
async fn after_a_broken_link_all_is_stale_until_tws_has_said_it_anew() {
    let scene = Scene::start(holding()).await;
    scene.until_stale(false, false).await;
    assert_eq!(scene.gateway.stats().account_stale.get(), 0);
    scene.tws.change(|script| {
        script.positions = Answer {
            ends: false,
            ..Answer::of([frames::position(7, "MSFT", "-5", 400.0)])
        };
    });
    let sessions = link::sessions(&scene.gateway);
    scene.tws.cut();
    link::session_after(&scene.gateway, sessions).await;
    scene.until_stale(true, false).await;
    scene.until_held(&["AAPL 100", "MSFT -5"]).await;
    assert!(scene.positions().await.1);
    scene.tws.say(frames::positions_end());
    scene.until_stale(false, false).await;
    assert_eq!(scene.held().await, ["MSFT -5"]);
    // Changes come by themselves, and what is closed comes with 0.
    scene.tws.say(frames::position(8, "NVDA", "3", 900.0));
    scene.tws.say(frames::position(7, "MSFT", "0", 0.0));
    scene.until_held(&["NVDA 3"]).await;
    assert_eq!(scene.asked(), [2, 2, 0, 2]);
    scene.end().await;
}

#[tokio::test]
async fn a_lost_ib_makes_all_stale_and_everything_is_asked_for_again() {
    let scene = Scene::start(holding()).await;
    scene.until_stale(false, false).await;
    scene.tws.say(frames::error(-1, 1100, "lost"));
    scene.until_stale(true, true).await;
    scene.tws.say(frames::error(-1, 1102, "restored"));
    // Not at once after the last time, whatever the link does.
    scene.until_stale(false, false).await;
    assert_eq!(scene.asked(), [2, 2, 0, 2]);
    scene.end().await;
}

#[tokio::test]
async fn nothing_is_trusted_while_ib_resets_the_account_or_another_client_has_its_values() {
    let scene = Scene::start(holding()).await;
    scene.until_stale(false, false).await;
    let ready = |ready: &str| frames::account_value("AccountReady", "", ready);
    scene.tws.say(ready("false"));
    scene.until_stale(true, true).await;
    scene.tws.say(ready("true"));
    scene.until_stale(false, false).await;
    scene.tws.say(frames::error(
        -1,
        2100,
        "API client has been unsubscribed from account data.",
    ));
    scene.until_stale(false, true).await;
    scene.end().await;
}

#[tokio::test]
async fn of_several_accounts_each_has_its_positions_and_main_values() {
    let mut script = holding();
    script.accounts = "DU111,DU222";
    let stock = || frames::stock(1, "AAPL", "STK");
    script.positions = Answer::of([
        frames::position_in("DU111", stock(), "1", 10.0),
        frames::position_in("DU222", stock(), "2", 10.0),
    ]);
    let row = |account: &'static str, value: &'static str| {
        Box::new(move |id| frames::account_summary(id, account, "NetLiquidation", "EUR", value))
            as Box<dyn Fn(i64) -> Vec<u8> + Send>
    };
    script.account_summary = Answer {
        rows: vec![row("DU111", "1"), row("DU222", "2"), row("DU222", "2")],
        ends: true,
    };
    let scene = Scene::start(script).await;
    let of = |account: &str| AccountIn {
        account: Some(account.to_owned()),
        ..AccountIn::default()
    };
    eventually("the summary", async || {
        let found = scene.gateway.account(of("DU222")).await;
        found.is_ok_and(|found| !found.stale && found.values.iter().any(|v| v.value == "2"))
    })
    .await;
    assert_eq!(scene.held().await, ["AAPL 1", "AAPL 2"]);
    let only = PositionsIn {
        account: Some("DU222".to_owned()),
        ..PositionsIn::default()
    };
    let found = scene.gateway.positions(only).await.unwrap();
    assert_eq!(found.positions.len(), 1);
    assert_eq!(found.positions[0].account, "DU222");
    // Which one is meant nobody says.
    let unnamed = scene.gateway.account(AccountIn::default()).await;
    let refused = unnamed.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestInvalid);
    assert!(refused.message.contains("DU111, DU222"), "{refused}");
    assert_eq!(scene.asked(), [1, 0, 1, 2]);
    scene.end().await;
}

#[tokio::test]
async fn a_client_of_the_service_is_told_the_same_and_sees_every_change() {
    let scene = Scene::start(holding()).await;
    scene.until_stale(false, false).await;
    let settings = ServerSettings::from(&Config::default());
    let service = Service::start(&scene.gateway, settings).await;
    let client = Client::connect(service.url(), ClientOptions::default()).await;
    let client = client.unwrap();
    let positions = client.positions(PositionsIn::default()).await.unwrap();
    let (expected, _) = scene.positions().await;
    assert_eq!(positions.positions, expected);
    assert!(!positions.stale && positions.as_of.is_some());
    let account = client.account(AccountIn::default()).await.unwrap();
    assert!(account.values.iter().any(|value| value.value == "36992.49"));
    let unknown = AccountIn {
        account: Some("DU9".to_owned()),
        ..AccountIn::default()
    };
    let refused = client.account(unknown).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RequestInvalid);

    let mut watch = client
        .watch_account(WatchAccountIn::default())
        .await
        .unwrap();
    let mut shown = Vec::new();
    loop {
        match watch.next().await.unwrap().unwrap() {
            AccountUpdate::SnapshotEnd {} => break,
            update => shown.push(update),
        }
    }
    assert!(matches!(&shown[0], AccountUpdate::Position(position) if position.symbol == "AAPL"));
    let fresh = |update: &AccountUpdate| matches!(update, AccountUpdate::Freshness(fresh) if !fresh.positions_stale && !fresh.values_stale);
    assert!(shown.iter().any(fresh), "{shown:?}");
    scene.tws.say(frames::position(265_598, "AAPL", "0", 0.0));
    loop {
        let update = watch.next().await.unwrap().unwrap();
        if let AccountUpdate::Position(position) = update {
            assert_eq!(position.quantity.to_string(), "0");
            break;
        }
    }
    service.stop.cancel();
    let end = loop {
        match watch.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(end.reason, Reason::ShuttingDown);
    service.end().await;
    scene.end().await;
}

#[tokio::test]
async fn one_call_connects_waits_for_the_whole_answer_and_leaves() {
    let tws = ScriptedTws::start(holding()).await;
    let directory = TempDir::new().unwrap();
    let config = config(tws.port, &directory);
    let positions = run_positions(&config, PositionsIn::default()).await;
    let positions = positions.unwrap();
    assert!(!positions.stale);
    assert_eq!(positions.positions.len(), 1);
    let account = run_account(&config, AccountIn::default()).await.unwrap();
    assert!(!account.stale);
    assert_eq!(account.account, "DU111");
}

#[tokio::test]
async fn without_tws_a_running_gateway_says_stale_and_one_call_says_why() {
    let nobody = ClosedPort::new();
    let directory = TempDir::new().unwrap();
    let config = config(nobody.port(), &directory);
    let short = PositionsIn {
        timeout: 0.2,
        ..PositionsIn::default()
    };
    let error = run_positions(&config, short.clone()).await.unwrap_err();
    assert_eq!(error.reason, Reason::TwsUnavailable);
    let gateway = Gateway::open(&config).await.unwrap();
    let found = gateway.positions(short).await.unwrap();
    assert!(found.stale && found.positions.is_empty() && found.as_of.is_none());
    gateway.close(Duration::from_secs(1)).await;
}

/// `AAPL 3`, and whether that may be old.
async fn held_at(gateway: &Gateway) -> (Vec<String>, bool) {
    let found = gateway.positions(PositionsIn::default()).await.unwrap();
    let held = found.positions.iter();
    let held = held.map(|position| format!("{} {}", position.symbol, position.quantity));
    (held.collect(), found.stale)
}

async fn until_held_at(gateway: &Gateway, held: &[&str]) {
    eventually(&format!("{held:?}"), async || {
        let (found, stale) = held_at(gateway).await;
        !stale && found == held
    })
    .await;
}

#[tokio::test]
async fn positions_follow_fills_and_what_happened_while_the_link_was_away() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    until_held_at(&rig.gateway, &[]).await;
    let state = rig.place(buy_market(3)).await;
    rig.until(state.order_id, Status::Filled).await;
    until_held_at(&rig.gateway, &["AAPL 3"]).await;
    let control = rig.control();
    let cost = Decimal::from(400);
    control
        .set_position("", "MSFT", Decimal::from(-7), cost)
        .await
        .unwrap();
    until_held_at(&rig.gateway, &["AAPL 3", "MSFT -7"]).await;
    // Closed while nobody listened: the next answer does not have it.
    control.refuse_connections(true).await.unwrap();
    control.drop_connections().await.unwrap();
    link::connected(&rig.gateway, false).await;
    assert!(held_at(&rig.gateway).await.1);
    control
        .set_position("", "MSFT", Decimal::ZERO, Decimal::ZERO)
        .await
        .unwrap();
    control.refuse_connections(false).await.unwrap();
    until_held_at(&rig.gateway, &["AAPL 3"]).await;
    rig.end().await;
}

#[tokio::test]
async fn the_account_of_the_simulated_login_has_its_values() {
    let rig = rig(SimulatorConfig::on_free_port()).await;
    rig.healthy().await;
    let values = async || {
        let found = rig.gateway.account(AccountIn::default()).await.unwrap();
        (!found.stale).then_some(found)
    };
    eventually("values", async || values().await.is_some()).await;
    let found = values().await.unwrap();
    for name in ["NetLiquidation", "BuyingPower", "TotalCashValue"] {
        let has = found.values.iter().any(|value| value.name == name);
        assert!(has, "{name} in {:?}", found.values);
    }
    rig.control().set_account_ready(false).await.unwrap();
    eventually("a reset", async || values().await.is_none()).await;
    rig.control().set_account_ready(true).await.unwrap();
    eventually("the end of the reset", async || values().await.is_some()).await;
    rig.end().await;
}
