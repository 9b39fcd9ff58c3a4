//! What somebody asks for, as far as limits are concerned.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::{Action, Timestamp};
use super::exposure::{Instrument, WorkingPrice};
use super::value::OrderPrices;

/// An instruction to check.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// What is asked for.
    pub kind: ProposalKind,
    /// The account that the orders are for.
    pub account: Arc<str>,
    /// Who asks: the caller's name, or the address of one without a name.
    pub caller: Arc<str>,
    /// What the orders trade.
    pub instrument: Instrument,
    /// The entry first, then the children of a bracket; of any other instruction its one order.
    pub orders: Vec<ProposedOrder>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalKind {
    /// A new order; a staged one counts once it is transmitted.
    Place {
        /// It is not to be transmitted yet.
        staged: bool,
    },
    /// An entry with its exits.
    PlaceBracket,
    /// The release of a staged order.
    Transmit {
        /// Which.
        order_id: i32,
    },
    /// Other terms for an order.
    Replace {
        /// Which.
        order_id: i32,
        /// The entry of its bracket.
        family: Option<i32>,
        /// As it is, for the difference.
        before: Replaced,
        /// It changes more than its quantity and its prices.
        changes_more: bool,
    },
}

/// An order before its replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// Its quantity.
    pub quantity: Decimal,
    /// What of it may still execute.
    pub remaining: Decimal,
    /// What a share of it counts; `None`: not known.
    pub unit_value: Option<Decimal>,
    /// Its prices.
    pub prices: OrderPrices,
}

/// An order as it would be.
#[derive(Debug, Clone)]
pub struct ProposedOrder {
    /// Which way.
    pub action: Action,
    /// The whole quantity.
    pub quantity: Decimal,
    /// What of it may still execute: less than the quantity only for a replaced order.
    pub remaining: Decimal,
    /// Its prices.
    pub prices: OrderPrices,
    /// Where it could trade at once; `None`: it waits for a trigger, or for its parent.
    pub working: Option<WorkingPrice>,
    /// What would make another order look like this one.
    pub fingerprint: u128,
}

/// When an instruction is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// By the wall.
    pub wall: Timestamp,
    /// By a clock that does not jump: the wall's when the process started, and what has passed since.
    pub steady: Timestamp,
}

impl Proposal {
    /// Whether it only lowers what an order may still do: such an instruction is always taken.
    pub fn only_lowers(&self) -> bool {
        let ProposalKind::Replace {
            order_id: _,
            family: _,
            before,
            changes_more,
        } = &self.kind
        else {
            return false;
        };
        !changes_more
            && self
                .orders
                .iter()
                .all(|order| order.quantity <= before.quantity && order.prices == before.prices)
    }

    /// Whether its orders count in the totals from now on.
    pub(super) fn counts(&self) -> bool {
        match self.kind {
            ProposalKind::Place { staged } => !staged,
            ProposalKind::PlaceBracket
            | ProposalKind::Transmit { .. }
            | ProposalKind::Replace { .. } => true,
        }
    }
}
