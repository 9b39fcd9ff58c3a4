//! The values of an account: names, currencies and texts, in the order in which TWS was recorded to send them.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::super::super::account::Account;
use super::super::super::clock::Now;
use super::super::super::feeds::Told;
use super::super::super::order::plain;
use super::super::Exchange;

/// Buying power to available funds: a recorded paper account's.
const BUYING_POWER_OF_FUNDS: Decimal = Decimal::from_parts(15, 0, 0, false, 2);
/// Named in front of the values of single currencies when TWS is set so.
const LEDGER: &str = "$LEDGER-";

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) key: String,
    /// None for what has no unit.
    pub(super) currency: Option<String>,
    pub(super) text: String,
    /// Whether it is told for each currency.
    pub(super) in_ledger: bool,
}

impl Value {
    /// What a subscription to cash alone has.
    pub(super) fn is_ledger(&self) -> bool {
        self.in_ledger || self.key == "NetLiquidation"
    }
}

/// What an account has in one currency.
#[derive(Clone, Copy, Debug, Default)]
struct Holding {
    cash: Decimal,
    stock: Decimal,
    unrealized: Decimal,
    realized: Decimal,
    /// Of one unit in the base currency.
    rate: Decimal,
}

/// The values that differ from what was told, which is then what was told.
pub(super) fn changed(told: &mut Told, values: Vec<Value>) -> Vec<Value> {
    let is_news = |value: &Value| {
        let name = (value.key.clone(), value.currency.clone());
        told.insert(name, value.text.clone()).as_ref() != Some(&value.text)
    };
    values.into_iter().filter(is_news).collect()
}

impl Exchange {
    /// All values of an account. Those of a subscription that is not ready are zeros, and say so.
    pub(super) fn account_values(&self, name: &str, not_ready: bool, now: Now) -> Vec<Value> {
        let nothing = Account::default();
        let account = match not_ready {
            true => &nothing,
            false => self.shown_account(name),
        };
        let ready = !not_ready && self.stale_accounts.is_none();
        let rows = Rows {
            base: self.config.base_currency.word(),
            holdings: self.holdings(account, now),
            prefix: if self.switches.ledger_prefix {
                LEDGER
            } else {
                ""
            },
            values: Vec::new(),
        };
        let figures = self.figures(account);
        rows.all(name, ready, &figures, now)
    }

    fn figures(&self, account: &Account) -> Figures {
        let margin = self.margin_of(account, None);
        let equity = self.equity_of(account);
        let positions = account.positions.iter();
        Figures {
            cash: account
                .cash
                .iter()
                .map(|(currency, amount)| self.in_base(currency, *amount))
                .fold(Decimal::ZERO, Decimal::saturating_add),
            gross: positions
                .map(|(symbol, position)| self.value_in_base(symbol, position.quantity).abs())
                .fold(Decimal::ZERO, Decimal::saturating_add),
            equity,
            initial: margin.initial,
            maintenance: margin.maintenance,
            before: account.day_start.map_or(equity, |start| start.equity),
        }
    }

    /// What there is in each currency.
    fn holdings(&self, account: &Account, now: Now) -> BTreeMap<String, Holding> {
        let today = self.day(now);
        let mut holdings: BTreeMap<String, Holding> = BTreeMap::new();
        holdings
            .entry(self.config.base_currency.word().to_owned())
            .or_default();
        for (currency, amount) in &account.cash {
            holdings.entry(currency.clone()).or_default().cash = *amount;
        }
        for (symbol, position) in &account.positions {
            let Some(instrument) = self
                .market
                .by_symbol(symbol)
                .and_then(|symbol| self.market.get(symbol))
            else {
                continue;
            };
            let holding = holdings.entry(instrument.currency.to_owned()).or_default();
            let value = position.quantity.saturating_mul(instrument.last());
            let cost = position.quantity.saturating_mul(position.average_cost);
            holding.stock = holding.stock.saturating_add(value);
            holding.unrealized = holding
                .unrealized
                .saturating_add(value.saturating_sub(cost));
            if position.traded_day == today {
                holding.realized = holding.realized.saturating_add(position.realized);
            }
        }
        for (currency, holding) in &mut holdings {
            holding.rate = self.in_base(currency, Decimal::ONE);
        }
        holdings
    }
}

