//! What becomes of an order that passed the checks: staged, sent, changed, refused for its value.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::config::Hours;
use super::super::order::{Order, PermId, Phase, Price, Side, Tif, plain};
use super::super::wire;
use super::echo::echo;
use super::place::{Checked, Refusal, refuse_again};
use super::{Exchange, Verdict};

impl Exchange {
    pub(super) fn place_new(&mut self, checked: Checked, now: Now) -> Result<(), Refusal> {
        if checked.what_if {
            return self.what_if(&checked);
        }
        self.use_id(checked.key);
        let transmit = checked.transmit;
        let perm_id = self.enter(checked, now);
        if transmit {
            self.transmit(perm_id, now);
        }
        self.journal_order(perm_id);
        Ok(())
    }

    /// The id is known: a staged order is replaced or transmitted, a working one modified, a finished one refused.
    pub(super) fn place_again(
        &mut self,
        perm_id: PermId,
        checked: Checked,
        now: Now,
    ) -> Result<(), Refusal> {
        let Some(order) = self.book.get(perm_id) else {
            return Ok(());
        };
        match order.phase {
            Phase::Filled => return Err(refuse_again(104, "Can't modify a filled order.")),
            Phase::Cancelled | Phase::Inactive | Phase::Discarded => {
                return Err(refuse_again(103, "Duplicate order id"));
            }
            Phase::PendingCancel => {
                let text = "Unable to modify this order as it is still being processed.";
                return Err(refuse_again(2102, text));
            }
            Phase::Staged => {
                let transmit = checked.transmit;
                self.rewrite(perm_id, &checked);
                if transmit {
                    self.transmit(perm_id, now);
                }
            }
            Phase::Queued | Phase::Withheld | Phase::PreSubmitted | Phase::Submitted => {
                let same = order.side == checked.side
                    && order.account() == checked.account
                    && self.market.by_symbol(&order.symbol) == Some(checked.symbol)
                    && checked.quantity > order.filled;
                if !same {
                    return Err(refuse_again(
                        105,
                        "Order being modified does not match original order.",
                    ));
                }
                // Untransmitted, the change waits in TWS as a staged order does, and nothing shows it.
                if checked.transmit {
                    self.modify(perm_id, &checked, now);
                }
            }
        }
        self.journal_order(perm_id);
        Ok(())
    }

    fn modify(&mut self, perm_id: PermId, checked: &Checked, now: Now) {
        self.book.take_off(perm_id, checked.symbol);
        self.rewrite(perm_id, checked);
        let phase = self.book.get(perm_id).map(|order| order.phase);
        match phase {
            Some(Phase::PreSubmitted | Phase::Submitted) => self.report_pair_again(perm_id),
            Some(Phase::Withheld) => {}
            _ => return,
        }
        if phase != Some(Phase::PreSubmitted) {
            self.book.rest(perm_id, checked.symbol);
        }
        if self.is_automatic() && phase == Some(Phase::Submitted) {
            self.match_order(perm_id, now);
        }
    }

    /// Puts an order into the book without a word.
    fn enter(&mut self, checked: Checked, _now: Now) -> PermId {
        self.perm_ids += 1;
        let perm_id = self.base + self.perm_ids;
        let symbol = self.market.get(checked.symbol);
        let order = Order {
            key: checked.key,
            perm_id,
            echo: wire::OpenOrder::default(),
            symbol: symbol
                .map(|instrument| instrument.symbol.clone())
                .unwrap_or_default(),
            side: checked.side,
            price: checked.price,
            quantity: checked.quantity,
            filled: Decimal::ZERO,
            value: Decimal::ZERO,
            last_price: Decimal::ZERO,
            commission: Decimal::ZERO,
            tif: checked.tif,
            outside_rth: false,
            phase: Phase::Staged,
            why_held: None,
            ended_day: 0,
            manual: false,
        };
        self.book.insert(order);
        self.rewrite(perm_id, &checked);
        perm_id
    }

    /// Brings an order and its echo to what a request says.
    fn rewrite(&mut self, perm_id: PermId, checked: &Checked) {
        let contract = self
            .market
            .get(checked.symbol)
            .map(|instrument| instrument.contract(&checked.exchange));
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        order.price = checked.price;
        order.quantity = checked.quantity;
        order.tif = checked.tif;
        order.outside_rth = checked.order.outside_rth.unwrap_or(false);
        order.echo = wire::OpenOrder {
            order_id: Some(checked.key.order_id),
            contract,
            order: Some(echo(checked, perm_id, order.filled)),
            order_state: Some(wire::OrderState {
                status: Some(order.phase.word().to_owned()),
                ..wire::OrderState::default()
            }),
        };
    }

    /// Sends an order to the exchange, or as far as it gets.
    fn transmit(&mut self, perm_id: PermId, now: Now) {
        if let Some(verdict) = self.verdicts.pop_front() {
            self.apply_verdict(perm_id, verdict, now);
            return;
        }
        if self.conditions.ib_lost {
            self.set_phase(perm_id, Phase::Queued);
            return;
        }
        if let Some(text) = self.beyond_buying_power(perm_id) {
            self.reject(perm_id, 201, &text, true, now);
            return;
        }
        if self.conditions.hold_acknowledgements {
            self.set_phase(perm_id, Phase::Withheld);
            self.rest_in_book(perm_id);
            return;
        }
        self.acknowledge(perm_id, now);
    }

