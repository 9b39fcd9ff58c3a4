//! Trades: which orders fill, in what parts, and what is said about it.

use rust_decimal::Decimal;

use super::super::account::Trade;
use super::super::clock::Now;
use super::super::ledger::{self, Fill};
use super::super::market::{LEVELS_MAX, SymbolIndex};
use super::super::message::ServerMessage;
use super::super::order::{Order, PermId, Phase, Side, double, plain};
use super::super::switches::{ExecutionOrderId, Executions};
use super::super::wire;
use super::Exchange;
use super::portfolio::Around;

/// How a fill is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FillReport {
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
            self.trade(perm_id, quantity, price, FillReport::Usual, now);
        }
    }

    fn next_part(&self, perm_id: PermId, level: u32) -> Option<(Decimal, Decimal)> {
        let order = self.book.get(perm_id)?;
        if order.phase.is_over() || order.remaining().is_zero() {
            return None;
        }
        let instrument = self.market.get(self.market.by_symbol(&order.symbol)?)?;
        let price = instrument.level(order.side == Side::Buy, level);
        let reached = order.limit().is_none_or(|limit| match order.side {
            Side::Buy => price <= limit,
            Side::Sell => price >= limit,
        });
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
        let limit = order.limit();
        let levels = (0..LEVELS_MAX).take_while(|&level| {
            let price = instrument.level(buy, level);
            limit.is_none_or(|limit| if buy { price <= limit } else { price >= limit })
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
        self.move_stops(symbol, now);
        for perm_id in self.book.crossed(symbol, bid, ask) {
            // A child that its parent set free in silence still shows PreSubmitted.
            let works = |order: &&Order| {
                matches!(order.phase, Phase::Submitted | Phase::PreSubmitted) && !order.is_held()
            };
            let Some(order) = self.book.get(perm_id).filter(works) else {
                continue;
            };
            let price = order.limit().unwrap_or(match order.side {
                Side::Buy => ask,
                Side::Sell => bid,
            });
            let quantity = order.remaining().min(size);
            self.trade(perm_id, quantity, price, FillReport::Usual, now);
        }
    }

    /// One execution, what is said about it, and what it does to orders that belong to this one.
    pub(super) fn trade(
        &mut self,
        perm_id: PermId,
        quantity: Decimal,
        price: Decimal,
        report: FillReport,
        now: Now,
    ) {
        let Some(before) = self.book.get(perm_id).map(Order::remaining) else {
            return;
        };
        if quantity <= Decimal::ZERO {
            return;
        }
        let Some(mut fill) = self.book_trade(perm_id, quantity, price, now) else {
            return;
        };
        let held = self
            .book
            .get(perm_id)
            .map(|order| (order.account().to_owned(), order.symbol.clone()));
        let (account, symbol) = held.unwrap_or_default();
        self.position_news(&account, &symbol, Around::Before, now);
        if let Some(odd) = self.next_odd_fill {
            odd.spoil_execution(&mut fill.details);
        }
        let Some((client_id, over)) = self
            .book
            .get(perm_id)
            .map(|order| (order.key.client_id, order.phase == Phase::Filled))
        else {
            return;
        };
        let executions = self.switches.executions;
        if report == FillReport::StatusFirst {
            self.report_pair(perm_id);
        }
        if executions == Executions::Reported {
            self.sessions
                .report(client_id, ServerMessage::Execution(&fill.details));
        }
        if report == FillReport::Usual {
            self.report_pair(perm_id);
            if over && self.switches.second_filled_pair {
                self.name_commission(perm_id);
                self.report_pair(perm_id);
            }
        }
        self.name_commission(perm_id);
        if executions == Executions::Reported {
            self.sessions
                .report(client_id, ServerMessage::Commission(&fill.commission));
        }
        if executions != Executions::Missing {
            self.journal_fill(&fill);
            self.ledger.record(fill.clone());
            if self.happens(self.switches.execution_repeated, "execution-repeated") {
                self.repeat_fill(fill);
            }
        }
        self.position_news(&account, &symbol, Around::After, now);
        self.account_changed(&account, now);
        self.journal_order(perm_id);
        self.activate_children(perm_id, now);
        self.shrink_peers(perm_id, quantity, before, now);
    }

    /// The same shares under another execution id: what was counted is not more for it.
    pub(super) fn repeat_fill(&mut self, mut fill: Fill) {
        let exec_id = self.next_exec_id();
        let execution = fill.details.execution.get_or_insert_default();
        let client_id = execution.client_id.unwrap_or_default();
        execution.exec_id = Some(exec_id.clone());
        fill.commission.exec_id = Some(exec_id);
        self.sessions
            .report(client_id, ServerMessage::Execution(&fill.details));
        self.sessions
            .report(client_id, ServerMessage::Commission(&fill.commission));
        self.journal_fill(&fill);
        self.ledger.record(fill);
    }

    /// Changes the order, the account and the book.
    fn book_trade(
        &mut self,
        perm_id: PermId,
        quantity: Decimal,
        price: Decimal,
        now: Now,
    ) -> Option<Fill> {
        let day = self.day(now);
        let exec_id = self.next_exec_id();
        let order = self.book.get(perm_id)?;
        let symbol = self.market.by_symbol(&order.symbol);
        let instrument = symbol.and_then(|symbol| self.market.get_mut(symbol))?;
        let venue = instrument.fill_venue();
        let (contract, currency) = (instrument.contract(venue), instrument.currency);
        let is_cash = instrument.is_cash();

        let order_id = match self.switches.execution_order_id {
            ExecutionOrderId::Own => order.key.order_id,
            ExecutionOrderId::Zero => 0,
            ExecutionOrderId::Unset => i32::MAX,
        };
        let order = self.book.get_mut(perm_id)?;
        let first = order.filled.is_zero();
        order.filled += quantity;
        order.value = order.value.saturating_add(quantity.saturating_mul(price));
        order.last_price = price;
        let commission = ledger::commission(quantity, first);
        order.commission += commission;
        let details = wire::ExecutionDetails {
            request_id: Some(-1),
            contract: Some(contract),
            execution: Some(wire::Execution {
                order_id: Some(order_id),
                ..execution(order, exec_id.clone(), venue, quantity, price, now)
            }),
        };
        let filled = order.filled;
        if let Some(echo) = &mut order.echo.order {
            echo.filled_quantity = Some(plain(filled));
        }
        if order.remaining() <= Decimal::ZERO {
            self.end_filled(perm_id, now);
        } else if order.phase != Phase::PendingCancel && !order.is_held() {
            order.set_phase(Phase::Submitted);
        }

        let order = self.book.get(perm_id)?;
        let (account, symbol) = (order.account().to_owned(), order.symbol.clone());
        self.note_day_start(&account, now);
        let order = self.book.get(perm_id)?;
        let realized = self.ledger.account_mut(&account).trade(Trade {
            symbol: &symbol,
            currency,
            bought: order.side.signed(quantity),
            price,
            commission,
            is_cash,
            day,
        });
        self.journal_account(&account);
        Some(Fill {
            details,
            commission: wire::CommissionReport {
                exec_id: Some(exec_id),
                commission: Some(double(commission)),
                currency: Some(currency.to_owned()),
                realized_pnl: realized.map(double),
            },
            day,
            at: now.seconds(),
        })
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
        side: Some(order.side.execution_word().to_owned()),
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
