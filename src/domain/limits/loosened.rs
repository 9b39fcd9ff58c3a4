//! What a new version of the limits allows that the old one did not. Whoever runs the gateway must see that in its log.

use std::collections::BTreeSet;

use super::{Limits, Rule, Rules, Scope, Table};

/// A limit that was removed or raised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loosened {
    /// Whose table.
    pub scope: Scope,
    /// What: the rule's word, or the setting's.
    pub what: String,
    /// Its value before; `None`: a warning that now refuses nothing more than before.
    pub before: String,
    /// Its value now; `None`: it was removed.
    pub after: Option<String>,
}

/// Every limit that `after` has removed or raised against `before`, warnings among them.
pub fn loosened(before: &Limits, after: &Limits) -> Vec<Loosened> {
    let none = Table::default();
    let mut found = Vec::new();
    for (scope, old) in before.tables() {
        let scope = Scope::from(scope);
        let new = match &scope {
            Scope::Default => Some(&after.default),
            Scope::Account(name) => after.accounts.get(name),
            Scope::Caller(name) => after.callers.get(name),
        }
        .unwrap_or(&none);
        for ((_, old), (prefix, new)) in old
            .severities()
            .iter()
            .zip([("", &new.refuse), ("warn_", &new.warn)])
        {
            for rule in old.set().filter(|rule| is_looser(*rule, old, new)) {
                found.push(Loosened {
                    scope: scope.clone(),
                    what: format!("{prefix}{rule}"),
                    before: old.value(rule).unwrap_or_default(),
                    after: new.value(rule),
                });
            }
        }
    }
    for (scope, new) in after.tables() {
        let scope = Scope::from(scope);
        let old = match &scope {
            Scope::Default => Some(&before.default),
            Scope::Account(name) => before.accounts.get(name),
            Scope::Caller(name) => before.callers.get(name),
        };
        if new.trust_reference_price && !old.is_some_and(|old| old.trust_reference_price) {
            found.push(Loosened {
                scope,
                what: "trust_reference_price".to_owned(),
                before: "false".to_owned(),
                after: Some("true".to_owned()),
            });
        }
    }
    found
}

/// Whether `new` lets something pass that `old` does not.
fn is_looser(rule: Rule, old: &Rules, new: &Rules) -> bool {
    fn raised<T: Ord>(old: &Option<T>, new: &Option<T>) -> bool {
        match (old, new) {
            (Some(old), Some(new)) => new > old,
            (old, None) => old.is_some(),
            (None, Some(_)) => false,
        }
    }
    let empty = BTreeSet::new();
    match rule {
        Rule::MaxOrderQuantity => raised(&old.max_order_quantity, &new.max_order_quantity),
        Rule::MaxOrderNotional => raised(&old.max_order_notional, &new.max_order_notional),
        Rule::MaxOpenOrders => raised(&old.max_open_orders, &new.max_open_orders),
        Rule::MaxOrdersPerMinute => raised(&old.max_orders_per_minute, &new.max_orders_per_minute),
        Rule::MaxDailyNotional => raised(&old.max_daily_notional, &new.max_daily_notional),
        Rule::MaxPosition => raised(&old.max_position, &new.max_position),
        Rule::AllowedSymbols => match (&old.allowed_symbols, &new.allowed_symbols) {
            (Some(old), Some(new)) => !new.is_subset(old),
            (old, None) => old.is_some(),
            (None, Some(_)) => false,
        },
        Rule::DeniedSymbols => {
            let old = old.denied_symbols.as_ref().unwrap_or(&empty);
            !old.is_subset(new.denied_symbols.as_ref().unwrap_or(&empty))
        }
        Rule::MaxPriceDeviationPercent => raised(
            &old.max_price_deviation_percent,
            &new.max_price_deviation_percent,
        ),
        // The shorter window is the looser one.
        Rule::DuplicateWindowSeconds => {
            new.duplicate_window_seconds.unwrap_or(0) < old.duplicate_window_seconds.unwrap_or(0)
        }
        Rule::SelfTrade => old.refuse_self_trade && !new.refuse_self_trade,
        Rule::MaxConsecutiveRejections => raised(
            &old.max_consecutive_rejections,
            &new.max_consecutive_rejections,
        ),
        Rule::MaxDailyLoss => raised(&old.max_daily_loss, &new.max_daily_loss),
    }
}
