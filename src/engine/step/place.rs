//! A new order.

use super::super::batch::Write;
use super::super::entry::{Entry, Purpose, Run, Sending};
use super::super::input::{Ask, PlaceWish};
use super::super::rows::Stop;
use super::Step;
use crate::domain::lifecycle::{Executions, TrackedOrder};
use crate::domain::{OrderIdentity, OrderRecord, OrderState, Status};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// A known request is answered with the order it made, before anything else is asked. Otherwise: limits, connected, guards, account,
    /// slot, id, row.
    pub(super) fn place(&mut self, ask: &Ask, wish: &PlaceWish) -> Result<(), Stop> {
        if wish.request_id_given
            && let Some(order_id) = self.find_request(&wish.request_id)?
        {
            self.again(ask, wish, order_id);
            return Ok(());
        }
        if let Some(violations) = &wish.beyond_limits {
            self.refuse(ask, violations.clone().into());
            return Ok(());
        }
        let Some(session) = self.session_for(ask) else {
            return Ok(());
        };
        if !self.ib_is_there(ask, &session) {
            return Ok(());
        }
        let accounts = &session.info.accounts;
        let account = match wish.order.account_for(accounts, &self.core.settings.limits) {
            Ok(account) => account,
            Err(violations) => {
                self.refuse(ask, violations.into());
                return Ok(());
            }
        };
        if !self.slot_for(ask) {
            return Ok(());
        }
        let order_id = self.batch.desk.next_id;
        let Some(next_id) = order_id.checked_add(1) else {
            self.refuse(
                ask,
                Error::new(
                    Reason::Internal,
                    "TWS's order ids are used up: reset the API order id sequence in TWS and start with a new store",
                ),
            );
            return Ok(());
        };
        self.batch.desk.next_id = next_id;
        let record = self.record(order_id, account, wish);
        let entry = Entry {
            order: TrackedOrder {
                record,
                executions: Executions::default(),
            },
            run: Run {
                sending: Sending::Queued,
                ..Run::default()
            },
        };
        self.touch(entry, Write::Insert);
        self.changed(order_id);
        self.queue_place(order_id, !wish.order.request().transmit);
        self.wait(ask, order_id, Purpose::Place { replayed: false });
        Ok(())
    }

    /// The same request again, or another order under its id.
    fn again(&mut self, ask: &Ask, wish: &PlaceWish, order_id: i32) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if entry.order.record.digest != wish.digest {
            let error = Error::new(
                Reason::RequestIdReused,
                format!(
                    "request id {} was used for another order ({order_id}): give each order an id of its own",
                    wish.request_id
                ),
            );
            self.refuse(ask, error);
            return;
        }
        let purpose = Purpose::Place { replayed: true };
        let first_still_waits = entry.order.record.state.status == Status::Submitting
            && entry
                .run
                .waiters
                .iter()
                .any(|waiter| matches!(waiter.purpose, Purpose::Place { .. }));
        if first_still_waits {
            self.wait(ask, order_id, purpose);
        } else {
            self.answer(ask.waiter, order_id, purpose);
        }
    }

    fn record(&self, order_id: i32, account: String, wish: &PlaceWish) -> OrderRecord {
        let identity = OrderIdentity {
            order_id,
            client_id: self.core.settings.client_id,
            account,
            request_id: wish.request_id.clone(),
        };
        OrderRecord {
            state: OrderState::submitting(identity, wish.order.request(), self.now.wall),
            digest: wish.digest.to_vec(),
            acknowledged: false,
        }
    }
}
