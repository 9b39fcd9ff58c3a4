//! What is asked about limits and halts between two batches.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::clocks::Clocks;
use super::core::Core;
use crate::domain::limits::{
    ExclusiveSet, ExitClass, Instrument, Known, OpenOrder, Rule, Scope, ScopeRef, Severity, Shares,
    Totals, View, exits,
};
use crate::domain::{CancelAllIn, LimitLeft, LimitsOut, OrderState, OrderType, Status};

/// What a CancelAll has to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct CancelPlan {
    /// Orders to cancel.
    pub(crate) cancel: Vec<i32>,
    /// Exits of positions that stay.
    pub(crate) left: Vec<(i32, Status)>,
}

impl Core {
    /// Why the halt file halts; `None`: it does not.
    pub(crate) fn halt_file(&self) -> Option<String> {
        self.halts.file.clone()
    }

    /// The limits in force, what is left of them, and the halts.
    pub(crate) fn limits(&self, now: Clocks) -> LimitsOut {
        let limits = &self.engine_state.limits;
        let stored = &self.engine_state.halts;
        let mut left = Vec::new();
        for (scope, table) in limits.tables() {
            for (severity, rules) in table.severities() {
                for rule in rules.set() {
                    let limit = rules.value(rule).unwrap_or_default();
                    self.left_of(scope, severity, rule, &limit, now, &mut left);
                }
            }
        }
        LimitsOut {
            state: self.halts.state(stored),
            halts: self.halts.all(stored),
            hash: limits.hash_text(),
            problem: None,
            positions_stale: self.risk.positions.known() != Known::Current,
            limits: left,
        }
    }

    fn left_of(
        &self,
        scope: ScopeRef<'_>,
        severity: Severity,
        rule: Rule,
        limit: &str,
        now: Clocks,
        found: &mut Vec<LimitLeft>,
    ) {
        let nothing = Totals::default();
        let view = View::new(&self.risk.totals, &nothing);
        let mut push = |of: Option<String>, used: Option<rust_decimal::Decimal>| {
            let left = used.and_then(|used| {
                let limit: rust_decimal::Decimal = limit.parse().ok()?;
                Some((limit - used).max(rust_decimal::Decimal::ZERO))
            });
            found.push(LimitLeft {
                table: Scope::from(scope).to_string(),
                rule: rule.as_str().to_owned(),
                warn: severity == Severity::Warn,
                limit: limit.to_owned(),
                of,
                used: used.map(|used| used.normalize().to_string()),
                left: left.map(|left| left.normalize().to_string()),
            });
        };
        match rule {
            Rule::MaxOpenOrders => push(None, Some(view.open_orders(scope).into())),
            Rule::MaxOrdersPerMinute => {
                let steady = self.risk.clock(now).steady;
                let taken = view.instructions(scope, steady) as u64;
                push(None, Some(taken.into()));
            }
            Rule::MaxDailyNotional => {
                let mut currencies = view.currencies(scope);
                if currencies.is_empty() {
                    currencies.insert("USD".to_owned());
                }
                for currency in currencies {
                    let money = view.money(scope, &currency);
                    let used = (money.executed + money.open).to_string().parse().ok();
                    push(Some(currency), used);
                }
            }
            Rule::MaxConsecutiveRejections => {
                let counted = &self.engine_state.rejections;
                match scope {
                    ScopeRef::Default => push(None, Some(counted.of_all().into())),
                    ScopeRef::Account(account) => {
                        let mut any = false;
                        for (caller, count) in counted.callers(account) {
                            any = true;
                            push(Some(caller.to_owned()), Some(count.into()));
                        }
                        if !any {
                            push(None, Some(rust_decimal::Decimal::ZERO));
                        }
                    }
                    ScopeRef::Caller(_) => push(None, None),
                }
            }
            Rule::MaxDailyLoss => {
                let accounts = self.accounts_of(scope);
                if accounts.is_empty() {
                    push(None, None);
                }
                for account in accounts {
                    let loss = self.loss(&account);
                    push(Some(account), loss);
                }
            }
            Rule::MaxOrderQuantity
            | Rule::MaxOrderNotional
            | Rule::MaxPosition
            | Rule::AllowedSymbols
            | Rule::DeniedSymbols
            | Rule::MaxPriceDeviationPercent
            | Rule::DuplicateWindowSeconds
            | Rule::SelfTrade => push(None, None),
        }
    }

