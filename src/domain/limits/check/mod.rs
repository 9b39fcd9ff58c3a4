//! The one place that decides whether an instruction keeps to the limits.

mod flow;
mod order;
mod position;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::positions::Positions;
use super::proposal::{Clock, Proposal, ProposalKind, Replaced};
use super::tables::{Limits, Rules, ScopeRef, Severity, Table};
use super::totals::View;
use super::value::{MarketPrice, UnitValue, unit_value};
use super::{Rule, Scope};
use crate::domain::RuleViolation;
use position::reduces;

/// A rule that an instruction breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// In whose table it stands.
    pub scope: Scope,
    /// `ACCOUNT/SYMBOL`.
    pub subject: String,
    /// The value and the limit, for people.
    pub description: String,
}

impl From<&Broken> for RuleViolation {
    fn from(broken: &Broken) -> Self {
        Self {
            rule: broken.rule.as_str().to_owned(),
            subject: broken.subject.clone(),
            description: broken.description.clone(),
        }
    }
}

/// What limits say of an instruction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What it is refused for, all at once; none: it may go.
    pub broken: Vec<Broken>,
    /// What its answer warns of.
    pub warnings: Vec<Broken>,
    /// Rules that only a running gateway can check. Always empty where it does.
    pub unchecked: BTreeSet<Rule>,
    /// What a share of each order counts, by the order of the proposal; `None`: no price is known.
    pub unit_values: Vec<Option<Decimal>>,
}

/// Checks an instruction against every table that concerns it.
pub fn check(
    proposal: &Proposal,
    view: View<'_>,
    positions: &Positions,
    limits: &Limits,
    now: Clock,
) -> Verdict {
    let market = MarketPrice::of(&proposal.instrument, view, positions, now.wall);
    let state = State {
        view,
        positions,
        now,
        reduces: reduces(proposal, view, positions),
    };
    Check::new(proposal, market, Some(state)).run(limits)
}

/// Checks what can be known of an instruction without a running gateway: what its orders are by themselves. The rest is named.
pub fn check_alone(proposal: &Proposal, limits: &Limits) -> Verdict {
    Check::new(proposal, MarketPrice::default(), None).run(limits)
}

/// What only a running gateway knows.
#[derive(Clone, Copy)]
struct State<'a> {
    view: View<'a>,
    positions: &'a Positions,
    now: Clock,
    /// The instruction does nothing but bring a position nearer to nothing.
    reduces: bool,
}

/// One instruction against every table.
struct Check<'a> {
    proposal: &'a Proposal,
    market: MarketPrice,
    state: Option<State<'a>>,
    values: Vec<Option<UnitValue>>,
    verdict: Verdict,
}

/// Where a rule was found broken.
#[derive(Clone, Copy)]
struct Place<'a> {
    scope: ScopeRef<'a>,
    severity: Severity,
}

impl<'a> Check<'a> {
    fn new(proposal: &'a Proposal, market: MarketPrice, state: Option<State<'a>>) -> Self {
        let values: Vec<_> = proposal
            .orders
            .iter()
            .map(|order| unit_value(&order.prices, market))
            .collect();
        let verdict = Verdict {
            unit_values: values.iter().map(|value| value.map(|v| v.price)).collect(),
            ..Verdict::default()
        };
        Self {
            proposal,
            market,
            state,
            values,
            verdict,
        }
    }

    fn run(mut self, limits: &Limits) -> Verdict {
        let Proposal {
            account, caller, ..
        } = self.proposal;
        for (scope, table) in limits.matching(account, caller) {
            for (severity, rules) in table.severities() {
                self.rules(Place { scope, severity }, table, rules);
            }
        }
        self.verdict
    }

    fn rules(&mut self, place: Place<'_>, table: &Table, rules: &Rules) {
        let Rules {
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
            // These two are broken by what happens, not by what is asked for: they halt.
            max_consecutive_rejections: _,
            max_daily_loss: _,
        } = rules;
        if self.proposal.only_lowers() {
            return;
        }
        let trusted = table.trust_reference_price;
        if let Some(max) = max_order_quantity {
            self.order_quantity(place, *max);
        }
        if let Some(max) = max_order_notional {
            self.order_notional(place, *max, trusted);
        }
        if let Some(max) = max_open_orders {
            self.open_orders(place, *max);
        }
        if let Some(max) = max_orders_per_minute {
            self.orders_per_minute(place, *max);
        }
        if let Some(max) = max_daily_notional {
            self.daily_notional(place, *max, trusted);
        }
        if let Some(max) = max_position {
            self.position(place, *max);
        }
        let symbol = self.proposal.instrument.symbol();
        if let Some(allowed) = allowed_symbols
            && !allowed.contains(symbol)
        {
            self.broken(
                place,
                Rule::AllowedSymbols,
                format!("{symbol} is not among the allowed_symbols"),
            );
        }
        if let Some(denied) = denied_symbols
            && denied.contains(symbol)
        {
            self.broken(
                place,
                Rule::DeniedSymbols,
                format!("{symbol} is among the denied_symbols"),
            );
        }
        if let Some(max) = max_price_deviation_percent {
            self.price_deviation(place, *max);
        }
        if let Some(seconds) = duplicate_window_seconds {
            self.duplicate(place, *seconds);
        }
        if *refuse_self_trade {
            self.self_trade(place);
        }
    }

    fn broken(&mut self, place: Place<'_>, rule: Rule, description: String) {
        let Proposal {
            account,
            instrument,
            ..
        } = self.proposal;
        let scope = Scope::from(place.scope);
        let broken = Broken {
            rule,
            subject: format!("{account}/{}", instrument.symbol()),
            description: format!("{description} of [{scope}]"),
            scope,
        };
        match place.severity {
            Severity::Refuse => self.verdict.broken.push(broken),
            Severity::Warn => self.verdict.warnings.push(broken),
        }
    }

    /// What only a running gateway knows; without one the rule is named as unchecked.
    fn state(&mut self, rule: Rule) -> Option<State<'a>> {
        if self.state.is_none() {
            self.verdict.unchecked.insert(rule);
        }
        self.state
    }

    fn before(&self) -> Option<&'a Replaced> {
        match &self.proposal.kind {
            ProposalKind::Replace { before, .. } => Some(before),
            ProposalKind::Place { .. }
            | ProposalKind::PlaceBracket
            | ProposalKind::Transmit { .. } => None,
        }
    }
}
