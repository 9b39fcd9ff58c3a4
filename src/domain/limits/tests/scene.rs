//! A gateway's state as limits see it, built line by line.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::*;
use crate::domain::{Action, Timestamp};

/// 2026-08-25 in New York, during the session.
pub(super) const NOW: i64 = 1_787_680_800_000_000;
pub(super) const ACCOUNT: &str = "DU1";
pub(super) const CALLER: &str = "algo";

pub(super) fn d(text: &str) -> Decimal {
    text.parse().unwrap()
}

pub(super) fn shares(text: &str) -> Shares {
    Shares::of(d(text))
}

pub(super) fn cents(text: &str) -> Cents {
    Cents::of(d(text))
}

pub(super) fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_unix_micros(NOW - seconds_ago * 1_000_000)
}

pub(super) fn aapl() -> Instrument {
    Instrument::new("AAPL", "USD")
}

/// What is committed, and what a batch has added.
#[derive(Debug, Default)]
pub(super) struct Scene {
    pub(super) committed: Totals,
    pub(super) batch: Totals,
    pub(super) positions: Positions,
    pub(super) limits: Limits,
    next_id: i32,
}

/// An open order of the scene.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub(super) account: &'static str,
    pub(super) action: Action,
    pub(super) quantity: &'static str,
    pub(super) value: Option<&'static str>,
    pub(super) working: Option<WorkingPrice>,
    pub(super) exclusive: Option<ExclusiveSet>,
    pub(super) family: Option<i32>,
}

impl Open {
    /// A limit order that works.
    pub(super) fn limit(action: Action, quantity: &'static str, price: &'static str) -> Self {
        Self {
            account: ACCOUNT,
            action,
            quantity,
            value: Some(price),
            working: Some(WorkingPrice::Limit(d(price))),
            exclusive: None,
            family: None,
        }
    }

    pub(super) fn exposure(&self) -> OrderExposure {
        OrderExposure {
            account: self.account.into(),
            instrument: aapl(),
            action: self.action,
            open: Some(OpenExposure {
                remaining: shares(self.quantity),
                value: self
                    .value
                    .map(|price| Cents::value(d(self.quantity), d(price))),
                working: self.working,
                exclusive: self.exclusive.clone(),
                family: self.family,
            }),
            executed: Cents::ZERO,
            likeness: None,
        }
    }
}

impl Scene {
    /// A scene with one change to `[default]`.
    pub(super) fn with(change: impl FnOnce(&mut Rules)) -> Self {
        let mut scene = Self::default();
        change(&mut scene.limits.default.refuse);
        scene
    }

    /// An order that is open and committed. Answers its id.
    pub(super) fn open(&mut self, open: &Open) -> i32 {
        self.next_id += 1;
        let exposure = open.exposure();
        self.committed
            .change(None, self.next_id, None, Some(&exposure));
        self.next_id
    }

    /// The same, but made by the batch.
    pub(super) fn open_in_batch(&mut self, open: &Open) -> i32 {
        self.next_id += 1;
        let exposure = open.exposure();
        self.batch
            .change(Some(&self.committed), self.next_id, None, Some(&exposure));
        self.next_id
    }

    /// TWS says a position; without a word about it positions are never known.
    pub(super) fn position(&mut self, account: &str, quantity: &str, price: Option<&str>) {
        self.positions.set_current();
        self.positions
            .say(&account.into(), &aapl(), d(quantity), price.map(d), at(0));
    }

    pub(super) fn verdict(&self, proposal: &Proposal) -> Verdict {
        let now = Clock {
            wall: at(0),
            steady: at(0),
        };
        let view = View::new(&self.committed, &self.batch);
        check(proposal, view, &self.positions, &self.limits, now)
    }

    /// The rules that a proposal breaks.
    pub(super) fn broken(&self, proposal: &Proposal) -> Vec<Rule> {
        let verdict = self.verdict(proposal);
        assert_eq!(verdict.unchecked.len(), 0, "a running gateway checks all");
        verdict.broken.iter().map(|broken| broken.rule).collect()
    }
}

/// One limit order of AAPL in [`ACCOUNT`].
pub(super) fn limit(action: Action, quantity: &str, price: &str) -> Proposal {
    proposal(
        ProposalKind::Place { staged: false },
        vec![ProposedOrder {
            action,
            quantity: d(quantity),
            remaining: d(quantity),
            prices: OrderPrices {
                limit: Some(d(price)),
                stop: None,
                has_limit: true,
                reference: None,
            },
            working: Some(WorkingPrice::Limit(d(price))),
            fingerprint: 1,
        }],
    )
}

/// One market order of AAPL in [`ACCOUNT`].
pub(super) fn market(action: Action, quantity: &str) -> Proposal {
    let mut proposal = limit(action, quantity, "1");
    proposal.orders[0].prices = OrderPrices::default();
    proposal.orders[0].working = Some(WorkingPrice::Any);
    proposal
}

pub(super) fn proposal(kind: ProposalKind, orders: Vec<ProposedOrder>) -> Proposal {
    Proposal {
        kind,
        account: Arc::from(ACCOUNT),
        caller: Arc::from(CALLER),
        instrument: aapl(),
        orders,
    }
}

/// The replacement of a limit order of `before` shares at `price` by what `after` asks for; `filled` shares have executed.
pub(super) fn replace(
    order_id: i32,
    before: (&str, &str),
    after: (&str, &str),
    filled: &str,
) -> Proposal {
    let mut proposal = limit(Action::Buy, after.0, after.1);
    proposal.orders[0].remaining -= d(filled);
    proposal.kind = ProposalKind::Replace {
        order_id,
        family: None,
        before: Replaced {
            quantity: d(before.0),
            remaining: d(before.0) - d(filled),
            unit_value: Some(d(before.1)),
            prices: OrderPrices {
                limit: Some(d(before.1)),
                stop: None,
                has_limit: true,
                reference: None,
            },
        },
        changes_more: false,
    };
    proposal
}

/// An entry with both exits.
pub(super) fn bracket(
    action: Action,
    quantity: &str,
    entry: &str,
    target: &str,
    stop: &str,
) -> Proposal {
    let exit = match action {
        Action::Buy => Action::Sell,
        Action::Sell => Action::Buy,
    };
    let mut proposal = limit(action, quantity, entry);
    let mut take_profit = limit(exit, quantity, target).orders.remove(0);
    take_profit.working = None;
    let mut stop_loss = take_profit.clone();
    stop_loss.prices = OrderPrices {
        limit: None,
        stop: Some(d(stop)),
        has_limit: false,
        reference: None,
    };
    proposal.orders.extend([take_profit, stop_loss]);
    proposal.kind = ProposalKind::PlaceBracket;
    proposal
}
