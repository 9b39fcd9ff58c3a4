//! An order as `ibapi` wants it.

use ibapi::contracts::Contract;
use ibapi::orders::{
    Action as IbAction, OcaType as IbOcaType, Order, TimeInForce as IbTimeInForce,
};
use serde::Serialize;
use serde_json::Value;

use super::requests::date_and_time;
use crate::domain::{
    Action, Amount, Oca, OcaType, OrderPayload, OrderTerms, OrderTicket, PriceFields, Pricing,
    SecType, TimeInForce,
};

/// The IB contract and order as they are constructed for a ticket, every field, in `ibapi`'s own serialisation. Needs no connection.
pub fn payload(ticket: &OrderTicket) -> OrderPayload {
    OrderPayload {
        contract: json(contract(ticket)),
        order: json(order(ticket)),
    }
}

/// The same without the fields that stand at `ibapi`'s default in every order of ours, and those that few of ours set where this one does
/// not. They are ten times as many, and would cost an answer to Place more than all the rest of it.
pub fn payload_in_short(ticket: &OrderTicket) -> OrderPayload {
    let Contract {
        symbol,
        security_type,
        exchange,
        currency,
        primary_exchange,
        ..
    } = contract(ticket);
    let Order {
        order_id,
        action,
        total_quantity,
        order_type,
        limit_price,
        tif,
        order_ref,
        transmit,
        outside_rth,
        account,
        aux_price,
        trail_stop_price,
        trailing_percent,
        limit_price_offset,
        good_till_date,
        oca_group,
        oca_type,
        parent_id,
        ..
    } = order(ticket);
    let mut order = vec![
        ("account", account.into()),
        ("action", json(action)),
        ("limit_price", json(limit_price)),
        ("order_id", order_id.into()),
        ("order_ref", order_ref.into()),
        ("order_type", order_type.into()),
        ("outside_rth", outside_rth.into()),
        ("tif", json(tif)),
        ("total_quantity", json(total_quantity)),
        ("transmit", transmit.into()),
    ];
    for (name, price) in [
        ("aux_price", aux_price),
        ("trail_stop_price", trail_stop_price),
        ("trailing_percent", trailing_percent),
        ("limit_price_offset", limit_price_offset),
    ] {
        order.extend(price.map(|price| (name, json(price))));
    }
    if parent_id != 0 {
        order.push(("parent_id", parent_id.into()));
    }
    if !good_till_date.is_empty() {
        order.push(("good_till_date", good_till_date.into()));
    }
    if !oca_group.is_empty() {
        order.push(("oca_group", oca_group.into()));
        order.push(("oca_type", json(oca_type)));
    }
    let object = |fields: Vec<(&str, Value)>| {
        Value::Object(fields.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
    };
    OrderPayload {
        contract: object(vec![
            ("currency", json(currency)),
            ("exchange", json(exchange)),
            ("primary_exchange", json(primary_exchange)),
            ("security_type", json(security_type)),
            ("symbol", json(symbol)),
        ]),
        order: object(order),
    }
}

fn json(value: impl Serialize) -> Value {
    // Plain data with text keys, for which serialisation has no way to fail.
    let mut value = serde_json::to_value(value).unwrap_or(Value::Null);
    whole_numbers(&mut value);
    value
}

/// A double that is a whole number, written as one: that is how it reads after a trip through a protobuf `Struct`, and how every
/// other number of ours is written.
fn whole_numbers(value: &mut Value) {
    /// Below it every whole double is exact as an integer (2^53).
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => {
            if let Some(double) = number.as_f64()
                && double.fract() == 0.0
                && double.abs() < EXACT
            {
                *value = Value::from(double as i64);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(whole_numbers),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// What is traded.
pub(super) fn contract(ticket: &OrderTicket) -> Contract {
    let traded = ticket.terms.contract.as_ref();
    let SecType::Stock = traded.sec_type;
    let stock = Contract::stock(traded.symbol.as_str())
        .on_exchange(traded.exchange.as_str())
        .in_currency(traded.currency.as_str());
    match &traded.primary_exch {
        Some(exchange) => stock.primary(exchange.as_str()).build(),
        None => stock.build(),
    }
}

/// How it is traded.
pub(super) fn order(ticket: &OrderTicket) -> Order {
    let OrderTicket {
        order_id,
        terms,
        transmit,
        order_ref,
        account,
        parent_order_id,
    } = ticket;
    let OrderTerms {
        contract: _,
        action,
        pricing,
        quantity,
        tif,
        good_till,
        outside_rth,
        oca,
        reference_price: _, // TWS is not told
    } = terms;
    let order_type = match pricing {
        Pricing::Market => "MKT",
        Pricing::Limit { .. } => "LMT",
        Pricing::Stop { .. } => "STP",
        Pricing::StopLimit { .. } => "STP LMT",
        Pricing::Trail { .. } => "TRAIL",
        Pricing::TrailLimit { .. } => "TRAIL LIMIT",
        Pricing::MarketOnClose => "MOC",
        Pricing::LimitOnClose { .. } => "LOC",
        // Only shown: no order of this type is sent, and TWS would refuse the word.
        Pricing::Other => "OTHER",
    };
    let PriceFields {
        order_type: _, // above, in TWS's words
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
    } = (*pricing).into();
    // A stop that trails has its distance where another has its price.
    let (aux_price, trail_stop_price) = if pricing.trails() {
        (trail_amount, stop_price)
    } else {
        (stop_price, None)
    };
    Order {
        order_id: *order_id,
        action: match action {
            Action::Buy => IbAction::Buy,
            Action::Sell => IbAction::Sell,
        },
        total_quantity: quantity.to_f64(),
        order_type: order_type.to_owned(),
        limit_price: limit_price.map(Amount::to_f64),
        aux_price: aux_price.map(Amount::to_f64),
        trail_stop_price: trail_stop_price.map(Amount::to_f64),
        trailing_percent: trail_percent.map(Amount::to_f64),
        limit_price_offset: limit_offset.map(Amount::to_f64),
        good_till_date: good_till
            .filter(|_| *tif == TimeInForce::GoodTillDate)
            .and_then(date_and_time)
            .unwrap_or_default(),
        oca_group: oca
            .as_ref()
            .map_or_else(String::new, |Oca { group, .. }| group.clone()),
        oca_type: oca
            .as_ref()
            .map_or(IbOcaType::None, |Oca { kind, .. }| match kind {
                OcaType::CancelWithBlock => IbOcaType::CancelWithBlock,
                OcaType::ReduceWithBlock => IbOcaType::ReduceWithBlock,
                OcaType::ReduceNonBlock => IbOcaType::ReduceWithoutBlock,
            }),
        tif: match tif {
            TimeInForce::Day => IbTimeInForce::Day,
            TimeInForce::GoodTillCancelled => IbTimeInForce::GoodTillCanceled,
            TimeInForce::ImmediateOrCancel => IbTimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill => IbTimeInForce::FillOrKill,
            TimeInForce::OnOpen => IbTimeInForce::OnOpen,
            TimeInForce::GoodTillDate => IbTimeInForce::GoodTillDate,
        },
        order_ref: order_ref.clone(),
        transmit: *transmit,
        outside_rth: *outside_rth,
        account: account.clone(),
        parent_id: parent_order_id.unwrap_or_default(),
        ..Order::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::Contract;

    fn ticket() -> OrderTicket {
        OrderTicket {
            order_id: 42,
            terms: OrderTerms {
                contract: Arc::new(Contract {
                    symbol: "IBM".to_owned(),
                    sec_type: SecType::Stock,
                    exchange: "SMART".to_owned(),
                    currency: "EUR".to_owned(),
                    primary_exch: Some("NYSE".to_owned()),
                }),
                action: Action::Sell,
                pricing: Pricing::Limit {
                    limit: Amount::new(Decimal::new(1005, 1)),
                },
                quantity: Amount::from(3),
                tif: TimeInForce::GoodTillCancelled,
                good_till: None,
                outside_rth: true,
                oca: None,
                reference_price: None,
            },
            transmit: false,
            order_ref: "ref".to_owned(),
            account: "DU1".to_owned(),
            parent_order_id: None,
        }
    }

    /// The fields of `whole` that `short` has, and those that it leaves out.
    fn split(whole: Value, short: &Value) -> (Value, Value) {
        let Value::Object(whole) = whole else {
            panic!("{whole} is no object")
        };
        let (kept, left): (Vec<_>, Vec<_>) = whole
            .into_iter()
            .partition(|(key, _)| short.get(key).is_some());
        (
            Value::Object(kept.into_iter().collect()),
            Value::Object(left.into_iter().collect()),
        )
    }

    #[test]
    fn in_short_it_is_the_whole_without_what_no_order_of_ours_sets() {
        let another = OrderTicket {
            order_id: 43,
            terms: OrderTerms {
                contract: Arc::new(Contract {
                    symbol: "AAPL".to_owned(),
                    sec_type: SecType::Stock,
                    exchange: "NYSE".to_owned(),
                    currency: "USD".to_owned(),
                    primary_exch: None,
                }),
                action: Action::Buy,
                pricing: Pricing::Market,
                quantity: Amount::from(7),
                tif: TimeInForce::OnOpen,
                good_till: None,
                outside_rth: false,
                oca: None,
                reference_price: None,
            },
            transmit: true,
            order_ref: String::new(),
            account: String::new(),
            parent_order_id: None,
        };
        let (short, other) = (payload_in_short(&ticket()), payload_in_short(&another));
        let (whole, other_whole) = (payload(&ticket()), payload(&another));
        for (whole, other_whole, short, other) in [
            (
                whole.contract,
                other_whole.contract,
                short.contract,
                other.contract,
            ),
            (whole.order, other_whole.order, short.order, other.order),
        ] {
            let (kept, left) = split(whole, &short);
            let (other_kept, other_left) = split(other_whole, &other);
            assert_eq!(kept, short);
            assert_eq!(other_kept, other);
            assert_eq!(left, other_left, "a field that differs is left out");
        }
    }
}
