//! The order as TWS shows it to the client that placed it.

use rust_decimal::Decimal;

use super::super::ledger;
use super::super::message::ServerMessage;
use super::super::order::{PermId, Price, double, plain};
use super::super::wire;
use super::Exchange;
use super::place::{Checked, Refusal, refuse_what_if};

impl Exchange {
    /// The answer to a what-if: margins and commission in the state, and no order.
    pub(super) fn what_if(&mut self, checked: &Checked) -> Result<(), Refusal> {
        if !checked.transmit {
            return Err(refuse_what_if());
        }
        let Some(instrument) = self.market.get(checked.symbol) else {
            return Ok(());
        };
        let price = match checked.price {
            Price::Limit(price) => price,
            Price::Market => instrument.ask(),
        };
        let margin =
            double(price.checked_mul(checked.quantity).unwrap_or_default() / Decimal::from(4));
        let answer = wire::OpenOrder {
            order_id: Some(checked.key.order_id),
            contract: Some(instrument.contract(&checked.exchange)),
            order: Some(wire::Order {
                what_if: Some(true),
                ..echo(checked, 0, Decimal::ZERO)
            }),
            order_state: Some(wire::OrderState {
                status: Some("PreSubmitted".to_owned()),
                init_margin_before: Some(0.0),
                init_margin_change: Some(margin),
                init_margin_after: Some(margin),
                commission: Some(double(ledger::commission(checked.quantity, true))),
                commission_currency: Some(instrument.currency.to_owned()),
                ..wire::OrderState::default()
            }),
        };
        self.sessions
            .report(checked.key.client_id, ServerMessage::OpenOrder(&answer));
        Ok(())
    }
}

/// The order as openOrder shows it: what the client said, without `transmit`, and what TWS adds.
pub(super) fn echo(checked: &Checked, perm_id: PermId, filled: Decimal) -> wire::Order {
    let asked = &checked.order;
    let limit = match checked.price {
        Price::Limit(price) => double(price),
        Price::Market => 0.0,
    };
    let is_limit = matches!(checked.price, Price::Limit(_));
    wire::Order {
        client_id: Some(checked.key.client_id),
        order_id: Some(checked.key.order_id),
        perm_id: Some(perm_id),
        parent_id: Some(0),
        action: asked.action.clone(),
        total_quantity: Some(plain(checked.quantity)),
        display_size: None,
        order_type: asked.order_type.clone(),
        lmt_price: Some(limit),
        aux_price: Some(0.0),
        tif: asked.tif.clone(),
        account: Some(checked.account.clone()),
        clearing_intent: Some("IB".to_owned()),
        outside_rth: asked.outside_rth.filter(|&outside| outside),
        trail_stop_price: is_limit.then_some(limit + 1.0),
        good_after_time: asked.good_after_time.clone(),
        good_till_date: asked.good_till_date.clone(),
        oca_group: asked.oca_group.clone(),
        order_ref: asked.order_ref.clone(),
        oca_type: Some(3),
        trigger_method: Some(0),
        volatility_type: Some(0),
        reference_price_type: Some(0),
        delta_neutral_order_type: Some("None".to_owned()),
        delta_neutral_short_sale_slot: Some(0),
        what_if: None,
        transmit: None,
        origin: Some(0),
        short_sale_slot: Some(0),
        exempt_code: Some(-1),
        adjusted_order_type: Some("None".to_owned()),
        adjustable_trailing_unit: Some(0),
        dont_use_auto_price_for_hedge: Some(true),
        filled_quantity: Some(plain(filled)),
        shareholder: Some("Not an insider or substantial shareholder".to_owned()),
        route_marketable_to_bbo: Some(0),
        use_price_mgmt_algo: Some(0),
        submitter: Some("simulator".to_owned()),
        seek_price_improvement: Some(0),
    }
}
