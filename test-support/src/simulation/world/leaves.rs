//! What leaves the engine for TWS, looked at as it leaves.

use std::time::Duration;

use ibkr_orders::domain::{OrderKey, OrderState, OrderTicket, ReplacementStatus};
use ibkr_orders::tws::TwsCommand;

use super::World;
use crate::simulation::tws::Life;

/// So long what is heard may wait for a store that refuses commits.
const STORED_AFTER: Duration = Duration::from_secs(5);

/// A bracket whose first frame has left and whose last one has not.
#[derive(Debug)]
pub(super) struct Family {
    entry: i32,
    /// The id of its last order.
    last: i32,
}

impl World {
    pub(super) async fn take_commands(&mut self) {
        while let Some(command) = self.process.engine.next_command() {
            self.leaves(&command).await;
            self.tws.command(command);
        }
    }

    pub(super) async fn leaves(&mut self, command: &TwsCommand) {
        if self.trace {
            println!("-> {command:?}");
        }
        if self.tws.session != Some(command.session()) {
            // The adapter carries none of it out.
            self.session_over();
            return;
        }
        match command {
            TwsCommand::Place { ticket, .. } => {
                self.is_stored(ticket).await;
                self.ended_family().await;
                self.place_leaves(ticket);
            }
            TwsCommand::Cancel { order_id, .. } => self.cancel_leaves(*order_id),
            TwsCommand::Preview { .. }
            | TwsCommand::Barrier { .. }
            | TwsCommand::Reconcile { .. }
            | TwsCommand::Account { .. }
            | TwsCommand::Restart { .. } => {}
        }
    }

    /// A bracket whose entry has ended in the store is given up, and others may go.
    async fn ended_family(&mut self) {
        let Some(family) = &self.family else {
            return;
        };
        let entry = family.entry;
        let stored = self.stored(OrderKey::OrderId(entry)).await;
        if stored.is_some_and(|state| state.terminal) {
            self.family = None;
            self.given_up.push(entry);
        }
    }

    /// What leaves is stored as it leaves: an order as it is, or the change that was asked for.
    async fn is_stored(&self, ticket: &OrderTicket) {
        let key = OrderKey::OrderId(ticket.order_id);
        let Some(stored) = self.stored(key).await else {
            self.fail(&format!("{ticket:?} was sent, and it is not stored"));
        };
        let pending = stored
            .replacement
            .as_ref()
            .filter(|last| last.status == ReplacementStatus::Pending);
        let terms_fit = match pending {
            Some(pending) => pending.change.is_in(&ticket.terms.working()),
            None => ticket.terms == stored.terms,
        };
        let fits = terms_fit
            && ticket.order_ref == stored.order_ref
            && ticket.account == stored.account
            && (ticket.transmit == stored.transmit || stored.bracket_id.is_some());
        self.expect(fits, || {
            format!("{ticket:?} was sent, but stored is {stored:?}")
        });
    }

    fn place_leaves(&mut self, ticket: &OrderTicket) {
        let order_id = ticket.order_id;
        let is_new = self.tws.is_new(order_id);
        let of_bracket = self
            .requests
            .iter()
            .filter(|request| request.bracket().is_some())
            .find(|request| request.id == ticket.order_ref)
            .map(|request| request.size());
        let is_entry = of_bracket.is_some() && ticket.parent_order_id.is_none();
        self.expect(
            !(is_new && self.halted && ticket.parent_order_id.is_none()),
            || format!("new orders were halted, and {ticket:?} left"),
        );
        if let Some(family) = &self.family {
            let (entry, last) = (family.entry, family.last);
            let inside = (entry..=last).contains(&order_id);
            self.expect(!is_new || inside, || {
                format!("{order_id} left between the frames of bracket {entry}: {ticket:?}")
            });
            if order_id == last {
                self.family = None;
                self.counts.brackets += 1;
            }
        } else if is_entry && is_new {
            self.tws.entries.insert(order_id);
            self.family = Some(Family {
                entry: order_id,
                last: order_id + of_bracket.unwrap_or(1) - 1,
            });
        } else if is_new && let Some(parent) = ticket.parent_order_id {
            self.fail(&format!(
                "{order_id} left after bracket {parent} was given up or released: {ticket:?}"
            ));
        }
        let late = ticket
            .parent_order_id
            .or(is_entry.then_some(order_id))
            .is_some_and(|entry| self.given_up.contains(&entry));
        self.expect(!(is_new && late), || {
            format!("a bracket that was given up was released: {ticket:?}")
        });
    }

    /// Nothing takes the stop from a position unless a caller asked for it.
    fn cancel_leaves(&mut self, order_id: i32) {
        let family = self.family.take();
        if let Some(family) = family {
            if (family.entry..=family.last).contains(&order_id) {
                self.given_up.push(family.entry);
            } else {
                self.family = Some(family);
            }
        }
        let Some(order) = self.tws.orders.get(&order_id) else {
            return;
        };
        let Some(parent) = order.parent else { return };
        let exposed = self
            .tws
            .orders
            .get(&parent)
            .is_some_and(|parent| parent.counted > 0);
        let asked = self
            .requests
            .iter()
            .any(|request| request.order_id == Some(parent) && request.cancelled);
        // An exit that TWS has ended protects nothing.
        let protects = exposed && order.life == Life::Working;
        self.expect(!protects || asked, || {
            format!("the cancel of {order_id} left, and its bracket's entry has filled: {order:?}")
        });
    }

    /// The frames of a bracket that have not left by now never do.
    pub(super) fn session_over(&mut self) {
        if let Some(family) = self.family.take() {
            self.given_up.push(family.entry);
        }
    }

    /// TWS has refused an order of the bracket whose frames are leaving: the rest is given up, and others may go.
    pub(super) fn look_at_family(&mut self) {
        let now = self.clocks.monotonic();
        let heard = self.refused_at.is_none_or(|at| at + STORED_AFTER < now);
        let refused = heard
            && self.family.as_ref().is_some_and(|family| {
                (family.entry..=family.last)
                    .any(|order_id| self.tws.refused_aloud.contains(&order_id))
            });
        if refused || self.tws.session.is_none() {
            self.session_over();
        }
    }

    pub(super) async fn stored(&self, key: OrderKey) -> Option<OrderState> {
        let detail = self.process.store.reader().get(key).await.unwrap();
        detail.map(|detail| detail.order)
    }
}
