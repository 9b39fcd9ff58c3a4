//! Open and completed orders.

use super::super::super::clock::Now;
use super::super::super::fault::Query;
use super::super::super::message::ServerMessage;
use super::super::super::order::{Order, OrderKey, PermId, plain};
use super::super::super::session::ConnectionId;
use super::super::super::wire;
use super::super::Exchange;

/// Server version at which an orderStatus was seen before completed orders; at 204 there was none.
const COMPLETED_STATUSES_VERSION: i32 = 225;

impl Exchange {
    /// One's own orders. Client 0 also takes over the manual ones, and is told under which id.
    pub(in super::super) fn open_orders(&mut self, connection: ConnectionId, client_id: i32) {
        if client_id == 0 {
            self.bind_manual_orders(connection);
        }
        if self.sessions.shaping.does_not_answer(Query::OpenOrders) {
            return;
        }
        self.open_rows(connection, |order| {
            !order.manual && order.key.client_id == client_id
        });
        self.sessions
            .answer(connection, ServerMessage::OpenOrdersEnd);
    }

    /// Everyone's orders, manual ones included.
    pub(in super::super) fn all_open_orders(&mut self, connection: ConnectionId) {
        if self.sessions.shaping.does_not_answer(Query::OpenOrders) {
            return;
        }
        self.open_rows(connection, |_| true);
        self.odd_open_row(connection);
        self.sessions
            .answer(connection, ServerMessage::OpenOrdersEnd);
    }

    /// Only client 0 may; there is no end mark.
    pub(in super::super) fn auto_open_orders(
        &mut self,
        connection: ConnectionId,
        client_id: i32,
        now: Now,
    ) {
        if client_id == 0 {
            self.bind_manual_orders(connection);
        } else {
            let text = "Only the default client (i.e. 0) can auto bind orders.";
            self.error_to(connection, -1, 327, text, now);
        }
    }

    /// Sends openOrder and orderStatus of each open order that is wanted, oldest first; gives their number.
    pub(in super::super) fn open_rows(
        &mut self,
        connection: ConnectionId,
        wanted: impl Fn(&Order) -> bool,
    ) -> usize {
        let mut rows = 0;
        for order in self
            .book
            .open()
            .filter(|order| order.phase.is_shown_open() && wanted(order))
        {
            self.sessions
                .answer(connection, ServerMessage::OpenOrder(&order.echo));
            self.sessions.answer(
                connection,
                ServerMessage::OrderStatus(&order.status(&self.switches)),
            );
            rows += 1;
        }
        rows
    }

    fn bind_manual_orders(&mut self, connection: ConnectionId) {
        let manual: Vec<PermId> = self
            .book
            .open()
            .filter(|order| order.manual)
            .map(|order| order.perm_id)
            .collect();
        for perm_id in manual {
            let order_id = self.next_id(0);
            self.use_id(OrderKey {
                client_id: 0,
                order_id,
            });
            self.book.bind(perm_id, order_id);
            let bound = wire::OrderBound {
                perm_id: Some(perm_id),
                client_id: Some(0),
                order_id: Some(order_id),
            };
            self.sessions
                .answer(connection, ServerMessage::OrderBound(&bound));
        }
    }

    /// The orders that ended today, and before them an orderStatus of each of one's own. The quantity of a row is what was
    /// left unfilled.
    pub(in super::super) fn completed_orders(
        &mut self,
        connection: ConnectionId,
        client_id: i32,
        api_only: bool,
        now: Now,
    ) {
        if self
            .sessions
            .shaping
            .does_not_answer(Query::CompletedOrders)
        {
            return;
        }
        let today = self.day(now);
        let listed = |order: &&Order| {
            order.ended_day == today && !(api_only && order.manual) && order.transmit()
        };
        let version = self
            .sessions
            .by_connection
            .get(&connection)
            .map_or(0, |session| session.version);
        if self.switches.completed_statuses && version >= COMPLETED_STATUSES_VERSION {
            let own = |order: &&Order| order.key.client_id == client_id && !order.manual;
            for order in self.book.finished().filter(listed).filter(own) {
                let status = order.status(&self.switches);
                self.sessions
                    .answer(connection, ServerMessage::OrderStatus(&status));
            }
        }
        for order in self.book.finished().filter(listed) {
            let row = completed(order, self.switches.completed_order_ids);
            self.sessions
                .answer(connection, ServerMessage::CompletedOrder(&row));
        }
        self.odd_completed_row(connection, now);
        self.sessions
            .answer(connection, ServerMessage::CompletedOrdersEnd);
    }
}

fn completed(order: &Order, with_ids: bool) -> wire::CompletedOrder {
    let mut echo = order.echo.order.clone().unwrap_or_default();
    echo.total_quantity = Some(plain(order.remaining()));
    if !with_ids {
        echo.order_id = None;
    }
    let mut state = order.echo.order_state.clone().unwrap_or_default();
    if state.status.as_deref() == Some("Inactive") {
        // An order that margin refused is listed as cancelled.
        state.status = Some("Cancelled".to_owned());
    }
    wire::CompletedOrder {
        contract: order.echo.contract.clone(),
        order: Some(echo),
        order_state: Some(state),
    }
}
