//! The names of the rules, and the tables they stand in.

use std::fmt;

use super::super::enums::words;

words! {
    /// A rule that limits what may be instructed. Its word is its key in the limits file, and the type of its violation.
    #[derive(PartialOrd, Ord)]
    Rule {
        /// The most shares an order may have.
        MaxOrderQuantity = "max_order_quantity",
        /// The most an order may be worth, in its own currency.
        MaxOrderNotional = "max_order_notional",
        /// The most orders that may be open at once.
        MaxOpenOrders = "max_open_orders",
        /// The most orders that may be placed, transmitted or replaced within any sixty seconds.
        MaxOrdersPerMinute = "max_orders_per_minute",
        /// The most that may be executed and working in one day, in each currency.
        MaxDailyNotional = "max_daily_notional",
        /// The largest position in a symbol, long or short, in shares.
        MaxPosition = "max_position",
        /// The only symbols that may be traded.
        AllowedSymbols = "allowed_symbols",
        /// Symbols that may not be traded.
        DeniedSymbols = "denied_symbols",
        /// How far a price may be from the market's, in percent of that.
        MaxPriceDeviationPercent = "max_price_deviation_percent",
        /// For how many seconds an equal order counts as the same one by mistake.
        DuplicateWindowSeconds = "duplicate_window_seconds",
        /// Whether an order may trade with another one of the same login.
        SelfTrade = "self_trade",
        /// How many orders in a row TWS may reject before new ones are halted.
        MaxConsecutiveRejections = "max_consecutive_rejections",
        /// The most that may be lost in a day before new orders are halted, in the account's base currency.
        MaxDailyLoss = "max_daily_loss",
    }
}

/// Whose table of the limits file a rule stands in. Each table counts what concerns it alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `[default]`: everything that goes through this gateway.
    Default,
    /// `[account.NAME]`.
    Account(String),
    /// `[caller.NAME]`.
    Caller(String),
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Account(name) => write!(f, "account.{name}"),
            Self::Caller(name) => write!(f, "caller.{name}"),
        }
    }
}
