//! Trades: which orders fill, in what parts, and what is said about it.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::ledger::{self, Fill};
use super::super::market::{LEVELS_MAX, SymbolIndex};
use super::super::message::ServerMessage;
use super::super::order::{Order, PermId, Phase, Price, Side, double, plain};
use super::super::wire;
use super::Exchange;

/// How a fill is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Execution, openOrder and orderStatus, commission.
    Usual,
    /// Execution and commission: no status says that anything happened.
    WithoutStatus,
    /// Status first, then the execution that explains it.
    StatusFirst,
}

impl Exchange {
    /// Fills what the market gives now, level by level.
    pub(super) fn match_order(&mut self, perm_id: PermId, now: Now) {
        for level in 0..LEVELS_MAX {
            let Some((quantity, price)) = self.next_part(perm_id, level) else {
                return;
            };
            self.trade(perm_id, quantity, price, Telling::Usual, now);
        }
    }

    fn next_part(&self, perm_id: PermId, level: u32) -> Option<(Decimal, Decimal)> {
        let order = self.book.get(perm_id)?;
        if order.phase.is_over() || order.remaining().is_zero() {
            return None;
        }
        let instrument = self.market.get(self.market.by_symbol(&order.symbol)?)?;
        let price = instrument.level(order.side == Side::Buy, level);
        let reached = match (order.price, order.side) {
            (Price::Market, _) => true,
            (Price::Limit(limit), Side::Buy) => price <= limit,
            (Price::Limit(limit), Side::Sell) => price >= limit,
        };
        let last = level + 1 == LEVELS_MAX;
        let quantity = if last {
            order.remaining()
        } else {
            order.remaining().min(instrument.size)
        };
        reached.then_some((quantity, price))
    }

