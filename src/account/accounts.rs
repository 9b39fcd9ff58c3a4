//! What TWS says of the accounts, put together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::snapshot::{Freshness, PositionKey, Snapshot, ValueKey, Values};
use crate::domain::{
    AccountReport, BASE_CURRENCY, DAILY_PNL, PortfolioReport, PositionReport, Timestamp,
    ValueReport,
};

/// Positions that are kept. More than so many is no account but a mistake.
const POSITIONS_MAX: usize = 65_536;
/// Values that are kept of one account. TWS sends about two hundred, and some twenty for each further currency.
const VALUES_MAX: usize = 8_192;
/// TWS says it for a position in a currency pair: cash, not a position.
const CASH: &str = "CASH";
/// A setting of TWS since 10.47 puts it in front of names that come for each currency.
const LEDGER_PREFIX: &str = "$LEDGER-";
/// Whether IB is done with its reset of the account.
const READY: &str = "AccountReady";

/// What there is to hear of.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A session with TWS begins.
    SessionUp {
        /// Accounts of the login.
        accounts: Vec<String>,
        /// The account whose values TWS is to send.
        subscribed: Option<String>,
    },
    /// The session, or TWS's link to IB, was lost: what is known may be old until all of it was said anew.
    LinkLost,
    /// TWS says something.
    Report(AccountReport),
}

/// The positions and values of every account of the login.
#[derive(Debug, Default)]
pub struct Accounts {
    snapshot: Arc<Snapshot>,
    /// While the answer to a request of everything goes on: what it has shown.
    answer: Answer,
    changed: bool,
}

/// What the answers under way have shown so far. What they have not shown when they end is gone.
#[derive(Debug, Default)]
struct Answer {
    positions: Option<BTreeSet<PositionKey>>,
    /// Of the subscribed account.
    values: Option<SeenValues>,
    /// Of every other account.
    summary: Option<BTreeMap<Arc<str>, BTreeSet<ValueKey>>>,
    /// A row of the positions could not be read.
    position_lost: bool,
}

#[derive(Debug, Default)]
struct SeenValues {
    values: BTreeSet<ValueKey>,
    markets: BTreeSet<PositionKey>,
}

impl Accounts {
    /// What is known now.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Whether anything has changed since [`Accounts::take_changed`].
    pub const fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether anything has changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Whether what TWS says is taken in only later.
    pub fn set_held_up(&mut self, held_up: bool) {
        if self.snapshot.held_up != held_up {
            self.snapshot_mut().held_up = held_up;
        }
    }

    /// Takes in one thing.
    pub fn hear(&mut self, heard: &Heard, now: Timestamp) {
        match heard {
            Heard::SessionUp {
                accounts,
                subscribed,
            } => self.session_up(accounts, subscribed.as_deref()),
            Heard::LinkLost => self.link_lost(),
            Heard::Report(report) => self.report(report, now),
        }
    }

    fn snapshot_mut(&mut self) -> &mut Snapshot {
        self.changed = true;
        Arc::make_mut(&mut self.snapshot)
    }

    /// At another login nothing is known of the accounts it does not have.
    fn session_up(&mut self, accounts: &[String], subscribed: Option<&str>) {
        self.link_lost();
        let snapshot = self.snapshot_mut();
        let here = |account: &Arc<str>| accounts.iter().any(|known| **known == **account);
        snapshot.accounts = accounts.to_vec();
        snapshot.subscribed = subscribed.map(str::to_owned);
        snapshot.positions.retain(|(account, _), _| here(account));
        snapshot.markets.retain(|(account, _), _| here(account));
        snapshot.values.retain(|account, _| here(account));
        for values in snapshot.values.values_mut() {
            values.resetting = false;
        }
    }

    fn link_lost(&mut self) {
        self.answer = Answer::default();
        let snapshot = self.snapshot_mut();
        snapshot.positions_freshness.current = false;
        for values in snapshot.values.values_mut() {
            values.freshness.current = false;
            values.profit_current = false;
        }
    }

    fn report(&mut self, report: &AccountReport, now: Timestamp) {
        match report {
            AccountReport::Asked {
                account,
                summary,
                messages: _,
            } => {
                self.answer = Answer {
                    positions: Some(BTreeSet::new()),
                    values: account.is_some().then(SeenValues::default),
                    summary: summary.then(BTreeMap::new),
                    position_lost: false,
                };
            }
            AccountReport::Position(report) => self.position(report, now),
            AccountReport::PositionLost => {
                self.answer.position_lost = true;
                self.snapshot_mut().positions_freshness.current = false;
            }
            AccountReport::PositionsEnd => self.positions_end(now),
            AccountReport::Value(value) => self.value(value, now),
            AccountReport::Portfolio(portfolio) => self.portfolio(portfolio, now),
            AccountReport::Looked => self.looked(now),
            AccountReport::ValuesEnd { account } => self.values_end(account, now),
            AccountReport::SummaryEnd => self.summary_end(now),
            AccountReport::Unsubscribed => {
                self.answer.values = None;
                if let Some(account) = self.snapshot.subscribed.clone() {
                    self.values_of(&account).freshness.current = false;
                }
            }
            AccountReport::DailyProfit { account, daily } => {
                let key = (DAILY_PNL.to_owned(), Some(BASE_CURRENCY.to_owned()));
                let values = self.values_of(account);
                values.profit_current = daily.is_some();
                match daily {
                    Some(daily) => {
                        values.rows.insert(key, daily.to_string());
                    }
                    None => {
                        values.rows.remove(&key);
                    }
                }
                values.freshness.as_of = Some(now);
            }
        }
    }

