//! Terms follow TWS: what an order is, TWS's own echo says, whoever changed it.

use crate::domain::{Amount, OrderTerms, OrderType, Pricing, ReportedTerms, TimeInForce};

/// Takes over what TWS shows of the terms that it may change. Says whether anything differs.
///
/// Followed are quantity, time in force, order type and the prices of that type; never the account, the orderRef, whether it fills
/// outside regular hours, its parent or its OCA group, which the gateway instructed and TWS echoes in other forms.
pub(crate) fn follow(terms: &mut OrderTerms, shown: &ReportedTerms) -> bool {
    let ReportedTerms {
        action: _, // another side would make it another order
        order_type,
        quantity,
        limit_price,
        aux_price: _,
        trail_stop_price: _,
        trailing_percent: _,
        limit_offset: _,
        tif,
        parent_order_id: _,
        oca_group: _,
    } = shown;
    let mut changed = false;
    // A total of 0 in an echo is no quantity: TWS shows it for orders whose size depends on others.
    if let Some(quantity) = quantity.filter(|quantity| quantity.is_positive())
        && quantity != terms.quantity
    {
        terms.quantity = quantity;
        changed = true;
    }
    if let Some(tif) = tif
        .as_deref()
        .and_then(|tif| tif.parse::<TimeInForce>().ok())
        && tif != terms.tif
    {
        terms.tif = tif;
        changed = true;
    }
    if let Some(pricing) = order_type
        .as_deref()
        .and_then(|word| pricing(word, *limit_price, terms.pricing))
        && pricing != terms.pricing
    {
        terms.pricing = pricing;
        changed = true;
    }
    changed
}

/// How TWS shows the order priced; `None` where its prices are missing, which says nothing.
fn pricing(word: &str, limit_price: Option<Amount>, known: Pricing) -> Option<Pricing> {
    let limit = limit_price
        .filter(|limit| limit.is_positive())
        .or(known.limit_price());
    match OrderType::from_tws(word) {
        OrderType::Market => Some(Pricing::Market),
        OrderType::Limit => limit.map(|limit| Pricing::Limit { limit }),
        OrderType::Other => Some(Pricing::Other),
    }
}
