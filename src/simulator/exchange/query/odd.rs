//! Rows of nobody in particular that are hard to read: a fault puts one into each answer.

use super::super::super::clock::Now;
use super::super::super::message::ServerMessage;
use super::super::super::order::{Order, OrderKey, Phase, Pricing, Side, echo_prices};
use super::super::super::session::ConnectionId;
use super::super::super::wire;
use super::super::Exchange;

/// A client id and an order id that no client of a test has.
const KEY: OrderKey = OrderKey {
    client_id: 987,
    order_id: 987_654,
};
/// Below every permanent id of a run.
const PERM_ID: i64 = 987_654_321;
const LIMIT: rust_decimal::Decimal = rust_decimal::Decimal::ONE;

impl Exchange {
    /// An open order of another client. Faulty rows are for whoever asks for everybody's orders.
    pub(super) fn odd_open_row(&mut self, connection: ConnectionId) {
        for odd in self.sessions.shaping.odd_rows.clone() {
            let order = self.odd_order(Phase::Submitted);
            let mut row = order.echo.clone();
            odd.spoil_order(&mut row);
            self.sessions
                .answer(connection, ServerMessage::OpenOrder(&row));
            let mut status = order.status(&self.switches);
            odd.spoil_status(&mut status);
            self.sessions
                .answer(connection, ServerMessage::OrderStatus(&status));
        }
    }

    pub(super) fn odd_completed_row(&mut self, connection: ConnectionId, now: Now) {
        for odd in self.sessions.shaping.odd_rows.clone() {
            let mut order = self.odd_order(Phase::Submitted);
            order.end(
                Phase::Cancelled,
                now.stamp(),
                "Cancelled by Trader".to_owned(),
                self.day(now),
            );
            odd.spoil_order(&mut order.echo);
            let row = wire::CompletedOrder {
                contract: order.echo.contract,
                order: order.echo.order,
                order_state: order.echo.order_state,
            };
            self.sessions
                .answer(connection, ServerMessage::CompletedOrder(&row));
        }
    }

    pub(super) fn odd_execution_row(
        &mut self,
        connection: ConnectionId,
        request_id: i32,
        now: Now,
    ) {
        for odd in self.sessions.shaping.odd_rows.clone() {
            let order = self.odd_order(Phase::Submitted);
            let mut row = wire::ExecutionDetails {
                request_id: Some(request_id),
                contract: order.echo.contract.clone(),
                execution: Some(wire::Execution {
                    order_id: Some(KEY.order_id),
                    exec_id: Some("0000abcd.987654.01.01".to_owned()),
                    time: Some(now.stamp()),
                    account: self.accounts.first().cloned(),
                    exchange: Some("NYSE".to_owned()),
                    side: Some(Side::Buy.execution_word().to_owned()),
                    shares: Some("1".to_owned()),
                    price: Some(1.0),
                    perm_id: Some(PERM_ID),
                    client_id: Some(KEY.client_id),
                    cum_qty: Some("1".to_owned()),
                    avg_price: Some(1.0),
                    ..wire::Execution::default()
                }),
            };
            odd.spoil_execution(&mut row);
            self.sessions
                .answer(connection, ServerMessage::Execution(&row));
        }
    }

    fn odd_order(&self, phase: Phase) -> Order {
        let pricing = Pricing::Limit { limit: LIMIT };
        let mut order = Order::new(KEY, PERM_ID, Side::Buy, pricing, LIMIT);
        let contract = self
            .market
            .by_symbol("IBM")
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.contract("SMART"));
        let mut echo = wire::Order {
            client_id: Some(KEY.client_id),
            order_id: Some(KEY.order_id),
            perm_id: Some(PERM_ID),
            action: Some(Side::Buy.word().to_owned()),
            total_quantity: Some("1".to_owned()),
            tif: Some("DAY".to_owned()),
            account: self.accounts.first().cloned(),
            filled_quantity: Some("0".to_owned()),
            ..wire::Order::default()
        };
        echo_prices(&mut echo, &pricing, Side::Buy);
        order.echo = wire::OpenOrder {
            order_id: Some(KEY.order_id),
            contract,
            order: Some(echo),
            order_state: Some(wire::OrderState::default()),
        };
        order.set_phase(phase);
        order
    }
}
