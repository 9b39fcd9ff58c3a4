//! Orders, fills and events for tests of the store and the feed.

use std::sync::Arc;

use ibkr_orders::domain::{
    Action, Amount, Commission, Contract, EventKind, Fill, Instruction, InstructionKind,
    OrderIdentity, OrderRecord, OrderRequest, OrderState, OrderTerms, Pricing, SecType, Status,
    StoredEvent, TimeInForce, Timestamp,
};
use rust_decimal::Decimal;

pub fn amount(text: &str) -> Amount {
    Amount::new(text.parse::<Decimal>().unwrap())
}

/// A working market order with nothing optional.
pub fn record(order_id: i32, sequence: u64) -> OrderRecord {
    let identity = OrderIdentity {
        order_id,
        client_id: 7,
        account: "DU1234567".to_owned(),
        request_id: format!("request-{order_id}"),
    };
    let mut request = OrderRequest::market(Action::Buy, "AAPL", amount("100"));
    request.transmit = true;
    let created_at = Timestamp::from_unix_micros(1_794_999_999_123_456);
    let state = OrderState {
        status: Status::Submitted,
        last_update: Timestamp::from_unix_micros(1_795_000_000_000_000),
        sequence,
        ..OrderState::submitting(identity, &request, created_at)
    };
    OrderRecord::new(state, instruction_of(order_id))
}

/// The number of the instruction that placed an order of these tests.
fn instruction_of(order_id: i32) -> u64 {
    u64::try_from(order_id).unwrap()
}

/// The instruction that placed an order.
pub fn placing(record: &OrderRecord) -> Instruction {
    Instruction {
        request_id: Some(record.state.request_id.clone()),
        digest: Some([7; 32]),
        order_id: Some(record.state.order_id),
        ..Instruction::new(
            record.instruction,
            InstructionKind::Place,
            record.state.created_at,
        )
    }
}

/// An order with a value in every column, different from [`record`]'s wherever it can be.
pub fn record_full(order_id: i32, sequence: u64) -> OrderRecord {
    OrderRecord {
        state: OrderState {
            order_id,
            status: Status::PendingCancel,
            filled: amount("33.5"),
            // A quotient: more digits than a caller may type, and none may be lost.
            avg_fill_price: Some(amount("151.33333333333333333333333333")),
            terms: OrderTerms {
                contract: Arc::new(Contract {
                    symbol: "BRK B".to_owned(),
                    sec_type: SecType::Stock,
                    exchange: "ISLAND".to_owned(),
                    currency: "EUR".to_owned(),
                    primary_exch: Some("NYSE".to_owned()),
                }),
                action: Action::Sell,
                pricing: Pricing::Limit {
                    limit: amount("0.0001"),
                },
                quantity: amount("100.5"),
                tif: TimeInForce::GoodTillCancelled,
                good_till: None,
                outside_rth: true,
                oca: None,
                reference_price: None,
            },
            transmit: false,
            order_ref: "it's \"quoted\" — ü".to_owned(),
            last_error_code: Some(399),
            last_error: Some("warning: your order will not be placed until 09:30".to_owned()),
            perm_id: Some(9_007_199_254_740_993),
            last_update: Timestamp::from_unix_micros(1_795_000_001_000_001),
            raw_state: Some(r#"{"report":"status","filled":33.5}"#.to_owned()),
            client_id: 7,
            account: "DU7654321".to_owned(),
            request_id: format!("01980000-0000-7000-8000-{order_id:012}"),
            remaining: amount("67"),
            terminal: false,
            sequence,
            commission: Some(amount("1.0000000000000000000000001")),
            client_tag: Some("tag".to_owned()),
            cancel_requested: true,
            created_at: Timestamp::from_unix_micros(1_795_000_000_000_000),
            why_held: Some("child,trigger".to_owned()),
            parent_order_id: Some(17),
            bracket_id: Some(18),
            terms_revision: 2,
            trail_stop: Some(amount("150.75")),
            other_perm_ids: vec![9_007_199_254_740_995, 9_007_199_254_740_994],
            filled_unexplained: Some(amount("3.5")),
            fill_quantity_unknown: true,
            bracket_incomplete: true,
            commissions: vec![
                Commission {
                    amount: amount("100"),
                    currency: "JPY".to_owned(),
                },
                Commission {
                    amount: amount("1.0000000000000000000000001"),
                    currency: "USD".to_owned(),
                },
            ],
            placed_by: Some("it's me".to_owned()),
            replacement: None,
        },
        instruction: instruction_of(order_id),
        acknowledged: true,
        worked: true,
        con_id: Some(265_598),
        released_at: Some(Timestamp::from_unix_micros(1_795_000_000_700_000)),
        other_working: vec![9_007_199_254_740_994],
    }
}

pub fn fill(order_id: i32, exec_id: &str, quantity: &str) -> Fill {
    Fill {
        order_id,
        exec_id: exec_id.to_owned(),
        quantity: amount(quantity),
        price: amount("150.25"),
        time: Some(Timestamp::from_unix_micros(1_795_000_000_500_000)),
        exchange: "NASDAQ".to_owned(),
        commission: None,
        currency: None,
        perm_id: None,
    }
}

pub fn order_event(record: &OrderRecord) -> StoredEvent {
    StoredEvent {
        sequence: record.state.sequence,
        order_id: record.state.order_id,
        kind: EventKind::Order(record.state.clone()),
    }
}
