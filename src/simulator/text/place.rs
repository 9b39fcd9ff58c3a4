//! placeOrder as text: some hundred and twenty fields, of which the simulator needs few and has to pass over the others.

use super::super::wire;
use super::reader::{ReadError, Reader};
use super::requests::contract;

pub(super) fn place_order(
    mut fields: Reader<'_>,
    version: i32,
) -> Result<wire::PlaceOrder, ReadError> {
    let order_id = fields.int()?;
    let contract = contract(&mut fields)?;
    fields.skip(2)?; // security id and its type
    let is_combination = contract.sec_type.as_deref() == Some("BAG");
    let mut order = wire::Order {
        action: fields.text()?,
        total_quantity: fields.text()?,
        order_type: fields.text()?,
        lmt_price: fields.double()?,
        aux_price: fields.double()?,
        // Empty is not absent: see the switch for it.
        tif: Some(fields.field()?.to_owned()),
        oca_group: fields.text()?,
        account: fields.text()?,
        ..wire::Order::default()
    };
    fields.skip(1)?; // open or close
    order.origin = fields.int()?;
    order.order_ref = fields.text()?;
    order.transmit = Some(fields.flag()?);
    order.parent_id = fields.int()?.filter(|parent| *parent != 0);
    fields.skip(2)?; // block order, sweep to fill
    order.display_size = fields.int()?.filter(|size| *size != 0);
    order.trigger_method = fields.int()?;
    order.outside_rth = Some(fields.flag()?);
    fields.skip(1)?; // hidden
    if is_combination {
        fields.skip_list(8)?; // legs
        fields.skip_list(1)?; // their prices
        fields.skip_list(2)?; // routing parameters
    }
    fields.skip(2)?; // shares allocation, discretionary amount
    order.good_after_time = fields.text()?;
    order.good_till_date = fields.text()?;
    // An adviser's group, method, percentage, profile; then the model.
    fields.skip(if version < 177 { 5 } else { 4 })?;
    order.short_sale_slot = fields.int()?;
    fields.skip(1)?; // designated location
    order.exempt_code = fields.int()?;
    order.oca_type = fields.int()?.filter(|kind| *kind != 0);
    // From rule 80A to the auction strategy, prices of auctions, the override, volatility and its type.
    fields.skip(17)?;
    let hedge = fields.text()?;
    fields.skip(1)?; // its price
    if hedge.is_some() {
        fields.skip(8)?;
    }
    fields.skip(2)?; // continuous update, reference price type
    order.trail_stop_price = fields.double()?;
    order.trailing_percent = fields.double()?;
    fields.skip(2)?; // scale sizes
    if fields.double()?.is_some_and(|increment| increment > 0.0) {
        fields.skip(7)?; // the other numbers of a scale
    }
    fields.skip(3)?; // scale table, active from and until
    if fields.text()?.is_some() {
        fields.skip(1)?; // the hedge's parameter
    }
    fields.skip(2)?; // smart routing, clearing account
    order.clearing_intent = fields.text()?;
    fields.skip(1)?; // not held
    if fields.flag()? {
        fields.skip(3)?; // delta neutral contract
    }
    order.algo_strategy = fields.text()?;
    if order.algo_strategy.is_some() {
        fields.skip_list(2)?; // its parameters
    }
    fields.skip(1)?; // id of an algorithm
    order.what_if = Some(fields.flag()?).filter(|what_if| *what_if);
    fields.skip(4)?; // options, solicited, size and price at random
    let benchmark = order.order_type.as_deref() == Some("PEG BENCH");
    if benchmark {
        fields.skip(5)?;
    }
    if fields.count()? == 0 {
        fields.skip(2)?; // what a stop is adjusted to, and at which price
        order.lmt_price_offset = fields.double()?;
    }
    Ok(wire::PlaceOrder {
        order_id,
        contract: Some(contract),
        order: Some(order),
    })
}