    /// The open orders of a caller that are neither exits of positions nor exits of brackets.
    pub(crate) fn entries_of(&self, caller: &str) -> Vec<i32> {
        let CancelPlan { cancel, left: _ } =
            self.cancel_plan(&CancelAllIn::default(), Some(caller));
        let is_entry = |order_id: &i32| {
            let entry = self.cache.get(*order_id);
            entry.is_some_and(|entry| entry.order.record.state.parent_order_id.is_none())
        };
        cancel.into_iter().filter(is_entry).collect()
    }

    /// Whether a caller has placed an order.
    fn is_of(&self, state: &OrderState, caller: &str) -> bool {
        let entry = self.cache.get(state.order_id);
        entry.is_some_and(|entry| *entry.caller_key() == *caller)
    }

    /// Which open orders a CancelAll cancels, and which exits of positions it leaves.
    pub(crate) fn cancel_plan(&self, input: &CancelAllIn, caller: Option<&str>) -> CancelPlan {
        let CancelAllIn {
            account,
            symbol,
            action,
            include_protective,
            unknown_orders,
            timeout: _,
        } = input;
        let open: Vec<&OrderState> = self
            .cache
            .entries()
            .map(|(_, entry)| &entry.order.record.state)
            .filter(|state| !state.terminal)
            .collect();
        let protective: BTreeSet<i32> = if *include_protective {
            BTreeSet::new()
        } else {
            let filled = |entry: i32| {
                let entry = self.cache.get(entry);
                entry.is_none_or(|entry| entry.order.record.state.filled.is_positive())
            };
            let orders: Vec<OpenOrder> = open
                .iter()
                .filter(|state| state.transmit)
                .map(|state| open_order(state, &filled))
                .collect();
            exits(&orders, &self.risk.positions)
                .into_iter()
                .map(|exit| exit.order_id)
                .collect()
        };
        let wanted = |of: &str, symbol_of: &str, side| {
            account.as_deref().is_none_or(|wanted| wanted == of)
                && symbol
                    .as_deref()
                    .is_none_or(|wanted| wanted.eq_ignore_ascii_case(symbol_of))
                && action.is_none_or(|wanted| wanted == side)
        };
        let mut plan = CancelPlan::default();
        for state in open {
            if caller.is_some_and(|caller| !self.is_of(state, caller)) {
                continue;
            }
            if !wanted(&state.account, state.terms.symbol(), state.terms.action) {
                continue;
            }
            if protective.contains(&state.order_id) {
                plan.left.push((state.order_id, state.status));
            } else {
                plan.cancel.push(state.order_id);
            }
        }
        if *unknown_orders {
            for (order_id, unknown) in self.engine_state.unknown_orders.iter() {
                let state = &unknown.state;
                if wanted(&state.account, state.terms.symbol(), state.terms.action) {
                    plan.cancel.push(*order_id);
                }
            }
        }
        plan
    }
}

fn open_order(state: &OrderState, filled: &impl Fn(i32) -> bool) -> OpenOrder {
    let is_child = state.parent_order_id.is_some();
    let active = state.parent_order_id.is_none_or(filled);
    let stops = match state.terms.pricing.order_type() {
        OrderType::Stop | OrderType::StopLimit | OrderType::Trail | OrderType::TrailLimit => true,
        OrderType::Market
        | OrderType::Limit
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => false,
    };
    let class = match (is_child, active, stops) {
        (true, false, _) => ExitClass::HeldChild,
        (_, true, true) | (false, false, true) => ExitClass::Stop,
        (true, true, false) => ExitClass::ActiveChild,
        (false, _, false) => ExitClass::Other,
    };
    let account: Arc<str> = state.account.as_str().into();
    let exclusive = match (is_child, state.bracket_id, &state.terms.oca) {
        (true, Some(entry), _) => Some(ExclusiveSet::Children(entry)),
        (_, _, Some(oca)) => Some(ExclusiveSet::Oca(
            Arc::clone(&account),
            oca.group.as_str().into(),
        )),
        _ => None,
    };
    OpenOrder {
        order_id: state.order_id,
        instrument: Instrument::new(state.terms.symbol(), &state.terms.contract.currency),
        account,
        action: state.terms.action,
        remaining: Shares::of(state.remaining.value()),
        class,
        exclusive,
    }
}
