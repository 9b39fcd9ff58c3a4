//! Questions about the past and the present: orders, executions, contracts.

use super::super::clock::Now;
use super::super::ledger::Fill;
use super::super::message::ServerMessage;
use super::super::order::{Order, OrderKey, PermId, plain};
use super::super::session::ConnectionId;
use super::super::wire;
use super::Exchange;
use super::place::READ_ONLY;
use super::say::{NO_SECURITY, invalid_request};

impl Exchange {
    /// One's own orders. Client 0 also takes over the manual ones, and is told under which id.
    pub(super) fn open_orders(&mut self, connection: ConnectionId, client_id: i32) {
        if client_id == 0 {
            self.bind_manual_orders(connection);
        }
        self.open_rows(connection, |order| {
            !order.manual && order.key.client_id == client_id
        });
        self.sessions
            .answer(connection, ServerMessage::OpenOrdersEnd);
    }

    /// Everyone's orders, manual ones included.
    pub(super) fn all_open_orders(&mut self, connection: ConnectionId) {
        self.open_rows(connection, |_| true);
        self.sessions
            .answer(connection, ServerMessage::OpenOrdersEnd);
    }

    /// Only client 0 may; there is no end mark.
    pub(super) fn auto_open_orders(&mut self, connection: ConnectionId, client_id: i32, now: Now) {
        if client_id == 0 {
            self.bind_manual_orders(connection);
        } else {
            let text = "Only the default client (i.e. 0) can auto bind orders.";
            self.error_to(connection, -1, 327, text, now);
        }
    }

    /// Sends openOrder and orderStatus of each open order that is wanted, oldest first; gives their number.
    pub(super) fn open_rows(
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
            self.sessions
                .answer(connection, ServerMessage::OrderStatus(&order.status()));
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

    /// The orders that ended today. The quantity of a row is what was left unfilled.
    pub(super) fn completed_orders(&mut self, connection: ConnectionId, api_only: bool, now: Now) {
        let today = self.day(now);
        for order in self.book.finished() {
            if order.ended_day == today && !(api_only && order.manual) && order.transmit() {
                let row = completed(order, self.switches.completed_order_ids);
                self.sessions
                    .answer(connection, ServerMessage::CompletedOrder(&row));
            }
        }
        self.sessions
            .answer(connection, ServerMessage::CompletedOrdersEnd);
    }

    /// Today's executions that pass the filter, then (if configured) their commissions, then the end mark.
    pub(super) fn executions(
        &mut self,
        connection: ConnectionId,
        asked: &wire::ExecutionsRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let filter = asked.filter.clone().unwrap_or_default();
        let today = self.day(now);
        let days = filter
            .last_n_days
            .filter(|days| *days > 0 && *days < i32::MAX)
            .unwrap_or(1);
        let chosen = |fill: &&Fill| fill.day > today - days && passes(&filter, fill);
        for fill in self.ledger.fills().filter(chosen) {
            let mut row = fill.details.clone();
            row.request_id = Some(request_id);
            self.sessions
                .answer(connection, ServerMessage::Execution(&row));
        }
        if self.switches.commission_replay {
            for fill in self.ledger.fills().filter(chosen) {
                self.sessions
                    .answer(connection, ServerMessage::Commission(&fill.commission));
            }
        }
        if !self.sessions.shaping.lose_executions_end {
            self.sessions
                .answer(connection, ServerMessage::ExecutionsEnd(request_id));
        }
    }

    pub(super) fn contract_data(
        &mut self,
        connection: ConnectionId,
        asked: &wire::ContractRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let contract = asked.contract.clone().unwrap_or_default();
        let found = self
            .market
            .find(&contract)
            .and_then(|symbol| self.market.get(symbol));
        let Some(instrument) = found else {
            self.error_to(connection, request_id, 200, NO_SECURITY, now);
            return;
        };
        let exchange = contract
            .exchange
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "SMART".to_owned());
        let mut echoed = instrument.contract(&exchange);
        echoed.primary_exch = Some(instrument.venue.to_owned());
        let row = wire::ContractData {
            request_id: Some(request_id),
            contract: Some(echoed),
            details: Some(wire::ContractDetails {
                market_name: Some(instrument.trading_class.to_owned()),
                min_tick: Some(plain(instrument.tick)),
                order_types: Some("DAY,FOK,GTC,IOC,LMT,MKT,OPG,OUTSIDERTH,WHATIF".to_owned()),
                valid_exchanges: Some(format!("SMART,{}", super::super::symbols::VENUES.join(","))),
                price_magnifier: Some(1),
                long_name: Some(instrument.name.clone()),
                time_zone_id: Some("US/Eastern".to_owned()),
                stock_type: (instrument.sec_type == "STK").then(|| "COMMON".to_owned()),
                min_size: Some("0.0001".to_owned()),
                size_increment: Some("0.0001".to_owned()),
            }),
        };
        self.sessions
            .answer(connection, ServerMessage::ContractData(&row));
        self.sessions
            .answer(connection, ServerMessage::ContractDataEnd(request_id));
    }

    /// In read-only mode TWS refuses even requests that change nothing: for ids, and for orders that it would bind.
    pub(super) fn refuse_read_only(&mut self, connection: ConnectionId, now: Now) -> bool {
        if self.config.read_only {
            self.error_to(connection, -1, 321, &invalid_request(READ_ONLY), now);
        }
        self.config.read_only
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

fn passes(filter: &wire::ExecutionFilter, fill: &Fill) -> bool {
    let execution = fill.details.execution.clone().unwrap_or_default();
    let contract = fill.details.contract.clone().unwrap_or_default();
    let same = |asked: &Option<String>, ours: &Option<String>| match asked.as_deref() {
        None | Some("") => true,
        Some(asked) => ours
            .as_deref()
            .is_some_and(|ours| ours.eq_ignore_ascii_case(asked)),
    };
    let side = filter.side.as_deref().map(|side| match side {
        "BUY" => "BOT".to_owned(),
        "SELL" => "SLD".to_owned(),
        other => other.to_owned(),
    });
    let client = filter.client_id.filter(|&id| id != 0 && id != i32::MAX);
    let since = filter.time.as_deref().filter(|time| !time.is_empty());
    client.is_none_or(|id| execution.client_id == Some(id))
        && same(&filter.account, &execution.account)
        && same(&filter.symbol, &contract.symbol)
        && same(&filter.sec_type, &contract.sec_type)
        && same(&filter.exchange, &execution.exchange)
        && same(&side, &execution.side)
        && since.is_none_or(|since| {
            comparable(execution.time.as_deref().unwrap_or_default()) >= comparable(since)
        })
}

/// "20260825 14:11:30 US/Eastern" and "20260825-14:11:30" as the same fourteen digits.
fn comparable(time: &str) -> String {
    time.chars().filter(char::is_ascii_digit).take(14).collect()
}
