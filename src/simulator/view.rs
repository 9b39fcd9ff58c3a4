//! Looking at a simulator from a test.

use std::collections::VecDeque;

use rust_decimal::Decimal;

use super::exchange::Exchange;
use super::log::ReceivedMessage;
use super::order::{Order, OrderKey};
use super::switches::Switches;

/// What the simulator knows at one moment.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    exchange: &'a Exchange,
}

/// An order as the simulator holds it, staged ones included, refused ones (110, 200, 321, …) not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderView {
    /// The client that placed it; 0 for manual orders.
    pub client_id: i32,
    /// The id that client gave it; 0 for manual orders.
    pub order_id: i32,
    /// Permanent id.
    pub perm_id: i64,
    /// The client's reference, empty when it gave none.
    pub order_ref: String,
    /// Account it is for.
    pub account: String,
    /// Symbol.
    pub symbol: String,
    /// BUY or SELL.
    pub action: &'static str,
    /// Whole quantity.
    pub quantity: Decimal,
    /// How much of it is filled.
    pub filled: Decimal,
    /// TWS's word for the order type.
    pub order_type: &'static str,
    /// The limit at which it trades, of an order that has one.
    pub limit_price: Option<Decimal>,
    /// The price that it waits for, or waited for.
    pub stop_price: Option<Decimal>,
    /// Order id of the parent, 0 without one.
    pub parent_id: i32,
    /// Why it is held: words with a comma between them.
    pub why_held: Option<String>,
    /// TWS's word; PendingSubmit for orders that nothing was said about yet.
    pub status: &'static str,
    /// Whether it was transmitted: false for a staged order.
    pub transmitted: bool,
    /// Whether it is over.
    pub over: bool,
    /// Whether it was typed into TWS by hand.
    pub manual: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(exchange: &'a Exchange) -> Self {
        Self { exchange }
    }

    /// All orders: open ones by age, then finished ones by when they ended.
    pub fn orders(&self) -> Vec<OrderView> {
        let switches = &self.exchange.switches;
        self.exchange
            .all_orders()
            .map(|order| order_view(order, switches))
            .collect()
    }

    /// One order. An order id alone finds the order of any client.
    pub fn order(&self, key: impl Into<OrderKey>) -> Option<OrderView> {
        let (perm_id, _) = self.exchange.locate(key.into()).ok()?;
        let order = self.exchange.book.get(perm_id)?;
        Some(order_view(order, &self.exchange.switches))
    }

    /// Orders that carry this reference.
    pub fn orders_with_ref(&self, order_ref: &str) -> Vec<OrderView> {
        self.exchange
            .all_orders()
            .filter(|order| order.order_ref() == order_ref)
            .map(|order| order_view(order, &self.exchange.switches))
            .collect()
    }

    /// How many placeOrder messages came for an order, refused ones and modifications included.
    pub fn place_messages(&self, key: impl Into<OrderKey>) -> u32 {
        count(&self.exchange.log.places, key.into())
    }

    /// How many cancelOrder messages came for an order.
    pub fn cancel_messages(&self, key: impl Into<OrderKey>) -> u32 {
        count(&self.exchange.log.cancels, key.into())
    }

    /// How many placeOrder messages came in all.
    pub fn place_messages_total(&self) -> u64 {
        self.exchange.log.places_total
    }

    /// How many orders the exchange acknowledged.
    pub fn accepted_total(&self) -> u64 {
        self.exchange.log.accepted_total
    }

    /// The latest requests, oldest first.
    pub fn messages(&self) -> &'a VecDeque<ReceivedMessage> {
        &self.exchange.log.messages
    }

    /// Connections that are open now, logged in or not.
    pub fn connections(&self) -> usize {
        self.exchange.sessions.by_connection.len()
    }

    /// Connections since the start.
    pub fn connections_total(&self) -> u64 {
        self.exchange.log.connections_total
    }

    /// Logins since the start.
    pub fn logins_total(&self) -> u64 {
        self.exchange.log.logins_total
    }

    /// Client ids that are logged in now.
    pub fn clients(&self) -> Vec<i32> {
        let mut clients: Vec<i32> = self.exchange.sessions.by_client.keys().copied().collect();
        clients.sort_unstable();
        clients
    }

    /// Ids of all executions, oldest first.
    pub fn exec_ids(&self) -> Vec<String> {
        self.exchange.exec_ids()
    }

    /// Symbol, quantity and average cost of everything that an account holds or held, by symbol.
    pub fn positions(&self, account: &str) -> Vec<(String, Decimal, Decimal)> {
        self.exchange.position_quantities(account)
    }

    /// Bid and ask of a symbol.
    pub fn quote(&self, symbol: &str) -> Option<(Decimal, Decimal)> {
        self.exchange.quote(symbol)
    }
}

fn count(counts: &std::collections::HashMap<OrderKey, u32>, key: OrderKey) -> u32 {
    if key.client_id == OrderKey::ANY_CLIENT {
        return counts
            .iter()
            .filter(|(other, _)| other.order_id == key.order_id)
            .map(|(_, count)| count)
            .sum();
    }
    counts.get(&key).copied().unwrap_or(0)
}

fn order_view(order: &Order, switches: &Switches) -> OrderView {
    OrderView {
        client_id: order.key.client_id,
        order_id: order.key.order_id,
        perm_id: order.perm_id,
        order_ref: order.order_ref().to_owned(),
        account: order.account().to_owned(),
        symbol: order.symbol.clone(),
        action: order.side.word(),
        quantity: order.quantity,
        filled: order.filled,
        order_type: order.pricing.word(),
        limit_price: order.limit(),
        stop_price: order.pricing.trigger(),
        parent_id: order.parent_order_id(),
        why_held: order.why_held(switches),
        status: order.phase.word(),
        transmitted: order.transmit(),
        over: order.phase.is_over(),
        manual: order.manual,
    }
}
