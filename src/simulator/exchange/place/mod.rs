//! placeOrder: a new order, a staged one, or a replacement.

mod check;
mod prices;
mod replace;
mod whatif;

use super::super::clock::Now;
use super::super::order::{OcaGroup, OcaType, Order, OrderKey, PermId, Phase, Pricing};
use super::super::session::ConnectionId;
use super::super::switches::{ChildOfFilled, ChildTooSoon, OcaEndedGroup, Refusals, RefusedId};
use super::super::wire;
use super::Exchange;
use super::echo::echo;
pub(super) use check::{CheckedOrder, READ_ONLY};

/// Within this long of a parent or an order TWS may not have it yet.
const TOO_SOON_MICROS: i64 = 50_000;
const MISSING_PARENT: &str = "Missing parent order.";

/// An error about the order.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Exchange {
    /// One placeOrder message, with the faults that were set for it.
    pub(super) fn place(
        &mut self,
        connection: ConnectionId,
        client_id: i32,
        request: wire::PlaceOrder,
        now: Now,
    ) {
        let plan = self.faults.next_order();
        if plan.drop_before {
            self.sessions.close(connection);
            return;
        }
        self.verdicts.extend(plan.verdict.clone());
        let mark = self.sessions.mark(connection);
        let preview = plan.preview_works.then(|| request.clone());
        self.take_order(client_id, request, now);
        if let Some(request) = preview {
            self.work_preview(client_id, request, now);
        }
        self.aftermath(connection, &plan, mark, now);
    }

    /// A preview that TWS makes an order of, which it must not.
    fn work_preview(&mut self, client_id: i32, mut request: wire::PlaceOrder, now: Now) {
        let key = OrderKey {
            client_id,
            order_id: request.order_id.unwrap_or(0),
        };
        let order = request.order.get_or_insert_default();
        if order.what_if.take() != Some(true) || self.book.find(key).is_some() {
            return;
        }
        if let Ok(checked) = self.check(key, request, now)
            && let Err(refused) = self.place_new(checked, now)
        {
            self.refuse(key, &refused, true, now);
        }
    }

    /// One placeOrder message as a client sent it, or as a test says that it had.
    pub(super) fn take_order(&mut self, client_id: i32, request: wire::PlaceOrder, now: Now) {
        let key = OrderKey {
            client_id,
            order_id: request.order_id.unwrap_or(0),
        };
        let known = self.book.find(key);
        let checked = self.check(key, request, now);
        if let Ok(checked) = &checked
            && checked.transmit
        {
            for (code, text) in checked.notices.clone() {
                self.order_error(client_id, key.order_id, code, &text, now);
            }
        }
        let outcome = checked.and_then(|checked| match known {
            _ if checked.what_if => self.what_if(&checked, known, now),
            Some(perm_id) => self.place_again(perm_id, checked, now),
            None if key.order_id < self.next_id(client_id) => {
                Err(check::refusal(103, "Duplicate order id"))
            }
            None => self.place_new(checked, now),
        });
        if let Err(refused) = outcome {
            self.refuse(key, &refused, known.is_none(), now);
        }
    }

    fn refuse(&mut self, key: OrderKey, refused: &Refusal, is_new: bool, now: Now) {
        let late =
            self.switches.refusals == Refusals::AfterNextIds && [200, 201].contains(&refused.code);
        match self.sessions.by_client.get(&key.client_id) {
            Some(&connection) if late => {
                self.refuse_later(connection, key.order_id, refused.code, &refused.text, now);
            }
            _ => self.order_error(
                key.client_id,
                key.order_id,
                refused.code,
                &refused.text,
                now,
            ),
        }
        let free = match refused.code {
            103 => true,
            320 | 321 => self.switches.refused_id == RefusedId::Free,
            _ => false,
        };
        if is_new && !free {
            self.use_id(key);
        }
    }

    fn place_new(&mut self, checked: CheckedOrder, now: Now) -> Result<(), Refusal> {
        let parent = self.parent_of(&checked, now)?;
        self.check_group(&checked)?;
        self.use_id(checked.key);
        let transmit = checked.transmit;
        let ended_group = self.is_ended_group(&checked);
        let perm_id = self.enter(checked, parent, now);
        if transmit && ended_group {
            self.submit(&[perm_id], now);
            self.cancel_by_ib(perm_id, "The OCA group of this order has filled.", now);
        } else if transmit {
            let released = self.released_by(perm_id);
            self.submit(&released, now);
        }
        self.journal_order(perm_id);
        Ok(())
    }

    /// The parent that an order names, and whether it can be one.
    fn parent_of(&self, checked: &CheckedOrder, now: Now) -> Result<Option<PermId>, Refusal> {
        if checked.parent_id == 0 {
            return Ok(None);
        }
        let missing = || check::refusal(10006, MISSING_PARENT);
        let key = OrderKey {
            client_id: checked.key.client_id,
            order_id: checked.parent_id,
        };
        let parent = self
            .book
            .find(key)
            .and_then(|perm_id| self.book.get(perm_id))
            .ok_or_else(missing)?;
        let too_soon = now.micros() - parent.placed_at < TOO_SOON_MICROS;
        if too_soon && self.switches.child_too_soon == ChildTooSoon::Refused {
            return Err(missing());
        }
        if checked.pricing.is_trailing()
            && !matches!(
                parent.pricing,
                Pricing::Limit { .. } | Pricing::StopLimit { .. }
            )
        {
            let text = "Trailing stop orders can be attached to limit or stop-limit orders only.";
            return Err(check::refusal(328, text));
        }
        match (parent.phase, self.switches.child_of_filled) {
            (Phase::Filled, ChildOfFilled::Taken) => {}
            (Phase::Filled, ChildOfFilled::NotFound) => {
                let text = format!("Can't find order with id ={}", checked.parent_id);
                return Err(check::refusal(135, text));
            }
            (Phase::Filled, ChildOfFilled::Rejected) => {
                let text = "Order rejected - reason:The parent of this order has filled.";
                return Err(check::refusal(201, text));
            }
            (Phase::Filled, ChildOfFilled::MissingParent)
            | (Phase::Cancelled | Phase::Inactive | Phase::Discarded, _) => return Err(missing()),
            (
                Phase::Staged
                | Phase::Queued
                | Phase::Withheld
                | Phase::PreSubmitted
                | Phase::Submitted
                | Phase::PendingCancel
                | Phase::InactiveHeld,
                _,
            ) => {}
        }
        Ok(Some(parent.perm_id))
    }

    /// A group is of one type.
    fn check_group(&self, checked: &CheckedOrder) -> Result<(), Refusal> {
        let Some((group, kind)) = &checked.oca else {
            return Ok(());
        };
        let other = self
            .members(group)
            .find(|order| !order.phase.is_over())
            .and_then(|order| order.oca.as_ref());
        if other.is_some_and(|(_, other)| other != kind) {
            let text = "OCA group type revision is not allowed";
            return Err(check::refusal(10327, text));
        }
        Ok(())
    }

    fn is_ended_group(&self, checked: &CheckedOrder) -> bool {
        self.switches.oca_ended_group == OcaEndedGroup::Cancelled
            && checked.oca.as_ref().is_some_and(|(group, _)| {
                self.members(group)
                    .any(|order| order.phase == Phase::Filled)
            })
    }

    pub(super) fn members(&self, group: &OcaGroup) -> impl Iterator<Item = &Order> {
        self.book
            .members(group)
            .into_iter()
            .filter_map(|perm_id| self.book.get(perm_id))
    }

    /// Puts an order into the book without a word.
    pub(super) fn enter(
        &mut self,
        checked: CheckedOrder,
        parent: Option<PermId>,
        now: Now,
    ) -> PermId {
        let perm_id = self.next_perm_id();
        let symbol = self.market.get(checked.symbol);
        let awaits_parent = parent
            .and_then(|parent| self.book.get(parent))
            .is_some_and(|parent| parent.filled.is_zero());
        let family = parent.map(|parent| family_group(&checked.account, parent));
        let login = self
            .sessions
            .by_client
            .get(&checked.key.client_id)
            .and_then(|connection| self.sessions.by_connection.get(connection))
            .map_or(0, |session| session.login);
        let mut order = Order::new(
            checked.key,
            perm_id,
            checked.side,
            checked.pricing,
            checked.quantity,
        );
        order.symbol = symbol
            .map(|instrument| instrument.symbol.clone())
            .unwrap_or_default();
        order.parent = parent;
        order.awaits_parent = awaits_parent;
        order.oca = family.or_else(|| checked.oca.clone());
        order.login = login;
        order.placed_at = now.micros();
        self.book.insert(order);
        self.rewrite(perm_id, &checked, now);
        perm_id
    }

    /// Brings an order and its echo to what a request says.
    pub(super) fn rewrite(&mut self, perm_id: PermId, checked: &CheckedOrder, now: Now) {
        let contract = self
            .market
            .get(checked.symbol)
            .map(|instrument| instrument.contract(&checked.exchange));
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        order.pricing = checked.pricing;
        order.quantity = checked.quantity;
        order.asked_quantity = checked.quantity;
        order.shown_quantity = checked.quantity;
        order.tif = checked.tif;
        order.outside_rth = checked.order.outside_rth.unwrap_or(false);
        order.echo = wire::OpenOrder {
            order_id: Some(checked.key.order_id),
            contract,
            order: Some(echo(checked, order, now)),
            order_state: Some(wire::OrderState {
                status: Some(order.phase.word().to_owned()),
                ..wire::OrderState::default()
            }),
        };
        self.schedule_good_till(perm_id);
    }

    pub(super) fn next_perm_id(&mut self) -> PermId {
        self.perm_ids += 1;
        self.base + self.perm_ids
    }
}

/// The group that TWS puts the children of an order into: named after the parent's permanent id, of type 3.
fn family_group(account: &str, parent: PermId) -> (OcaGroup, OcaType) {
    let group = OcaGroup {
        account: account.to_owned(),
        name: parent.to_string(),
    };
    (group, OcaType::ReduceNonBlock)
}
