//! Which open orders are the exits of positions. Whoever stops everything must not take the stop from a position.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Action;
use super::exposure::{ExclusiveSet, Instrument};
use super::positions::{Known, Positions};
use super::quantity::Shares;
use super::totals::OpenShares;

/// An open order, as it may close a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenOrder {
    /// Which.
    pub order_id: i32,
    /// The account it is for.
    pub account: Arc<str>,
    /// What it trades.
    pub instrument: Instrument,
    /// Which way.
    pub action: Action,
    /// Shares that may still execute.
    pub remaining: Shares,
    /// What kind of exit it would be.
    pub class: ExitClass,
    /// Only one of these is to fill.
    pub exclusive: Option<ExclusiveSet>,
}

/// What kind of exit an order would be. The first that cover a position are its exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitClass {
    /// A stop of any type that is not held for a parent.
    Stop,
    /// A child of a bracket's entry that has filled, at least in part.
    ActiveChild,
    /// Any other order.
    Other,
    /// A child whose parent has not filled: it protects nothing yet, and goes with its parent.
    HeldChild,
}

/// An order that closes a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exit {
    /// Which.
    pub order_id: i32,
    /// Shares of it that go beyond what was left of the position to cover.
    pub beyond: Shares,
}

/// The exits among open orders: orders of the other side until the position is covered, stops first, then the children of brackets,
/// then the rest, the oldest of each first. An order that covers some of a position is an exit, also when it goes beyond it. Of a
/// set of which only one is to fill, all cover the same shares.
///
/// While positions are not known every stop and every active child is taken for an exit: they may be what protects one.
pub fn exits(orders: &[OpenOrder], positions: &Positions) -> Vec<Exit> {
    let mut sorted: Vec<&OpenOrder> = orders
        .iter()
        .filter(|order| order.class != ExitClass::HeldChild)
        .collect();
    sorted.sort_by_key(|order| (order.class, order.order_id));
    if positions.known() != Known::Current {
        sorted.retain(|order| order.class != ExitClass::Other);
        let unknown = |order: &&OpenOrder| Exit {
            order_id: order.order_id,
            beyond: Shares::ZERO,
        };
        return sorted.iter().map(unknown).collect();
    }
    let mut left: BTreeMap<(&str, &Instrument, bool), Shares> = BTreeMap::new();
    let mut covered_by: BTreeMap<(&ExclusiveSet, bool), Shares> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for order in sorted {
        let OpenOrder {
            order_id,
            account,
            instrument,
            action,
            remaining,
            class: _,
            exclusive,
        } = order;
        let sells = *action == Action::Sell;
        let left = left.entry((account, instrument, sells)).or_insert_with(|| {
            let range = positions.range(account, instrument, OpenShares::default());
            if sells { range.high } else { -range.low }
        });
        let shared = exclusive
            .as_ref()
            .and_then(|set| covered_by.get(&(set, sells)))
            .copied()
            .unwrap_or_default();
        let room = *left + shared;
        if room <= Shares::ZERO {
            continue;
        }
        let covers = (*remaining).min(room);
        *left -= (covers - shared).at_least_zero();
        if let Some(set) = exclusive {
            covered_by.insert((set, sells), covers.max(shared));
        }
        found.insert(Exit {
            order_id: *order_id,
            beyond: *remaining - covers,
        });
    }
    found.into_iter().collect()
}
