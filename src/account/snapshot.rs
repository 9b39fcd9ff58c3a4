//! What is known of the accounts at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::{
    AccountFreshness, AccountValue, Amount, BASE_CURRENCY, DAILY_PNL, Market, Position,
    PositionReport, Timestamp,
};

/// Which position: an account and IB's contract id. Symbols are not unique.
pub(super) type PositionKey = (Arc<str>, i64);
/// Which value: TWS's name and the currency.
pub(super) type ValueKey = (String, Option<String>);

/// What is known of the accounts at one moment. Cheap to share; a later one is another value.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// Accounts of the login, in TWS's order; empty before the first session.
    pub accounts: Vec<String>,
    /// The account whose values TWS sends.
    pub subscribed: Option<String>,
    /// What came of TWS has not been taken in yet: all of it may be old.
    pub held_up: bool,
    pub(super) positions: BTreeMap<PositionKey, PositionReport>,
    pub(super) markets: BTreeMap<PositionKey, Market>,
    pub(super) positions_freshness: Freshness,
    pub(super) values: BTreeMap<Arc<str>, Values>,
}

/// How fresh something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// When TWS last said anything about it; `None`: never.
    pub as_of: Option<Timestamp>,
    /// TWS has said all of it in this session, and every change since.
    pub current: bool,
    /// TWS has said all of it at least once.
    pub known: bool,
}

/// The values of one account.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Values {
    pub(super) rows: BTreeMap<ValueKey, String>,
    pub(super) freshness: Freshness,
    /// TWS says that IB is resetting: what it says of the account may be wrong.
    pub(super) resetting: bool,
    /// The day's profit was said since the link was last lost.
    pub(super) profit_current: bool,
}

/// The day's profit of an account, realized and not, in its base currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DayProfit {
    /// TWS has not said it.
    #[default]
    Unknown,
    /// It has, but it may have changed since.
    Stale(Amount),
    /// TWS's last word.
    Current(Amount),
}

impl Snapshot {
    /// Whether positions are TWS's last word: it has said all of them in this session.
    pub fn positions_are_current(&self) -> bool {
        self.positions_freshness(None).current
    }

    /// Positions of one account or of all, by account, symbol and contract id.
    pub fn positions(&self, account: Option<&str>) -> Vec<Position> {
        let mut positions: Vec<Position> = self
            .positions
            .iter()
            .filter(|((of, _), _)| account.is_none_or(|account| **of == *account))
            .map(|(key, report)| position(report, self.markets.get(key)))
            .collect();
        positions.sort_by(|a, b| {
            let key = |position: &Position| (position.account.clone(), position.symbol.clone());
            key(a).cmp(&key(b)).then(a.con_id.cmp(&b.con_id))
        });
        positions
    }

    /// The values of an account, by name and currency.
    pub fn values(&self, account: &str) -> Vec<AccountValue> {
        let rows = self.values.get(account).map(|values| &values.rows);
        rows.into_iter()
            .flatten()
            .map(|((name, currency), value)| AccountValue {
                name: name.clone(),
                currency: currency.clone(),
                value: value.clone(),
            })
            .collect()
    }

    /// How fresh the positions are, of one account or of all.
    pub fn positions_freshness(&self, account: Option<&str>) -> Freshness {
        let resetting = self
            .values
            .iter()
            .any(|(of, values)| values.resetting && account.is_none_or(|account| **of == *account));
        let freshness = self.positions_freshness;
        Freshness {
            current: freshness.current && !resetting && !self.held_up,
            ..freshness
        }
    }

    /// How fresh the values of an account are.
    pub fn values_freshness(&self, account: &str) -> Freshness {
        let Some(values) = self.values.get(account) else {
            return Freshness::default();
        };
        Freshness {
            current: values.freshness.current && !values.resetting && !self.held_up,
            ..values.freshness
        }
    }

    /// Both, as they are shown.
    pub fn freshness(&self, account: &str) -> AccountFreshness {
        let positions = self.positions_freshness(Some(account));
        let values = self.values_freshness(account);
        AccountFreshness {
            account: account.to_owned(),
            positions_as_of: positions.as_of,
            positions_stale: !positions.current,
            values_as_of: values.as_of,
            values_stale: !values.current,
        }
    }

    /// Whether anything that should be known is not, or may be old.
    pub fn is_stale(&self) -> bool {
        let values = self.subscribed.as_deref();
        !self.positions_freshness(None).current
            || values.is_some_and(|account| !self.values_freshness(account).current)
    }

    /// The day's profit of an account: TWS's own figure, and where it gives none, what it says is realized and unrealized over all currencies.
    pub fn day_profit(&self, account: &str) -> DayProfit {
        let Some(values) = self.values.get(account) else {
            return DayProfit::Unknown;
        };
        let base = |name: &str| {
            let key = (name.to_owned(), Some(BASE_CURRENCY.to_owned()));
            let text = values.rows.get(&key)?;
            text.parse::<Decimal>().ok().map(Amount::new)
        };
        let trusted = !values.resetting && !self.held_up;
        let (amount, current) = match (base(DAILY_PNL), base("RealizedPnL"), base("UnrealizedPnL"))
        {
            (Some(daily), _, _) => (daily, values.profit_current && trusted),
            (None, Some(realized), Some(unrealized)) => (
                Amount::new(realized.value() + unrealized.value()),
                values.freshness.current && trusted,
            ),
            (None, _, _) => return DayProfit::Unknown,
        };
        if current {
            DayProfit::Current(amount)
        } else {
            DayProfit::Stale(amount)
        }
    }
}

pub(super) fn position(report: &PositionReport, market: Option<&Market>) -> Position {
    let PositionReport {
        account,
        con_id,
        symbol,
        sec_type,
        exchange,
        currency,
        quantity,
        average_cost,
    } = report;
    let Market {
        price,
        value,
        unrealized_pnl,
        realized_pnl,
    } = market.copied().unwrap_or_default();
    Position {
        account: account.clone(),
        con_id: *con_id,
        symbol: symbol.clone(),
        sec_type: sec_type.clone(),
        exchange: exchange.clone(),
        currency: currency.clone(),
        quantity: *quantity,
        average_cost: *average_cost,
        market_price: price,
        market_value: value,
        unrealized_pnl,
        realized_pnl,
    }
}