/// Sums in the base currency.
struct Figures {
    cash: Decimal,
    gross: Decimal,
    equity: Decimal,
    initial: Decimal,
    maintenance: Decimal,
    /// Equity when the day began.
    before: Decimal,
}

/// Values being listed.
struct Rows<'a> {
    base: &'a str,
    holdings: BTreeMap<String, Holding>,
    prefix: &'static str,
    values: Vec<Value>,
}

impl Rows<'_> {
    fn all(mut self, name: &str, ready: bool, figures: &Figures, now: Now) -> Vec<Value> {
        let Figures {
            cash,
            gross,
            equity,
            initial,
            maintenance,
            before,
        } = *figures;
        let (available, excess) = (equity - initial, equity - maintenance);
        let buying_power = available
            .checked_div(BUYING_POWER_OF_FUNDS)
            .unwrap_or_default()
            .max(Decimal::ZERO);
        let of_equity = |part: Decimal| part.checked_div(equity).unwrap_or_default();
        let zero = |_: &str, _: &Holding| "0.00".to_owned();
        self.word("AccountCode", name);
        self.each("AccountOrGroup", |_, _| name.to_owned());
        self.word("AccountReady", if ready { "true" } else { "false" });
        self.word("AccountType", "INDIVIDUAL");
        self.each("AccruedCash", zero);
        self.total("AccruedDividend", Decimal::ZERO);
        self.segmented("AvailableFunds", available);
        self.total("Billable", Decimal::ZERO);
        self.total("BuyingPower", buying_power);
        self.each("CashBalance", |_, holding| exact(holding.cash));
        self.each("CorporateBondValue", zero);
        self.each("Cryptocurrency", zero);
        self.each("Currency", |currency, _| currency.to_owned());
        self.word("Cushion", &plain(of_equity(excess).round_dp(6)));
        self.word("DayTradesRemaining", "-1");
        self.segmented("EquityWithLoanValue", equity);
        self.segmented("ExcessLiquidity", excess);
        self.each("ExchangeRate", |_, holding| {
            match holding.rate == Decimal::ONE {
                true => "1.00".to_owned(),
                false => plain(holding.rate.round_dp(7)),
            }
        });
        self.segmented("FullAvailableFunds", available);
        self.segmented("FullExcessLiquidity", excess);
        self.segmented("FullInitMarginReq", initial);
        self.segmented("FullMaintMarginReq", maintenance);
        for key in [
            "FundValue",
            "FutureOptionValue",
            "FuturesPNL",
            "FxCashBalance",
        ] {
            self.each(key, zero);
        }
        self.segmented("GrossPositionValue", gross);
        self.word("HighestSeverity", "0");
        self.segmented("InitMarginReq", initial);
        self.each("IssuerOptionValue", zero);
        self.word("Leverage-S", &plain(of_equity(gross).round_dp(2)));
        self.segmented("LookAheadAvailableFunds", available);
        self.segmented("LookAheadExcessLiquidity", excess);
        self.segmented("LookAheadInitMarginReq", initial);
        self.segmented("LookAheadMaintMarginReq", maintenance);
        self.word("LookAheadNextChange", "0");
        self.segmented("MaintMarginReq", maintenance);
        self.each("MoneyMarketFundValue", zero);
        self.each("MutualFundValue", zero);
        self.word("NLVAndMarginInReview", "false");
        self.each("NetDividend", zero);
        self.segmented("NetLiquidation", equity);
        self.each("NetLiquidationByCurrency", |_, holding| {
            exact(holding.cash.saturating_add(holding.stock))
        });
        self.each("OptionMarketValue", zero);
        for key in [
            "PhysicalCertificateValue",
            "PostExpirationExcess",
            "PostExpirationMargin",
        ] {
            self.total(key, Decimal::ZERO);
            self.total(&format!("{key}-P"), Decimal::ZERO);
        }
        self.segmented("PreviousDayEquityWithLoanValue", before);
        self.each("RealCurrency", |currency, _| currency.to_owned());
        self.each("RealizedPnL", |_, holding| cents(holding.realized));
        self.total("RegTEquity", equity);
        self.total("RegTMargin", initial);
        self.total("SMA", available);
        self.word("SegmentTitle-P", "Crypto at Paxos");
        self.word("SegmentTitle-S", "CFD");
        self.segmented("SettledCash", cash);
        let today = now.date_digits();
        self.each("SettledCashByDate", |_, holding| {
            format!("{today}:{}", plain(holding.cash))
        });
        self.each("StockMarketValue", |_, holding| cents(holding.stock));
        self.each("TBillValue", zero);
        self.each("TBondValue", zero);
        self.each("TotalCashBalance", |_, holding| exact(holding.cash));
        self.total("TotalCashValue", cash);
        self.total("TotalCashValue-P", Decimal::ZERO);
        self.total("TotalDebitCardPendingCharges", Decimal::ZERO);
        self.total("TotalDebitCardPendingCharges-P", Decimal::ZERO);
        self.word("TradingType-S", "STKNOPT");
        self.each("UnrealizedPnL", |_, holding| cents(holding.unrealized));
        self.each("WarrantValue", zero);
        self.values
    }

    /// A value without a unit.
    fn word(&mut self, key: &str, text: &str) {
        self.push(key, None, text.to_owned());
    }

    /// A sum in the base currency.
    fn total(&mut self, key: &str, amount: Decimal) {
        self.push(key, Some(self.base.to_owned()), cents(amount));
    }

    /// A sum, and the same of securities alone, which are all there is.
    fn segmented(&mut self, key: &str, amount: Decimal) {
        self.total(key, amount);
        self.total(&format!("{key}-S"), amount);
    }

    /// A value in all currencies together, named BASE, and in each of them.
    fn each(&mut self, key: &str, text: impl Fn(&str, &Holding) -> String) {
        let in_base = |part: fn(&Holding) -> Decimal| {
            let parts = self.holdings.values();
            parts
                .map(|holding| part(holding).saturating_mul(holding.rate))
                .fold(Decimal::ZERO, Decimal::saturating_add)
        };
        let together = Holding {
            cash: in_base(|holding| holding.cash),
            stock: in_base(|holding| holding.stock),
            unrealized: in_base(|holding| holding.unrealized),
            realized: in_base(|holding| holding.realized),
            rate: Decimal::ONE,
        };
        let mut rows = vec![("BASE".to_owned(), text("BASE", &together))];
        for (currency, holding) in &self.holdings {
            rows.push((currency.clone(), text(currency, holding)));
        }
        for (currency, text) in rows {
            self.values.push(Value {
                key: format!("{}{key}", self.prefix),
                currency: Some(currency),
                text,
                in_ledger: true,
            });
        }
    }

    fn push(&mut self, key: &str, currency: Option<String>, text: String) {
        self.values.push(Value {
            key: key.to_owned(),
            currency,
            text,
            in_ledger: false,
        });
    }
}

/// "543465.56".
fn cents(amount: Decimal) -> String {
    format!("{:.2}", amount.round_dp(2))
}

/// "543465.5629", and "692898.79" where that is all.
fn exact(amount: Decimal) -> String {
    plain(amount.round_dp(4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_as_many_decimals_as_were_recorded() {
        assert_eq!(cents("0".parse().unwrap()), "0.00");
        assert_eq!(cents("-12.334".parse().unwrap()), "-12.33");
        assert_eq!(exact("543465.56291".parse().unwrap()), "543465.5629");
        assert_eq!(exact("692898.790".parse().unwrap()), "692898.79");
    }

    #[test]
    fn a_value_is_news_once_for_each_text() {
        let value = |text: &str| Value {
            key: "NetLiquidation".to_owned(),
            currency: Some("EUR".to_owned()),
            text: text.to_owned(),
            in_ledger: false,
        };
        let mut told = Told::new();
        assert_eq!(changed(&mut told, vec![value("1.00")]).len(), 1);
        assert_eq!(changed(&mut told, vec![value("1.00")]).len(), 0);
        assert_eq!(changed(&mut told, vec![value("2.00")]).len(), 1);
    }
}