    fn position(&mut self, report: &PositionReport, now: Timestamp) {
        let key = self.key(&report.account, report.con_id);
        if let Some(seen) = &mut self.answer.positions {
            seen.insert(key.clone());
        }
        let snapshot = self.snapshot_mut();
        snapshot.positions_freshness.as_of = Some(now);
        if report.quantity.is_zero() || report.sec_type == CASH {
            snapshot.positions.remove(&key);
            snapshot.markets.remove(&key);
        } else if snapshot.positions.len() < POSITIONS_MAX || snapshot.positions.contains_key(&key)
        {
            snapshot.positions.insert(key, report.clone());
        } else {
            self.answer.position_lost = true;
            self.snapshot_mut().positions_freshness.current = false;
        }
    }

    /// A second end of one answer ends nothing.
    fn positions_end(&mut self, now: Timestamp) {
        let Some(seen) = self.answer.positions.take() else {
            return;
        };
        let whole = !self.answer.position_lost;
        let snapshot = self.snapshot_mut();
        if whole {
            snapshot.positions.retain(|key, _| seen.contains(key));
        }
        snapshot.positions_freshness = Freshness {
            as_of: Some(now),
            current: whole,
            known: whole || snapshot.positions_freshness.known,
        };
    }

    fn portfolio(&mut self, report: &PortfolioReport, now: Timestamp) {
        let key = self.key(&report.account, report.con_id);
        if let Some(seen) = &mut self.answer.values {
            seen.markets.insert(key.clone());
        }
        let snapshot = self.snapshot_mut();
        snapshot.positions_freshness.as_of = Some(now);
        if !report.held {
            snapshot.markets.remove(&key);
        } else if snapshot.markets.len() < POSITIONS_MAX || snapshot.markets.contains_key(&key) {
            snapshot.markets.insert(key, report.market);
        }
    }

    fn value(&mut self, report: &ValueReport, now: Timestamp) {
        let ValueReport {
            account,
            name,
            currency,
            value,
            summary,
        } = report;
        // The summary has a part of what comes of the subscribed account anyway, and later.
        if *summary && self.snapshot.subscribed.as_ref() == Some(account) {
            return;
        }
        let name = name.strip_prefix(LEDGER_PREFIX).unwrap_or(name);
        let key = (name.to_owned(), currency.clone());
        if *summary {
            if let Some(seen) = &mut self.answer.summary {
                let of_account = seen.entry(Arc::from(account.as_str())).or_default();
                of_account.insert(key.clone());
            }
        } else if let Some(seen) = &mut self.answer.values {
            seen.values.insert(key.clone());
        }
        let values = self.values_of(account);
        values.freshness.as_of = Some(now);
        if name.eq_ignore_ascii_case(READY) {
            values.resetting = value.eq_ignore_ascii_case("false");
        }
        if values.rows.len() < VALUES_MAX || values.rows.contains_key(&key) {
            values.rows.insert(key, value.clone());
        }
    }

    fn looked(&mut self, now: Timestamp) {
        if let Some(account) = self.snapshot.subscribed.clone() {
            self.values_of(&account).freshness.as_of = Some(now);
        }
    }

    fn values_end(&mut self, account: &str, now: Timestamp) {
        if self.snapshot.subscribed.as_deref() != Some(account) {
            return;
        }
        let Some(seen) = self.answer.values.take() else {
            return;
        };
        let SeenValues { values, markets } = seen;
        let snapshot = self.snapshot_mut();
        snapshot
            .markets
            .retain(|key, _| *key.0 != *account || markets.contains(key));
        end(self.values_of(account), &values, now);
    }

    fn summary_end(&mut self, now: Timestamp) {
        let Some(mut seen) = self.answer.summary.take() else {
            return;
        };
        let subscribed = self.snapshot.subscribed.clone();
        for account in self.snapshot.accounts.clone() {
            if subscribed.as_ref() != Some(&account) {
                let seen = seen.remove(account.as_str()).unwrap_or_default();
                end(self.values_of(&account), &seen, now);
            }
        }
    }

    fn values_of(&mut self, account: &str) -> &mut Values {
        let values = &mut self.snapshot_mut().values;
        values.entry(Arc::from(account)).or_default()
    }

    /// A key whose account is shared with the others of it.
    fn key(&self, account: &str, con_id: i64) -> PositionKey {
        let known = self.snapshot.values.get_key_value(account);
        let account = known.map_or_else(|| Arc::from(account), |(known, _)| Arc::clone(known));
        (account, con_id)
    }
}

/// An answer about the values of an account has ended. The day's profit is none of it.
fn end(values: &mut Values, seen: &BTreeSet<ValueKey>, now: Timestamp) {
    values
        .rows
        .retain(|key, _| seen.contains(key) || key.0 == DAILY_PNL);
    values.freshness = Freshness {
        as_of: Some(now),
        current: true,
        known: true,
    };
}
