//! An order as `ibapi` wants it.

use ibapi::contracts::Contract;
use ibapi::orders::{Action as IbAction, Order, TimeInForce as IbTimeInForce};
use serde_json::Value;

use crate::domain::{Action, Amount, OrderPayload, OrderTicket, OrderType, SecType, TimeInForce};

/// The IB contract and order as they are constructed for a ticket, in `ibapi`'s own serialisation. Needs no connection.
pub fn payload(ticket: &OrderTicket) -> OrderPayload {
    // Both are plain data with text keys, for which serialisation has no way to fail.
    let json = |value: serde_json::Result<Value>| {
        let mut value = value.unwrap_or(Value::Null);
        whole_numbers(&mut value);
        value
    };
    OrderPayload {
        contract: json(serde_json::to_value(contract(ticket))),
        order: json(serde_json::to_value(order(ticket))),
    }
}

/// A double that is a whole number, written as one: that is how it reads after a trip through a protobuf `Struct`, and how every
/// other number of ours is written.
fn whole_numbers(value: &mut Value) {
    /// Below it every whole double is exact as an integer (2^53).
    const EXACT: f64 = 9_007_199_254_740_992.0;
    // In place: an order has some 150 fields, and every Place answers with one.
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
    let SecType::Stock = ticket.sec_type;
    let stock = Contract::stock(ticket.symbol.as_str())
        .on_exchange(ticket.exchange.as_str())
        .in_currency(ticket.currency.as_str());
    match &ticket.primary_exch {
        Some(exchange) => stock.primary(exchange.as_str()).build(),
        None => stock.build(),
    }
}

/// How it is traded.
pub(super) fn order(ticket: &OrderTicket) -> Order {
    Order {
        order_id: ticket.order_id,
        action: match ticket.action {
            Action::Buy => IbAction::Buy,
            Action::Sell => IbAction::Sell,
        },
        total_quantity: ticket.quantity.to_f64(),
        order_type: match ticket.order_type {
            OrderType::Market => "MKT".to_owned(),
            OrderType::Limit => "LMT".to_owned(),
        },
        limit_price: ticket.limit_price.map(Amount::to_f64),
        tif: match ticket.tif {
            TimeInForce::Day => IbTimeInForce::Day,
            TimeInForce::GoodTillCancelled => IbTimeInForce::GoodTillCanceled,
            TimeInForce::ImmediateOrCancel => IbTimeInForce::ImmediateOrCancel,
            TimeInForce::FillOrKill => IbTimeInForce::FillOrKill,
            TimeInForce::OnOpen => IbTimeInForce::OnOpen,
        },
        order_ref: ticket.order_ref.clone(),
        transmit: ticket.transmit,
        outside_rth: ticket.outside_rth,
        account: ticket.account.clone(),
        ..Order::default()
    }
}
