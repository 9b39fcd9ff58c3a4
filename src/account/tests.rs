use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::{AccountWatch, Accounts, DayProfit, Heard, Snapshot};
use crate::domain::{
    AccountReport, AccountUpdate, Amount, Market, PortfolioReport, PositionReport, Timestamp,
    ValueReport,
};
use crate::error::Reason;

const ACCOUNT: &str = "DU1";

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

fn held(con_id: i64, symbol: &str, quantity: &str) -> PositionReport {
    PositionReport {
        account: ACCOUNT.to_owned(),
        con_id,
        symbol: symbol.to_owned(),
        sec_type: "STK".to_owned(),
        exchange: Some("NASDAQ".to_owned()),
        currency: "USD".to_owned(),
        quantity: amount(quantity),
        average_cost: amount("150.25"),
    }
}

fn worth(con_id: i64, price: &str) -> PortfolioReport {
    PortfolioReport {
        account: ACCOUNT.to_owned(),
        con_id,
        held: true,
        market: Market {
            price: Some(amount(price)),
            ..Market::default()
        },
    }
}

/// Accounts, and a clock that goes on with each thing that is heard.
#[derive(Default)]
struct Scene {
    accounts: Accounts,
    now: i64,
}

impl Scene {
    /// In a session of one account, nothing said yet.
    fn connected() -> Self {
        let mut scene = Self::default();
        scene.session_of(&[ACCOUNT], Some(ACCOUNT));
        scene
    }

    /// Everything was asked for, and TWS has said that there is nothing.
    fn settled() -> Self {
        let mut scene = Self::connected();
        scene.asked();
        scene.ended();
        scene
    }

    fn session_of(&mut self, accounts: &[&str], subscribed: Option<&str>) {
        self.hear(Heard::SessionUp {
            accounts: accounts.iter().map(|name| (*name).to_owned()).collect(),
            subscribed: subscribed.map(str::to_owned),
        });
    }

    fn hear(&mut self, heard: Heard) {
        self.now += 1;
        let now = Timestamp::from_unix_micros(self.now);
        self.accounts.hear(&heard, now);
    }

    fn report(&mut self, report: AccountReport) {
        self.hear(Heard::Report(report));
    }

    fn asked(&mut self) {
        self.report(AccountReport::Asked {
            account: Some(ACCOUNT.to_owned()),
            summary: false,
            messages: 3,
        });
    }

    fn ended(&mut self) {
        self.report(AccountReport::PositionsEnd);
        self.values_end();
    }

    fn values_end(&mut self) {
        self.report(AccountReport::ValuesEnd {
            account: ACCOUNT.to_owned(),
        });
    }

    fn position(&mut self, con_id: i64, symbol: &str, quantity: &str) {
        self.report(AccountReport::Position(held(con_id, symbol, quantity)));
    }

    fn value(&mut self, name: &str, currency: Option<&str>, value: &str) {
        self.value_of(ACCOUNT, false, name, currency, value);
    }

    fn value_of(
        &mut self,
        account: &str,
        summary: bool,
        name: &str,
        currency: Option<&str>,
        value: &str,
    ) {
        self.report(AccountReport::Value(ValueReport {
            account: account.to_owned(),
            name: name.to_owned(),
            currency: currency.map(str::to_owned),
            value: value.to_owned(),
            summary,
        }));
    }

    fn snapshot(&self) -> &Snapshot {
        self.accounts.snapshot()
    }

    /// `AAPL 100`, in order.
    fn positions(&self) -> Vec<String> {
        let positions = self.snapshot().positions(None);
        positions
            .iter()
            .map(|position| format!("{} {}", position.symbol, position.quantity))
            .collect()
    }

    fn values(&self, account: &str) -> Vec<String> {
        let values = self.snapshot().values(account);
        values.iter().map(ToString::to_string).collect()
    }

    fn stale(&self) -> (bool, bool) {
        let freshness = self.snapshot().freshness(ACCOUNT);
        (freshness.positions_stale, freshness.values_stale)
    }
}

