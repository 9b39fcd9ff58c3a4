//! Terms follow TWS: what an order is, TWS's own echo says, whoever changed it.

use crate::domain::{
    Amount, OrderTerms, OrderType, PriceFields, Pricing, ReportedTerms, TimeInForce, Trail,
};

/// Takes over what TWS shows of the terms that it may change. Says whether anything differs.
///
/// Followed are quantity, time in force, order type and the prices of that type; never the account, the orderRef, whether it fills
/// outside regular hours, its parent or its OCA group, which the gateway instructed and TWS echoes in other forms.
pub(crate) fn follow(terms: &mut OrderTerms, shown: &ReportedTerms) -> bool {
    let ReportedTerms {
        action: _, // another side would make it another order
        order_type,
        quantity,
        limit_price: _, // in `priced`, with the others
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
        .and_then(|word| priced(OrderType::from_tws(word), shown, terms.pricing))
        && pricing != terms.pricing
    {
        terms.pricing = pricing;
        changed = true;
    }
    changed
}

/// How TWS shows the order priced; `None` where its prices are missing, which says nothing.
///
/// TWS fills in prices that a type does not use, so each type reads its own. A limit that TWS makes from a stop that trails is none of the
/// terms, and neither is where that stop stands now.
fn priced(order_type: OrderType, shown: &ReportedTerms, known: Pricing) -> Option<Pricing> {
    let known = PriceFields::from(known);
    let positive = |price: Option<Amount>| price.filter(|price| price.is_positive());
    let limit = positive(shown.limit_price).or(known.limit_price);
    // The stop of one that trails is in another field, and is where it stood at first.
    let stop_known = match known.order_type {
        OrderType::Stop | OrderType::StopLimit => known.stop_price,
        OrderType::Market
        | OrderType::Limit
        | OrderType::Trail
        | OrderType::TrailLimit
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => None,
    };
    let stop = positive(shown.aux_price).or(stop_known);
    match order_type {
        OrderType::Market => Some(Pricing::Market),
        OrderType::MarketOnClose => Some(Pricing::MarketOnClose),
        OrderType::Limit => Some(Pricing::Limit { limit: limit? }),
        OrderType::LimitOnClose => Some(Pricing::LimitOnClose { limit: limit? }),
        OrderType::Stop => Some(Pricing::Stop { stop: stop? }),
        OrderType::StopLimit => Some(Pricing::StopLimit {
            stop: stop?,
            limit: limit?,
        }),
        OrderType::Trail => Some(Pricing::Trail {
            trail: trail(shown, known)?,
            first_stop: first_stop(known),
        }),
        OrderType::TrailLimit => Some(Pricing::TrailLimit {
            trail: trail(shown, known)?,
            first_stop: first_stop(known).or(positive(shown.trail_stop_price))?,
            offset: positive(shown.limit_offset).or(known.limit_offset)?,
        }),
        OrderType::Other => Some(Pricing::Other),
    }
}

/// By how much a stop trails: TWS shows an amount of 0 beside a percentage.
fn trail(shown: &ReportedTerms, known: PriceFields) -> Option<Trail> {
    let positive = |price: Option<Amount>| price.filter(|price| price.is_positive());
    match (positive(shown.trailing_percent), positive(shown.aux_price)) {
        (Some(percent), _) => Some(Trail::Percent(percent)),
        (None, Some(amount)) => Some(Trail::Amount(amount)),
        (None, None) => match (known.trail_amount, known.trail_percent) {
            (Some(amount), _) => Some(Trail::Amount(amount)),
            (None, Some(percent)) => Some(Trail::Percent(percent)),
            (None, None) => None,
        },
    }
}

/// Where a stop that trails stood at first.
fn first_stop(known: PriceFields) -> Option<Amount> {
    match known.order_type {
        OrderType::Trail | OrderType::TrailLimit => known.stop_price,
        OrderType::Market
        | OrderType::Limit
        | OrderType::Stop
        | OrderType::StopLimit
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => None,
    }
}

/// Where TWS shows the stop of an order that trails; `None` for any other, where the same field means nothing.
pub(super) fn shown_trail_stop(pricing: Pricing, shown: &ReportedTerms) -> Option<Amount> {
    shown
        .trail_stop_price
        .filter(|stop| pricing.trails() && stop.is_positive())
}
