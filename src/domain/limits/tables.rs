//! Limits as an operator has set them: tables of rules, each for everybody, an account or a caller.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::quantity::{Cents, Shares};
use super::{Rule, Scope};

/// Every table that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limits {
    /// `[default]`.
    pub default: Table,
    /// `[account.NAME]` by name.
    pub accounts: BTreeMap<String, Table>,
    /// `[caller.NAME]` by name. Only the rules of [`CALLER_RULES`] stand here.
    pub callers: BTreeMap<String, Table>,
    /// SHA-256 of the file they were read from; `None`: there is no file.
    pub hash: Option<[u8; 32]>,
}

/// The rules that a caller's table may have: what one order may be, and how many in a minute.
pub const CALLER_RULES: &[Rule] = &[
    Rule::MaxOrderQuantity,
    Rule::MaxOrderNotional,
    Rule::MaxOrdersPerMinute,
    Rule::AllowedSymbols,
];

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// What an instruction is refused for.
    pub refuse: Rules,
    /// What it is warned of (`warn_…`).
    pub warn: Rules,
    /// The caller's `reference_price` alone suffices for the value of an order and for its deviation.
    pub trust_reference_price: bool,
}

/// Rules with their values; `None`: the rule is not set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Shares of one order.
    pub max_order_quantity: Option<Shares>,
    /// Worth of one order, in its currency.
    pub max_order_notional: Option<Cents>,
    /// Orders open at once.
    pub max_open_orders: Option<u32>,
    /// Instructions within sixty seconds.
    pub max_orders_per_minute: Option<u32>,
    /// Executed and working in a day, in each currency.
    pub max_daily_notional: Option<Cents>,
    /// Shares of a symbol, long or short.
    pub max_position: Option<Shares>,
    /// The only symbols.
    pub allowed_symbols: Option<BTreeSet<String>>,
    /// Symbols that are barred.
    pub denied_symbols: Option<BTreeSet<String>>,
    /// Percent of the market's price.
    pub max_price_deviation_percent: Option<Decimal>,
    /// Seconds.
    pub duplicate_window_seconds: Option<u32>,
    /// An order that could trade with another of the same login is not allowed.
    pub refuse_self_trade: bool,
    /// Rejections by TWS in a row.
    pub max_consecutive_rejections: Option<u32>,
    /// Loss of a day, in the account's base currency.
    pub max_daily_loss: Option<Cents>,
}

/// What a table does about a broken rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The instruction is refused.
    Refuse,
    /// The answer says so.
    Warn,
}

