//! The order as TWS shows it to the client that placed it.

use super::super::clock::Now;
use super::super::order::{Order, Tif, echo_prices, plain};
use super::super::wire;
use super::place::CheckedOrder;

/// The order as openOrder shows it: what the client said, without `transmit`, and what TWS adds.
pub(super) fn echo(checked: &CheckedOrder, order: &Order, now: Now) -> wire::Order {
    let asked = &checked.order;
    let mut echo = wire::Order {
        client_id: Some(order.key.client_id),
        order_id: Some(order.key.order_id),
        perm_id: Some(order.perm_id),
        parent_id: Some(checked.parent_id),
        action: asked.action.clone(),
        total_quantity: Some(plain(order.shown_quantity)),
        tif: asked.tif.clone(),
        account: Some(checked.account.clone()),
        clearing_intent: Some("IB".to_owned()),
        outside_rth: asked.outside_rth.filter(|&outside| outside),
        good_after_time: asked.good_after_time.clone(),
        good_till_date: asked.good_till_date.clone(),
        oca_group: order.oca.as_ref().map(|(group, _)| group.name.clone()),
        order_ref: asked.order_ref.clone(),
        // Every order shows type 3, also without a group.
        oca_type: Some(order.oca.as_ref().map_or(3, |(_, kind)| kind.number())),
        trigger_method: Some(0),
        volatility_type: Some(0),
        reference_price_type: Some(0),
        delta_neutral_order_type: Some("None".to_owned()),
        delta_neutral_short_sale_slot: Some(0),
        origin: Some(0),
        short_sale_slot: Some(0),
        exempt_code: Some(-1),
        adjusted_order_type: Some("None".to_owned()),
        adjustable_trailing_unit: Some(0),
        dont_use_auto_price_for_hedge: Some(true),
        auto_cancel_date: (checked.tif == Tif::Gtc).then(|| now.end_of_next_quarter()),
        filled_quantity: Some(plain(order.filled)),
        shareholder: Some("Not an insider or substantial shareholder".to_owned()),
        route_marketable_to_bbo: Some(0),
        parent_perm_id: order.parent,
        use_price_mgmt_algo: Some(0),
        include_overnight: asked.include_overnight.filter(|&overnight| overnight),
        submitter: Some("simulator".to_owned()),
        seek_price_improvement: Some(0),
        ..wire::Order::default()
    };
    echo_prices(&mut echo, &checked.pricing, order.side);
    echo
}