    /// The exchange has it: reports, then trade.
    pub(super) fn acknowledge(&mut self, perm_id: PermId, now: Now) {
        self.log.accepted_total += 1;
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let symbol = self.market.by_symbol(&order.symbol);
        if self.is_automatic()
            && order.tif == Tif::Fok
            && !self.waits_for_open(order)
            && !self.fills_at_once(order)
        {
            let text = "Order rejected - reason:The order cannot be filled in full at once.";
            self.reject(perm_id, 201, text, true, now);
            self.report_pair(perm_id);
            return;
        }
        if self.waits_for_open(order) {
            self.set_phase(perm_id, Phase::PreSubmitted);
            self.report_pair(perm_id);
            self.warn_closed(perm_id, now);
            self.report_pair(perm_id);
            self.report_pair_again(perm_id);
        } else {
            if self.switches.double_acknowledgement {
                self.set_phase(perm_id, Phase::PreSubmitted);
                self.report_pair(perm_id);
            }
            self.go_live(perm_id, now);
        }
        if let (true, Some(symbol)) = (self.is_automatic(), symbol) {
            self.market.step(symbol);
            self.journal_walk(symbol);
            self.sweep(symbol, now);
        }
    }

    /// The order works: it is Submitted, it can fill, and if it may not wait it ends.
    pub(super) fn go_live(&mut self, perm_id: PermId, now: Now) {
        self.set_phase(perm_id, Phase::Submitted);
        self.report_pair_again(perm_id);
        if !self.is_automatic() {
            self.rest_in_book(perm_id);
            return;
        }
        self.match_order(perm_id, now);
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        match order.tif {
            Tif::Ioc | Tif::Fok => {
                self.set_phase(perm_id, Phase::PendingCancel);
                self.report_pair(perm_id);
                self.confirm_cancel(perm_id, "Cancelled by System:", now);
            }
            Tif::Day | Tif::Gtc | Tif::Opg => self.rest_in_book(perm_id),
        }
    }

    pub(super) fn rest_in_book(&mut self, perm_id: PermId) {
        let symbol = self
            .book
            .get(perm_id)
            .and_then(|order| self.market.by_symbol(&order.symbol));
        if let Some(symbol) = symbol {
            self.book.rest(perm_id, symbol);
        }
    }

    pub(super) fn set_phase(&mut self, perm_id: PermId, phase: Phase) {
        if let Some(order) = self.book.get_mut(perm_id) {
            order.set_phase(phase);
        }
    }

    /// Outside the hours, and an order for the next opening always.
    pub(super) fn waits_for_open(&self, order: &Order) -> bool {
        let extended = order.outside_rth && matches!(order.price, Price::Limit(_));
        order.tif == Tif::Opg || (self.conditions.hours == Hours::Closed && !extended)
    }

    /// An error that ends an order; with `inactive` its status comes first.
    pub(super) fn reject(
        &mut self,
        perm_id: PermId,
        code: i32,
        text: &str,
        inactive: bool,
        now: Now,
    ) {
        let stamp = now.stamp();
        let day = self.day(now);
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        let key = order.key;
        let symbol = self.market.by_symbol(&order.symbol);
        if let Some(symbol) = symbol {
            self.book.take_off(perm_id, symbol);
        }
        if let Some(order) = self.book.get_mut(perm_id) {
            order.end(
                Phase::Inactive,
                stamp,
                text.trim_start_matches("Order rejected - reason:")
                    .to_owned(),
                day,
            );
        }
        self.book.finish(perm_id, symbol);
        if inactive {
            self.report_pair(perm_id);
        }
        self.order_error(key.client_id, key.order_id, code, text, now);
        self.journal_order(perm_id);
    }

    fn apply_verdict(&mut self, perm_id: PermId, verdict: Verdict, now: Now) {
        match verdict {
            Verdict::Reject {
                code,
                text,
                inactive,
            } => self.reject(perm_id, code, &text, inactive, now),
            Verdict::Locate => {
                self.set_phase(perm_id, Phase::PreSubmitted);
                if let Some(order) = self.book.get_mut(perm_id) {
                    order.why_held = Some("locate".to_owned());
                }
                self.report_pair(perm_id);
                if let Some(key) = self.book.get(perm_id).map(|order| order.key) {
                    let text = "Order held while securities are located.";
                    self.order_error(key.client_id, key.order_id, 404, text, now);
                }
            }
        }
    }

    fn warn_closed(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let action = if order.side == Side::Buy {
            "BUY"
        } else {
            "SELL"
        };
        let class = order
            .echo
            .contract
            .as_ref()
            .and_then(|contract| contract.trading_class.clone());
        let text = format!(
            "Order Message:\n{action} {} {} NASDAQ.{}\nWarning: Your order will not be placed at the exchange until {}.",
            plain(order.quantity),
            order.symbol,
            class.unwrap_or_default(),
            now.next_open()
        );
        let key = order.key;
        self.order_error(key.client_id, key.order_id, 399, &text, now);
    }

    fn beyond_buying_power(&self, perm_id: PermId) -> Option<String> {
        let limit = self.config.buying_power?;
        let order = self.book.get(perm_id)?;
        let instrument = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol))?;
        let price = match order.price {
            Price::Limit(price) => price,
            Price::Market => instrument.ask(),
        };
        let value = price.checked_mul(order.quantity).unwrap_or(Decimal::MAX);
        (value > limit).then(|| {
            format!(
                "Order rejected - reason:The order's value of {} {} exceeds the account's buying power of {}.",
                plain(value),
                instrument.currency,
                plain(limit)
            )
        })
    }
}