impl Limits {
    /// The tables that an instruction is checked against.
    pub fn matching<'a>(
        &'a self,
        account: &str,
        caller: &str,
    ) -> impl Iterator<Item = (ScopeRef<'a>, &'a Table)> {
        let account = self.accounts.get_key_value(account);
        let caller = self.callers.get_key_value(caller);
        std::iter::once((ScopeRef::Default, &self.default))
            .chain(account.map(|(name, table)| (ScopeRef::Account(name), table)))
            .chain(caller.map(|(name, table)| (ScopeRef::Caller(name), table)))
    }

    /// Every table with its scope.
    pub fn tables(&self) -> impl Iterator<Item = (ScopeRef<'_>, &Table)> {
        let accounts = self.accounts.iter();
        let callers = self.callers.iter();
        std::iter::once((ScopeRef::Default, &self.default))
            .chain(accounts.map(|(name, table)| (ScopeRef::Account(name), table)))
            .chain(callers.map(|(name, table)| (ScopeRef::Caller(name), table)))
    }

    /// The hash as hexadecimal text.
    pub fn hash_text(&self) -> Option<String> {
        self.hash
            .map(|hash| hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// A [`Scope`] that borrows its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScopeRef<'a> {
    /// `[default]`.
    Default,
    /// `[account.NAME]`.
    Account(&'a str),
    /// `[caller.NAME]`.
    Caller(&'a str),
}

impl From<ScopeRef<'_>> for Scope {
    fn from(scope: ScopeRef<'_>) -> Self {
        match scope {
            ScopeRef::Default => Self::Default,
            ScopeRef::Account(name) => Self::Account(name.to_owned()),
            ScopeRef::Caller(name) => Self::Caller(name.to_owned()),
        }
    }
}

impl Table {
    /// Both sets of rules with what is done about them.
    pub fn severities(&self) -> [(Severity, &Rules); 2] {
        [
            (Severity::Refuse, &self.refuse),
            (Severity::Warn, &self.warn),
        ]
    }
}

impl Rules {
    /// The rules that are set, in the order of [`Rule::ALL`].
    pub fn set(&self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(|rule| self.has(*rule))
    }

    /// Whether a rule is set.
    pub fn has(&self, rule: Rule) -> bool {
        let Self {
            max_order_quantity,
            max_order_notional,
            max_open_orders,
            max_orders_per_minute,
            max_daily_notional,
            max_position,
            allowed_symbols,
            denied_symbols,
            max_price_deviation_percent,
            duplicate_window_seconds,
            refuse_self_trade,
            max_consecutive_rejections,
            max_daily_loss,
        } = self;
        match rule {
            Rule::MaxOrderQuantity => max_order_quantity.is_some(),
            Rule::MaxOrderNotional => max_order_notional.is_some(),
            Rule::MaxOpenOrders => max_open_orders.is_some(),
            Rule::MaxOrdersPerMinute => max_orders_per_minute.is_some(),
            Rule::MaxDailyNotional => max_daily_notional.is_some(),
            Rule::MaxPosition => max_position.is_some(),
            Rule::AllowedSymbols => allowed_symbols.is_some(),
            Rule::DeniedSymbols => denied_symbols.is_some(),
            Rule::MaxPriceDeviationPercent => max_price_deviation_percent.is_some(),
            Rule::DuplicateWindowSeconds => duplicate_window_seconds.is_some(),
            Rule::SelfTrade => *refuse_self_trade,
            Rule::MaxConsecutiveRejections => max_consecutive_rejections.is_some(),
            Rule::MaxDailyLoss => max_daily_loss.is_some(),
        }
    }

    /// A rule's value as text; `None` where it is not set.
    pub fn value(&self, rule: Rule) -> Option<String> {
        let symbols = |set: &Option<BTreeSet<String>>| {
            set.as_ref()
                .map(|set| set.iter().cloned().collect::<Vec<_>>().join(", "))
        };
        match rule {
            Rule::MaxOrderQuantity => self.max_order_quantity.map(|n| n.to_string()),
            Rule::MaxOrderNotional => self.max_order_notional.map(|n| n.to_string()),
            Rule::MaxOpenOrders => self.max_open_orders.map(|n| n.to_string()),
            Rule::MaxOrdersPerMinute => self.max_orders_per_minute.map(|n| n.to_string()),
            Rule::MaxDailyNotional => self.max_daily_notional.map(|n| n.to_string()),
            Rule::MaxPosition => self.max_position.map(|n| n.to_string()),
            Rule::AllowedSymbols => symbols(&self.allowed_symbols),
            Rule::DeniedSymbols => symbols(&self.denied_symbols),
            Rule::MaxPriceDeviationPercent => {
                self.max_price_deviation_percent.map(|n| n.to_string())
            }
            Rule::DuplicateWindowSeconds => self.duplicate_window_seconds.map(|n| n.to_string()),
            Rule::SelfTrade => self.refuse_self_trade.then(|| "refuse".to_owned()),
            Rule::MaxConsecutiveRejections => {
                self.max_consecutive_rejections.map(|n| n.to_string())
            }
            Rule::MaxDailyLoss => self.max_daily_loss.map(|n| n.to_string()),
        }
    }
}
