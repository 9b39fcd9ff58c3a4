//! Previews: what an order would cost and bind, with nothing placed.

use rust_decimal::Decimal;

use super::super::super::clock::Now;
use super::super::super::ledger;
use super::super::super::message::ServerMessage;
use super::super::super::order::{Order, OrderKey, PermId, Phase, Pricing, Side, double};
use super::super::super::switches::{WhatIfCancel, WhatIfCommission, WhatIfFrames, WhatIfId};
use super::super::super::wire;
use super::super::Exchange;
use super::super::echo::echo;
use super::Refusal;
use super::check::{CheckedOrder, refusal};

/// Previews whose ids are remembered.
const PREVIEWS_MAX: usize = 1000;
/// What TWS made of a preview of stocks, whatever type was asked for.
const MARGIN_REQUIREMENTS: i32 = 1;

impl Exchange {
    /// Margins and commission in the state of an openOrder: no order, no status.
    pub(super) fn what_if(
        &mut self,
        checked: &CheckedOrder,
        known: Option<PermId>,
        now: Now,
    ) -> Result<(), Refusal> {
        if !checked.transmit {
            let text = "What-if order should have the transmit flag set to true.";
            return Err(refusal(413, text));
        }
        let ended = known.and_then(|perm_id| self.book.get(perm_id));
        let is_new = known.is_none() && checked.key.order_id >= self.next_id(checked.key.client_id);
        if !is_new && ended.is_none_or(|order| order.phase.is_over()) {
            return Err(refusal(103, "Duplicate order id"));
        }
        if is_new && self.switches.what_if_id == WhatIfId::Spent {
            self.use_id(checked.key);
        }
        self.previews.retain(|key| *key != checked.key);
        if self.previews.len() >= PREVIEWS_MAX {
            self.previews.pop_front();
        }
        self.previews.push_back(checked.key);
        let answer = self.preview(checked, now);
        if self.switches.what_if_frames == WhatIfFrames::WarningFirst {
            let warning = wire::OrderState {
                status: Some(Phase::PreSubmitted.word().to_owned()),
                warning_text: Some(
                    "Your order size may be constrained by the account's margin.".to_owned(),
                ),
                ..wire::OrderState::default()
            };
            let first = wire::OpenOrder {
                order_state: Some(warning),
                ..answer.clone()
            };
            self.sessions
                .report(checked.key.client_id, ServerMessage::OpenOrder(&first));
        }
        self.sessions
            .report(checked.key.client_id, ServerMessage::OpenOrder(&answer));
        Ok(())
    }

    fn preview(&mut self, checked: &CheckedOrder, now: Now) -> wire::OpenOrder {
        let perm_id = self.next_perm_id();
        let order = Order::new(
            checked.key,
            perm_id,
            checked.side,
            checked.pricing,
            checked.quantity,
        );
        let mut echoed = echo(checked, &order, now);
        echoed.what_if = Some(true);
        echoed.what_if_type = Some(MARGIN_REQUIREMENTS);
        if checked.pricing == Pricing::Market {
            // Echoed in the one capture of a preview, without a meaning for it.
            echoed.min_compete_size = Some(100);
            echoed.compete_against_best_offset = Some(0.02);
        }
        let instrument = self.market.get(checked.symbol);
        wire::OpenOrder {
            order_id: Some(checked.key.order_id),
            contract: instrument.map(|instrument| instrument.contract(&checked.exchange)),
            order: Some(echoed),
            order_state: Some(self.margins(checked)),
        }
    }

    /// Before, after and the difference of both as doubles, with the noise that a difference of doubles has.
    fn margins(&self, checked: &CheckedOrder) -> wire::OrderState {
        let Some(instrument) = self.market.get(checked.symbol) else {
            return wire::OrderState::default();
        };
        let price = checked
            .pricing
            .limit(checked.side)
            .unwrap_or_else(|| match checked.side {
                Side::Buy => instrument.ask(),
                Side::Sell => instrument.bid(),
            });
        let bought = checked.side.signed(checked.quantity);
        let fee = ledger::commission(checked.quantity, true);
        let before = self.margin(&checked.account, None);
        let after = self.margin(&checked.account, Some((&instrument.symbol, bought, price)));
        let equity = self.equity_with_loan(&checked.account);
        let equity_after = equity - self.in_base(instrument.currency, fee);
        let pair = |before: Decimal, after: Decimal| {
            let (before, after) = (double(before.round_dp(2)), double(after.round_dp(2)));
            (Some(before), Some(after - before), Some(after))
        };
        let (init_before, init_change, init_after) = pair(before.initial, after.initial);
        let (maint_before, maint_change, maint_after) = pair(before.maintenance, after.maintenance);
        let (equity_before, equity_change, equity_after) = pair(equity, equity_after);
        let fee = Some(double(fee));
        let (commission, min_commission, max_commission) = match self.switches.what_if_commission {
            WhatIfCommission::Amount => (fee, None, None),
            WhatIfCommission::Bounds => (None, fee, fee.map(|fee| fee + 1.0)),
            WhatIfCommission::Absent => (None, None, None),
        };
        let told = self.switches.what_if_commission != WhatIfCommission::Absent;
        wire::OrderState {
            status: Some(Phase::PreSubmitted.word().to_owned()),
            init_margin_before: init_before,
            maint_margin_before: maint_before,
            equity_with_loan_before: equity_before,
            init_margin_change: init_change,
            maint_margin_change: maint_change,
            equity_with_loan_change: equity_change,
            init_margin_after: init_after,
            maint_margin_after: maint_after,
            equity_with_loan_after: equity_after,
            commission,
            min_commission,
            max_commission,
            commission_currency: told.then(|| instrument.currency.to_owned()),
            margin_currency: Some(self.config.base_currency.word().to_owned()),
            ..wire::OrderState::default()
        }
    }

    /// A cancel of a preview, which IB asks for. True when the id was that of a preview.
    pub(in super::super) fn cancel_preview(&mut self, key: OrderKey, now: Now) -> bool {
        if !self.previews.contains(&key) {
            return false;
        }
        match self.switches.what_if_cancel {
            WhatIfCancel::NotFound => self.cancel_not_found(key, now),
            WhatIfCancel::NotCancellable => self.not_cancellable(key, self.base, now),
            WhatIfCancel::Silent => {}
        }
        true
    }
}
