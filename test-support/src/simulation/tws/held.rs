//! An order that TWS got, and what became of it.

use ibkr_orders::domain::{Amount, OrderTicket, PriceFields};

use super::Tws;

/// Where an order stands in TWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulation) enum Life {
    /// Held back; no query shows it.
    Staged,
    /// Held back until TWS was restarted or the order discarded: TWS knows it no more.
    Forgotten,
    /// Refused with an error; no query shows it.
    Refused,
    /// Alive.
    Working,
    /// Ended.
    Filled,
    /// Ended.
    Cancelled,
    /// Refused after it was shown; a completed order says Cancelled.
    Inactive,
    /// Its day was over; nothing shows it.
    Expired,
}

/// What may change of an order's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulation) struct Terms {
    pub(in crate::simulation) total: i64,
    /// The limit of an order that has one, else its stop.
    pub(in crate::simulation) price: Amount,
}

/// One execution, corrections applied.
#[derive(Debug, Clone)]
pub(in crate::simulation) struct Execution {
    pub(super) stem: u64,
    pub(super) revision: u32,
    pub(super) shares: i64,
    pub(super) cumulative: i64,
    /// The day it happened on.
    pub(super) day: u32,
    /// Told without the order's id, or with one that is none.
    pub(super) order_id_shown: Option<i32>,
    /// It repeats shares that another one told: those of a master account beside its allocations, or an id given anew.
    pub(super) repeats: bool,
}

impl Execution {
    pub(super) fn id(&self) -> String {
        format!("0000e0d5.{:08x}.01.{:02}", self.stem, self.revision)
    }
}

/// A second order that TWS made of one under the same id.
#[derive(Debug, Clone)]
pub(super) struct Second {
    pub(super) perm_id: i64,
    pub(super) executions: Vec<Execution>,
    pub(super) works: bool,
}

/// An order that TWS got.
#[derive(Debug, Clone)]
pub(in crate::simulation) struct Held {
    /// As it was placed, or released.
    pub(in crate::simulation) ticket: OrderTicket,
    pub(in crate::simulation) life: Life,
    /// The session in which it was placed.
    pub(super) placed_in: u64,
    /// Alive, and held until shares to sell short are found.
    pub(super) located: bool,
    pub(super) perm_id: i64,
    pub(in crate::simulation) terms: Terms,
    /// Every terms that it ever had.
    pub(in crate::simulation) had: Vec<Terms>,
    /// Terms that are in force and shown only when the market opens.
    pub(super) shown_later: Option<Terms>,
    pub(in crate::simulation) executions: Vec<Execution>,
    /// Shares that filled, with the executions or without.
    pub(in crate::simulation) counted: i64,
    /// Some of them have no execution.
    pub(in crate::simulation) silent: bool,
    /// An order that IB has not got yet.
    pub(super) pending: bool,
    /// The orderRef that it is shown with.
    pub(in crate::simulation) order_ref: Option<String>,
    /// Another order had the order id before.
    pub(super) number_shared: bool,
    pub(super) second: Option<Second>,
    /// Its quantity was raised, so that it worked on after it had filled.
    pub(in crate::simulation) raised: bool,
    pub(super) by_hand: bool,
    /// The order whose end it waits for, or which it protects.
    pub(in crate::simulation) parent: Option<i32>,
    /// The day it ended on.
    pub(in crate::simulation) ended_on: Option<u32>,
    /// Frames that changed it.
    pub(in crate::simulation) changes: usize,
    /// It was refused because it named a parent that is gone: so often it may be sent once more.
    pub(in crate::simulation) parent_refusals: usize,
}

impl Held {
    pub(super) fn new(ticket: OrderTicket, placed_in: u64, perm_id: i64) -> Self {
        let terms = Terms::of(&ticket);
        Self {
            life: Life::Staged,
            placed_in,
            located: false,
            perm_id,
            terms,
            had: vec![terms],
            shown_later: None,
            executions: Vec::new(),
            counted: 0,
            silent: false,
            pending: false,
            order_ref: Some(ticket.order_ref.clone()),
            number_shared: false,
            second: None,
            raised: false,
            by_hand: false,
            parent: ticket.parent_order_id,
            ended_on: None,
            changes: 0,
            parent_refusals: 0,
            ticket,
        }
    }

    /// Other terms are in force.
    pub(super) fn change(&mut self, terms: Terms) {
        self.terms = terms;
        self.had.push(terms);
    }

    /// The terms that it is shown with.
    pub(super) fn shown(&self) -> Terms {
        match self.shown_later {
            Some(_) => self.had[self.had.len().saturating_sub(2)],
            None => self.terms,
        }
    }

    pub(super) fn left(&self) -> i64 {
        self.terms.total - self.counted
    }

    /// What executed, corrections applied, each share once.
    pub(in crate::simulation) fn executed(&self) -> i64 {
        let told = self.executions.iter().filter(|one| !one.repeats);
        told.map(|one| one.shares).sum()
    }

    /// An execution of so many shares at the least that could be told again. Of one that was corrected nobody could tell what a repeat of it counts.
    pub(super) fn repeatable(&self, shares_min: i64) -> Option<Execution> {
        let corrected = self.executions.iter().any(|one| one.revision > 1);
        let fitting = |one: &&Execution| !corrected && one.shares >= shares_min;
        self.executions.iter().rfind(fitting).cloned()
    }

    /// Somebody released it in TWS.
    pub(in crate::simulation) const fn is_by_hand(&self) -> bool {
        self.by_hand
    }

    /// Some of its executions are of an earlier day than today.
    pub(in crate::simulation) fn is_of_another_day(&self, tws: &Tws) -> bool {
        self.executions.iter().any(|one| one.day < tws.day)
    }

    /// Some shares were told more than once.
    pub(in crate::simulation) fn tells_repeats(&self) -> bool {
        self.executions.iter().any(|one| one.repeats)
    }

    /// TWS says the commission of an execution.
    pub(in crate::simulation) fn is_charged(&self, exec_id: &str) -> bool {
        self.executions
            .iter()
            .any(|one| !one.repeats && one.id() == exec_id)
    }

    pub(in crate::simulation) fn ends(&self) -> bool {
        !matches!(self.life, Life::Staged | Life::Working)
    }
}

impl Terms {
    pub(super) fn of(ticket: &OrderTicket) -> Self {
        let prices = PriceFields::from(ticket.terms.pricing);
        Self {
            total: whole(ticket.terms.quantity),
            price: prices
                .limit_price
                .or(prices.stop_price)
                .unwrap_or(Amount::ZERO),
        }
    }
}

/// Every quantity of a simulation is whole.
pub(in crate::simulation) fn whole(amount: Amount) -> i64 {
    amount.to_string().parse().unwrap_or(i64::MIN)
}
