//! Brackets: an entry and its exits, placed all or not at all.
//!
//! The orders are stored together. Their frames leave one behind the other, each answered by a barrier before the next, and only the last one transmits: it
//! releases the family. What breaks before that ends every order of it. What breaks after it never takes the stop from a position.

mod cancel;
mod family;
mod place;
mod watch;

use std::time::Duration;

use super::super::live_order::{LiveOrder, Submission};
use super::super::rows::Stop;
use super::Step;

/// Orders of a bracket at most.
const ORDERS_MAX: i32 = 3;
/// TWS shows each order of a released bracket within this time, or is asked.
const SHOWN_WITHIN: Duration = Duration::from_secs(5);

impl Step<'_> {
    /// How long TWS may be silent about an order that it was sent.
    pub(super) fn silence_of(&self, entry: &LiveOrder) -> Duration {
        let limit = self.core.settings.acknowledgement_timeout;
        if entry.order.record.state.bracket_id.is_some() {
            limit.min(SHOWN_WITHIN)
        } else {
            limit
        }
    }

    /// Whether TWS is silent about an order by design: it belongs to a bracket whose frames are still being sent.
    pub(super) fn is_held_back(&self, entry: &LiveOrder) -> bool {
        let bracket_id = entry.order.record.state.bracket_id;
        bracket_id.is_some_and(|bracket_id| self.is_family_under_way(bracket_id))
    }

    /// Looks up the orders of the bracket that an order belongs to.
    pub(super) fn load_bracket(&mut self, order_id: i32) -> Result<(), Stop> {
        let bracket_id = self
            .entry(order_id)
            .and_then(|entry| entry.order.record.state.bracket_id);
        match bracket_id {
            Some(bracket_id) => self.legs_of(bracket_id).map(drop),
            None => Ok(()),
        }
    }

    /// The orders of a bracket, looked up: their ids follow each other.
    fn legs_of(&mut self, bracket_id: i32) -> Result<Vec<i32>, Stop> {
        let mut legs = Vec::new();
        for order_id in bracket_id..bracket_id.saturating_add(ORDERS_MAX) {
            if self.find(order_id)?
                && self
                    .entry(order_id)
                    .is_some_and(|entry| entry.order.record.state.bracket_id == Some(bracket_id))
            {
                legs.push(order_id);
            }
        }
        Ok(legs)
    }

    /// Whether it is certain that TWS was never sent the frame that releases a family, or refused it. Where it is not certain, which after a lost
    /// link or process it may not be, the family counts as released: its stop must not go before its entry has.
    fn is_unreleased(&self, bracket_id: i32, legs: &[i32]) -> bool {
        let entries = || {
            let touched = legs.iter().filter_map(|leg| self.batch.touched.get(leg));
            touched.map(|touched| &touched.entry)
        };
        let is_shown = entries().any(|entry| entry.order.record.acknowledged);
        !is_shown
            && (self.is_family_under_way(bracket_id)
                || entries().next_back().is_some_and(|last| {
                    last.runtime.submission == Submission::Queued
                        || last.order.record.state.terminal
                }))
    }

    fn is_family_under_way(&self, bracket_id: i32) -> bool {
        let family = self.batch.engine_state.family.as_ref();
        family.is_some_and(|family| family.legs.first() == Some(&bracket_id))
    }
}