#[test]
fn positions_are_stale_until_the_first_end_behind_our_request_and_from_the_loss_of_the_link() {
    let mut scene = Scene::connected();
    assert_eq!(scene.stale(), (true, true));
    // An end that answers no request of this session.
    scene.ended();
    assert_eq!(scene.stale(), (true, true));
    scene.asked();
    scene.position(1, "AAPL", "100");
    assert_eq!(scene.stale(), (true, true));
    scene.report(AccountReport::PositionsEnd);
    assert_eq!(scene.stale(), (false, true));
    scene.values_end();
    assert_eq!(scene.stale(), (false, false));
    assert!(!scene.snapshot().is_stale());
    scene.hear(Heard::LinkLost);
    assert_eq!(scene.stale(), (true, true));
    assert_eq!(scene.positions(), ["AAPL 100"]);
    let as_of = scene.snapshot().positions_freshness(None).as_of;
    assert_eq!(as_of, Some(Timestamp::from_unix_micros(6)));
}

#[test]
fn a_second_end_does_not_answer_the_next_request() {
    let mut scene = Scene::settled();
    scene.ended();
    scene.hear(Heard::LinkLost);
    scene.ended();
    assert_eq!(scene.stale(), (true, true));
}

#[test]
fn a_zero_row_closes_a_position_and_a_row_missing_at_the_end_too() {
    let mut scene = Scene::connected();
    scene.asked();
    scene.position(1, "AAPL", "100");
    scene.position(2, "MSFT", "-5");
    scene.position(3, "OLD", "0");
    scene.ended();
    assert_eq!(scene.positions(), ["AAPL 100", "MSFT -5"]);
    scene.position(2, "MSFT", "0");
    assert_eq!(scene.positions(), ["AAPL 100"]);
    scene.hear(Heard::LinkLost);
    scene.asked();
    scene.position(4, "NVDA", "7");
    // Until the end what was known is shown.
    assert_eq!(scene.positions(), ["AAPL 100", "NVDA 7"]);
    scene.ended();
    assert_eq!(scene.positions(), ["NVDA 7"]);
}

#[test]
fn one_symbol_may_be_held_twice_and_cash_is_no_position() {
    let mut scene = Scene::settled();
    scene.position(1, "ASML", "40");
    let euros = PositionReport {
        currency: "EUR".to_owned(),
        ..held(2, "ASML", "20")
    };
    scene.report(AccountReport::Position(euros));
    let cash = PositionReport {
        sec_type: "CASH".to_owned(),
        ..held(3, "EUR", "1000")
    };
    scene.report(AccountReport::Position(cash));
    assert_eq!(scene.positions(), ["ASML 40", "ASML 20"]);
}

#[test]
fn positions_stay_stale_when_a_row_could_not_be_read() {
    let mut scene = Scene::settled();
    scene.position(1, "AAPL", "100");
    scene.hear(Heard::LinkLost);
    scene.asked();
    scene.report(AccountReport::PositionLost);
    scene.ended();
    assert_eq!(scene.stale(), (true, false));
    // It may be the row that could not be read.
    assert_eq!(scene.positions(), ["AAPL 100"]);
    scene.asked();
    scene.ended();
    assert_eq!(scene.stale(), (false, false));
    assert!(scene.positions().is_empty());
    scene.report(AccountReport::PositionLost);
    assert_eq!(scene.stale(), (true, false));
}

#[test]
fn what_a_position_is_worth_goes_with_it_whichever_comes_first() {
    let mut scene = Scene::settled();
    scene.report(AccountReport::Portfolio(worth(1, "319.6300049")));
    assert!(scene.positions().is_empty());
    scene.position(1, "AAPL", "100");
    let price = |scene: &Scene| scene.snapshot().positions(None)[0].market_price;
    assert_eq!(price(&scene), Some(amount("319.6300049")));
    scene.report(AccountReport::Portfolio(worth(1, "320")));
    assert_eq!(price(&scene), Some(amount("320")));
    // Closed and opened again, the price of before is not shown.
    scene.position(1, "AAPL", "0");
    scene.position(1, "AAPL", "1");
    assert_eq!(price(&scene), None);
    // What a new answer does not show is worth nothing known.
    scene.report(AccountReport::Portfolio(worth(1, "321")));
    scene.asked();
    scene.ended();
    scene.position(1, "AAPL", "1");
    assert_eq!(price(&scene), None);
}