    /// Whether the market could take all of it now.
    pub(super) fn fills_at_once(&self, order: &Order) -> bool {
        let Some(instrument) = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol))
        else {
            return false;
        };
        let buy = order.side == Side::Buy;
        let levels = (0..LEVELS_MAX).take_while(|&level| match order.price {
            Price::Market => true,
            Price::Limit(limit) if buy => instrument.level(buy, level) <= limit,
            Price::Limit(limit) => instrument.level(buy, level) >= limit,
        });
        let levels = u32::try_from(levels.count()).unwrap_or(LEVELS_MAX);
        levels == LEVELS_MAX || Decimal::from(levels) * instrument.size >= order.remaining()
    }

    /// After a price moved: each resting order that it reaches gets what is shown there.
    pub(super) fn sweep(&mut self, symbol: SymbolIndex, now: Now) {
        let Some(instrument) = self.market.get(symbol) else {
            return;
        };
        let size = instrument.size;
        self.sweep_parts(symbol, size, now);
    }

    /// The same, with parts of at most `size`.
    pub(super) fn sweep_parts(&mut self, symbol: SymbolIndex, size: Decimal, now: Now) {
        let Some(instrument) = self.market.get(symbol) else {
            return;
        };
        let (bid, ask) = (instrument.bid(), instrument.ask());
        for perm_id in self.book.crossed(symbol, bid, ask) {
            let Some(order) = self
                .book
                .get(perm_id)
                .filter(|order| order.phase == Phase::Submitted)
            else {
                continue;
            };
            let price = match (order.price, order.side) {
                (Price::Limit(limit), _) => limit,
                (Price::Market, Side::Buy) => ask,
                (Price::Market, Side::Sell) => bid,
            };
            let quantity = order.remaining().min(size);
            self.trade(perm_id, quantity, price, Telling::Usual, now);
        }
    }

    /// One execution.
    pub(super) fn trade(
        &mut self,
        perm_id: PermId,
        quantity: Decimal,
        price: Decimal,
        telling: Telling,
        now: Now,
    ) {
        if quantity <= Decimal::ZERO {
            return;
        }
        let Some(client_id) = self.book_trade(perm_id, quantity, price, now) else {
            return;
        };
        let Some(fill) = self.ledger.fills().next_back().cloned() else {
            return;
        };
        let over = self
            .book
            .get(perm_id)
            .is_some_and(|order| order.phase == Phase::Filled);
        if telling == Telling::StatusFirst {
            self.report_pair(perm_id);
        }
        self.sessions
            .report(client_id, ServerMessage::Execution(&fill.details));
        if telling == Telling::Usual {
            self.report_pair(perm_id);
            if over && self.switches.second_filled_pair {
                self.name_commission(perm_id);
                self.report_pair(perm_id);
            }
        }
        self.name_commission(perm_id);
        self.sessions
            .report(client_id, ServerMessage::Commission(&fill.commission));
        self.journal_fill(&fill);
        self.journal_order(perm_id);
    }

    /// Changes the order, the ledger and the book. Gives the client to tell.
    fn book_trade(
        &mut self,
        perm_id: PermId,
        quantity: Decimal,
        price: Decimal,
        now: Now,
    ) -> Option<i32> {
        let day = self.day(now);
        let exec_id = self.next_exec_id();
        let order = self.book.get(perm_id)?;
        let symbol = self.market.by_symbol(&order.symbol);
        let instrument = symbol.and_then(|symbol| self.market.get_mut(symbol))?;
        let venue = instrument.fill_venue();
        let (contract, currency) = (instrument.contract(venue), instrument.currency);

        let order = self.book.get_mut(perm_id)?;
        let first = order.filled.is_zero();
        order.filled += quantity;
        order.value = order.value.saturating_add(quantity.saturating_mul(price));
        order.last_price = price;
        let commission = ledger::commission(quantity, first);
        order.commission += commission;
        let client_id = order.key.client_id;
        let details = wire::ExecutionDetails {
            request_id: Some(-1),
            contract: Some(contract),
            execution: Some(execution(
                order,
                exec_id.clone(),
                venue,
                quantity,
                price,
                now,
            )),
        };
        let filled = order.filled;
        if let Some(echo) = &mut order.echo.order {
            echo.filled_quantity = Some(plain(filled));
        }
        let over = order.remaining() <= Decimal::ZERO;
        if over {
            let words = format!("Filled Size: {}", plain(filled));
            if let Some(symbol) = symbol {
                self.book.take_off(perm_id, symbol);
            }
            let order = self.book.get_mut(perm_id)?;
            order.end(Phase::Filled, now.stamp(), words, day);
            self.book.finish(perm_id, symbol);
        } else if order.phase != Phase::PendingCancel {
            order.set_phase(Phase::Submitted);
        }

        let order = self.book.get(perm_id)?;
        let bought = if order.side == Side::Buy {
            quantity
        } else {
            -quantity
        };
        let realized = self
            .ledger
            .trade(order.account(), &order.symbol, bought, price);
        let commission = wire::CommissionReport {
            exec_id: Some(exec_id),
            commission: Some(double(commission)),
            currency: Some(currency.to_owned()),
            realized_pnl: realized.map(|gain| double(gain.saturating_sub(commission))),
        };
        self.ledger.record(Fill {
            details,
            commission,
            day,
        });
        Some(client_id)
    }

    fn name_commission(&mut self, perm_id: PermId) {
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        if order.phase == Phase::Filled
            && let Some(state) = &mut order.echo.order_state
        {
            state.commission = Some(double(order.commission));
            state.commission_currency = Some("USD".to_owned());
        }
    }

    /// "00062f5c.8a1b2c3d.01.01": unique over restarts, and the part after the last dot counts corrections.
    fn next_exec_id(&mut self) -> String {
        self.exec_ids += 1;
        let number = self.base + self.exec_ids;
        format!("{:08x}.{:08x}.01.01", number >> 32, number & 0xffff_ffff)
    }
}

fn execution(
    order: &Order,
    exec_id: String,
    venue: &str,
    quantity: Decimal,
    price: Decimal,
    now: Now,
) -> wire::Execution {
    wire::Execution {
        order_id: Some(order.key.order_id),
        exec_id: Some(exec_id),
        time: Some(now.stamp()),
        account: Some(order.account().to_owned()),
        exchange: Some(venue.to_owned()),
        side: Some(
            if order.side == Side::Buy {
                "BOT"
            } else {
                "SLD"
            }
            .to_owned(),
        ),
        shares: Some(plain(quantity)),
        price: Some(double(price)),
        perm_id: Some(order.perm_id),
        client_id: Some(order.key.client_id),
        cum_qty: Some(plain(order.filled)),
        avg_price: Some(double(order.average_price())),
        order_ref: Some(order.order_ref().to_owned()).filter(|text| !text.is_empty()),
        last_liquidity: Some(2),
        exercise_or_lapse: Some(-1),
    }
}
