//! What is counted about limits, halts and the audit.

use super::{Counter, Gauge};

/// The rules of the limits, by their words, in the order in which they are counted.
pub const RULES: [&str; 13] = [
    "max_order_quantity",
    "max_order_notional",
    "max_open_orders",
    "max_orders_per_minute",
    "max_daily_notional",
    "max_position",
    "allowed_symbols",
    "denied_symbols",
    "max_price_deviation_percent",
    "duplicate_window_seconds",
    "self_trade",
    "max_consecutive_rejections",
    "max_daily_loss",
];

/// What is counted about limits, halts and the audit.
#[derive(Debug, Default)]
pub struct RiskStats {
    /// Whether the limits file cannot be used as it is now.
    pub limits_file_bad: Gauge,
    /// Instructions refused, by the rule that they broke, in the order of [`RULES`].
    pub rules_broken: [Counter; RULES.len()],
    /// Halts in force.
    pub halts: Gauge,
    /// Whether the audit cannot be written, so that orders are refused.
    pub audit_unwritable: Gauge,
    /// Audit records that were counted instead of written, because there were too many.
    pub audit_dropped: Counter,
}

#[cfg(all(test, feature = "gateway"))]
mod tests {
    use super::*;
    use crate::domain::limits::Rule;

    #[test]
    fn rules_are_counted_under_their_words() {
        let words: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
        assert_eq!(words, RULES);
    }
}