#[test]
fn values_are_kept_by_name_and_currency_with_the_prefix_of_the_ledger_taken_off() {
    let mut scene = Scene::connected();
    scene.asked();
    for (name, currency, value) in [
        ("AccountCode", None, ACCOUNT),
        ("CashBalance", Some("USD"), "1.50"),
        ("$LEDGER-CashBalance", Some("EUR"), "0.888751"),
        ("$LEDGER-CashBalance", Some("BASE"), "2.5"),
        ("NetLiquidation-S", Some("EUR"), "9"),
        ("NetLiquidation-P", Some("EUR"), "8"),
        ("NetLiquidation", Some("EUR"), "7"),
    ] {
        scene.value(name, currency, value);
    }
    scene.ended();
    let all = [
        "AccountCode DU1",
        "CashBalance 2.5 BASE",
        "CashBalance 0.888751 EUR",
        "CashBalance 1.50 USD",
        "NetLiquidation 7 EUR",
        "NetLiquidation-P 8 EUR",
        "NetLiquidation-S 9 EUR",
    ];
    assert_eq!(scene.values(ACCOUNT), all);
    // A currency that is gone at the end of the next answer is gone.
    scene.asked();
    scene.value("CashBalance", Some("USD"), "3");
    assert_eq!(scene.values(ACCOUNT).len(), all.len());
    scene.ended();
    assert_eq!(scene.values(ACCOUNT), ["CashBalance 3 USD"]);
}

#[test]
fn nothing_is_trusted_while_ib_resets_the_account() {
    let mut scene = Scene::settled();
    scene.value("AccountReady", None, "false");
    assert_eq!(scene.stale(), (true, true));
    scene.value("accountReady", None, "true");
    assert_eq!(scene.stale(), (false, false));
    scene.value("AccountReady", None, "false");
    scene.session_of(&[ACCOUNT], Some(ACCOUNT));
    scene.asked();
    scene.ended();
    assert_eq!(scene.stale(), (false, false));
}

#[test]
fn values_are_stale_when_tws_ends_the_subscription() {
    let mut scene = Scene::settled();
    scene.report(AccountReport::Unsubscribed);
    assert_eq!(scene.stale(), (false, true));
    scene.values_end();
    assert_eq!(scene.stale(), (false, true));
    scene.asked();
    scene.ended();
    assert_eq!(scene.stale(), (false, false));
}

#[test]
fn another_login_leaves_nothing_of_accounts_it_does_not_have() {
    let mut scene = Scene::settled();
    scene.position(1, "AAPL", "100");
    scene.value("NetLiquidation", Some("USD"), "1");
    scene.session_of(&["DU2"], Some("DU2"));
    assert!(scene.positions().is_empty());
    assert!(scene.values(ACCOUNT).is_empty());
}

#[test]
fn of_several_accounts_the_summary_has_the_values() {
    let mut scene = Scene::default();
    scene.session_of(&[ACCOUNT, "DU2"], Some(ACCOUNT));
    scene.report(AccountReport::Asked {
        account: Some(ACCOUNT.to_owned()),
        summary: true,
        messages: 5,
    });
    for account in [ACCOUNT, "DU2"] {
        scene.value_of(account, true, "NetLiquidation", Some("EUR"), "36992.49");
    }
    scene.value("NetLiquidation", Some("EUR"), "36992.50");
    scene.report(AccountReport::SummaryEnd);
    assert_eq!(scene.values("DU2"), ["NetLiquidation 36992.49 EUR"]);
    assert_eq!(scene.values(ACCOUNT), ["NetLiquidation 36992.50 EUR"]);
    let stale = |scene: &Scene, account| scene.snapshot().freshness(account).values_stale;
    assert!(stale(&scene, ACCOUNT));
    assert!(!stale(&scene, "DU2"));
    // Rows and their end may come twice.
    scene.report(AccountReport::SummaryEnd);
    scene.hear(Heard::LinkLost);
    scene.report(AccountReport::SummaryEnd);
    assert!(stale(&scene, "DU2"));
}

