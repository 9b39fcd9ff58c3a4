//! What a person at TWS does: places orders, changes those of clients, releases and cancels them.

use rust_decimal::Decimal;

use super::super::super::clock::Now;
use super::super::super::control::{ControlError, HandChange};
use super::super::super::order::{
    Order, OrderKey, PermId, Phase, Pricing, Side, double, echo_prices, plain,
};
use super::super::super::wire;
use super::super::Exchange;

impl Exchange {
    /// An order that somebody types into TWS.
    pub(crate) fn place_manual(
        &mut self,
        symbol: &str,
        side: Side,
        quantity: Decimal,
        limit: Decimal,
    ) -> Result<PermId, ControlError> {
        let index = self
            .market
            .by_symbol(symbol)
            .ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))?;
        let perm_id = self.next_perm_id();
        let key = OrderKey {
            client_id: 0,
            order_id: 0,
        };
        let contract = self
            .market
            .get(index)
            .map(|instrument| instrument.contract("SMART"));
        let pricing = Pricing::Limit { limit };
        let mut order = Order::new(key, perm_id, side, pricing, quantity);
        let mut echo = wire::Order {
            client_id: Some(0),
            order_id: Some(0),
            perm_id: Some(perm_id),
            action: Some(side.word().to_owned()),
            total_quantity: Some(plain(quantity)),
            tif: Some("DAY".to_owned()),
            account: self.accounts.first().cloned(),
            filled_quantity: Some("0".to_owned()),
            ..wire::Order::default()
        };
        echo_prices(&mut echo, &pricing, side);
        order.echo = wire::OpenOrder {
            order_id: Some(0),
            contract,
            order: Some(echo),
            order_state: Some(wire::OrderState::default()),
        };
        order.symbol = symbol.to_owned();
        order.manual = true;
        order.set_phase(Phase::Submitted);
        self.book.insert(order);
        self.book.rest(perm_id, index);
        self.journal_order(perm_id);
        Ok(perm_id)
    }

    /// A limit order under a client's id that this client does not know of: an earlier program placed it.
    pub(crate) fn place_for_client(
        &mut self,
        key: OrderKey,
        symbol: &str,
        side: Side,
        quantity: Decimal,
        limit: Decimal,
        now: Now,
    ) {
        let request = wire::PlaceOrder {
            order_id: Some(key.order_id),
            contract: Some(wire::Contract {
                symbol: Some(symbol.to_owned()),
                sec_type: Some("STK".to_owned()),
                exchange: Some("SMART".to_owned()),
                currency: Some("USD".to_owned()),
                ..wire::Contract::default()
            }),
            order: Some(wire::Order {
                action: Some(side.word().to_owned()),
                total_quantity: Some(plain(quantity)),
                order_type: Some("LMT".to_owned()),
                lmt_price: Some(double(limit)),
                tif: Some("GTC".to_owned()),
                account: self.accounts.first().cloned(),
                transmit: Some(true),
                ..wire::Order::default()
            }),
        };
        self.take_order(key.client_id, request, now);
    }

    /// A working order gets another size or other prices, and shows them.
    pub(crate) fn change_by_hand(
        &mut self,
        key: OrderKey,
        change: HandChange,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        let not_working = ControlError::NotWorking {
            key,
            status: phase.word(),
        };
        if !phase.is_shown_open() {
            return Err(not_working);
        }
        let Some(order) = self.book.get_mut(perm_id) else {
            return Err(not_working);
        };
        if let Some(quantity) = change.quantity {
            order.resize(quantity.max(order.filled));
        }
        if let Some(pricing) = changed(order.pricing, &change) {
            order.reprice(pricing);
        }
        let done = order.remaining().is_zero();
        if done {
            self.end_filled(perm_id, now);
        }
        self.report_pair(perm_id);
        if done {
            return Ok(());
        }
        // Where a price finds it depends on its price.
        self.book.take_off(perm_id);
        self.resume(perm_id, now);
        self.journal_order(perm_id);
        Ok(())
    }

    /// A staged order is transmitted in TWS's own window.
    pub(crate) fn transmit_by_hand(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if phase != Phase::Staged {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        let released = self.released_by(perm_id);
        self.submit(&released, now);
        Ok(())
    }

    /// An order is cancelled in TWS's own window; a staged one is discarded.
    pub(crate) fn cancel_by_hand(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if phase.is_over() || phase == Phase::PendingCancel {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.cancel_open(perm_id, now);
        Ok(())
    }
}

/// The same kind of order at other prices; none when the kind has no such price.
fn changed(pricing: Pricing, change: &HandChange) -> Option<Pricing> {
    let (limit, stop) = (change.limit_price, change.stop_price);
    if limit.is_none() && stop.is_none() {
        return None;
    }
    Some(match pricing {
        Pricing::Limit { limit: old } => Pricing::Limit {
            limit: limit.unwrap_or(old),
        },
        Pricing::LimitOnClose { limit: old } => Pricing::LimitOnClose {
            limit: limit.unwrap_or(old),
        },
        Pricing::Stop { stop: old } => Pricing::Stop {
            stop: stop.unwrap_or(old),
        },
        Pricing::StopLimit {
            stop: old_stop,
            limit: old,
        } => Pricing::StopLimit {
            stop: stop.unwrap_or(old_stop),
            limit: limit.unwrap_or(old),
        },
        Pricing::Touched { touch } => Pricing::Touched {
            touch: stop.unwrap_or(touch),
        },
        Pricing::TouchedLimit { touch, limit: old } => Pricing::TouchedLimit {
            touch: stop.unwrap_or(touch),
            limit: limit.unwrap_or(old),
        },
        Pricing::Trail { by, stop: old } => Pricing::Trail {
            by,
            stop: stop.unwrap_or(old),
        },
        Pricing::TrailLimit {
            by,
            stop: old,
            offset,
        } => Pricing::TrailLimit {
            by,
            stop: stop.unwrap_or(old),
            offset,
        },
        Pricing::Market | Pricing::MarketOnClose => return None,
    })
}