#[test]
fn the_profit_of_the_day_is_tws_s_own_figure_or_what_is_realized_and_not() {
    let mut scene = Scene::settled();
    let profit = |scene: &Scene| scene.snapshot().day_profit(ACCOUNT);
    assert_eq!(profit(&scene), DayProfit::Unknown);
    scene.value("RealizedPnL", Some("USD"), "99");
    scene.value("RealizedPnL", Some("BASE"), "-10.50");
    assert_eq!(profit(&scene), DayProfit::Unknown);
    scene.value("UnrealizedPnL", Some("BASE"), "4.25");
    assert_eq!(profit(&scene), DayProfit::Current(amount("-6.25")));
    let daily = |daily: Option<&str>| AccountReport::DailyProfit {
        account: ACCOUNT.to_owned(),
        daily: daily.map(|text| Amount::new(text.parse().unwrap())),
    };
    scene.report(daily(Some("-7.1234567890123456")));
    let exact = Amount::new("-7.1234567890123456".parse().unwrap());
    assert_eq!(profit(&scene), DayProfit::Current(exact));
    scene.hear(Heard::LinkLost);
    assert_eq!(profit(&scene), DayProfit::Stale(exact));
    // The answer about values does not have it, and does not take it away.
    scene.asked();
    scene.value("RealizedPnL", Some("BASE"), "1");
    scene.value("UnrealizedPnL", Some("BASE"), "1");
    scene.ended();
    assert_eq!(profit(&scene), DayProfit::Stale(exact));
    scene.report(daily(None));
    assert_eq!(profit(&scene), DayProfit::Current(amount("2")));
}

#[test]
fn what_waits_for_the_store_makes_everything_stale() {
    let mut scene = Scene::settled();
    scene.accounts.set_held_up(true);
    assert_eq!(scene.stale(), (true, true));
    assert!(scene.accounts.take_changed());
    scene.accounts.set_held_up(false);
    assert_eq!(scene.stale(), (false, false));
}

/// The next updates without waiting for a change.
async fn next(watch: &mut AccountWatch, count: usize) -> Vec<AccountUpdate> {
    let mut updates = Vec::new();
    for _ in 0..count {
        updates.push(watch.next().await.unwrap().unwrap());
    }
    updates
}

#[tokio::test]
async fn a_watch_shows_what_is_known_and_then_what_changes() {
    let mut scene = Scene::settled();
    scene.position(1, "AAPL", "100");
    scene.value("NetLiquidation", Some("USD"), "5");
    let (shown, source) = watch::channel(Arc::clone(scene.accounts.snapshot()));
    let poll = Duration::from_secs(60);
    let mut watch = AccountWatch::new(source, None, poll, None);
    let first = next(&mut watch, 4).await;
    assert!(matches!(&first[0], AccountUpdate::Position(position) if position.symbol == "AAPL"));
    assert!(matches!(&first[1], AccountUpdate::Value { value, .. } if value.value == "5"));
    assert!(matches!(&first[2], AccountUpdate::Freshness(fresh) if !fresh.positions_stale));
    assert_eq!(first[3], AccountUpdate::SnapshotEnd {});
    // Of many changes a slow watcher sees the last.
    for quantity in ["1", "2", "0"] {
        scene.position(1, "AAPL", quantity);
        scene.position(2, "MSFT", quantity);
        shown.send_replace(Arc::clone(scene.accounts.snapshot()));
    }
    scene.asked();
    scene.ended();
    shown.send_replace(Arc::clone(scene.accounts.snapshot()));
    let changes = next(&mut watch, 3).await;
    assert!(
        matches!(&changes[0], AccountUpdate::Position(position) if position.symbol == "AAPL" && position.quantity.is_zero())
    );
    assert!(
        matches!(&changes[1], AccountUpdate::Value { value, .. } if value.name == "NetLiquidation" && value.value.is_empty())
    );
    assert!(matches!(&changes[2], AccountUpdate::Freshness(_)));
    scene.hear(Heard::LinkLost);
    shown.send_replace(Arc::clone(scene.accounts.snapshot()));
    let lost = next(&mut watch, 1).await;
    assert!(matches!(&lost[0], AccountUpdate::Freshness(fresh) if fresh.positions_stale));
    drop(shown);
    let end = watch.next().await.unwrap().unwrap_err();
    assert_eq!(end.reason, Reason::ShuttingDown);
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn a_watch_shows_that_it_lives_and_ends_when_its_time_is_over() {
    let (_shown, source) = watch::channel(Arc::default());
    let poll = Duration::from_millis(10);
    let max_wait = Some(Duration::from_secs(1));
    let mut watch = AccountWatch::new(source, None, poll, max_wait);
    assert_eq!(
        next(&mut watch, 2).await,
        [AccountUpdate::SnapshotEnd {}, AccountUpdate::Heartbeat {}]
    );
    let end = loop {
        match watch.next().await.unwrap() {
            Ok(update) => assert_eq!(update, AccountUpdate::Heartbeat {}),
            Err(error) => break error,
        }
    };
    assert_eq!(end.reason, Reason::MaxWait);
}
