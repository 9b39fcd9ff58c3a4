//! Orders and fills as they are answered.

use crate::domain::{
    Commission, Fill, OrderState, Replacement, TermsChange, gather_terms, spread_terms,
};
use crate::error::Error;

use super::fields::{Put, Take, same_fields};
use super::pb;
use super::status::shortened;
use super::values::{present, time_from_wire, time_to_wire};

/// Bytes of a raw state that is shown. TWS's reports have some hundred; one message of it may have 16 MiB, and an answer only 4.
const RAW_STATE_BYTES_MAX: usize = 256 << 10;
/// Bytes of a text of TWS that is shown.
const LAST_ERROR_BYTES_MAX: usize = 16 << 10;

impl From<OrderState> for pb::OrderState {
    fn from(state: OrderState) -> Self {
        let OrderState {
            order_id,
            status,
            filled,
            avg_fill_price,
            terms,
            transmit,
            order_ref,
            last_error_code,
            last_error,
            perm_id,
            last_update,
            raw_state,
            client_id,
            account,
            request_id,
            remaining,
            terminal,
            sequence,
            commission,
            client_tag,
            cancel_requested,
            created_at,
            why_held,
            parent_order_id,
            bracket_id,
            terms_revision,
            trail_stop,
            other_perm_ids,
            filled_unexplained,
            fill_quantity_unknown,
            bracket_incomplete,
            commissions,
            placed_by,
            replacement,
        } = state;
        macro_rules! message {
            (($($field:ident),+) ($($more:ident),+)) => {
                Self {
                    $($field: $field.put(),)+
                    $($more: $more.put(),)+
                    order_id,
                    status: status.put(),
                    filled: filled.put(),
                    avg_fill_price: avg_fill_price.put(),
                    transmit,
                    order_ref,
                    last_error_code,
                    last_error: last_error.map(|text| shortened(text, LAST_ERROR_BYTES_MAX)),
                    perm_id,
                    last_update: Some(time_to_wire(last_update)),
                    raw_state: raw_state.filter(|text| text.len() <= RAW_STATE_BYTES_MAX),
                    client_id,
                    account,
                    request_id,
                    remaining: remaining.put(),
                    terminal,
                    sequence,
                    commission: commission.put(),
                    client_tag,
                    cancel_requested,
                    created_at: Some(time_to_wire(created_at)),
                    why_held,
                    parent_order_id,
                    bracket_id,
                    terms_revision,
                    trail_stop: trail_stop.put(),
                    other_perm_ids,
                    filled_unexplained: filled_unexplained.put(),
                    fill_quantity_unknown,
                    bracket_incomplete,
                    commissions: commissions.into_iter().map(Into::into).collect(),
                    placed_by,
                    replacement: replacement.map(Into::into),
                }
            };
        }
        spread_terms!(&terms, message)
    }
}

impl TryFrom<pb::OrderState> for OrderState {
    type Error = Error;

    fn try_from(state: pb::OrderState) -> Result<Self, Error> {
        // A field of the message that nothing reads is one that this version of the domain does not have: the other conversion names them all.
        macro_rules! field {
            ($field:ident) => {
                state.$field.take(stringify!($field))?
            };
        }
        let time = |field, time| time_from_wire(field, present(field, time)?);
        Ok(Self {
            terms: gather_terms!(field),
            order_id: state.order_id,
            status: field!(status),
            filled: field!(filled),
            avg_fill_price: field!(avg_fill_price),
            transmit: state.transmit,
            order_ref: state.order_ref,
            last_error_code: state.last_error_code,
            last_error: state.last_error,
            perm_id: state.perm_id,
            last_update: time("last_update", state.last_update)?,
            raw_state: state.raw_state,
            client_id: state.client_id,
            account: state.account,
            request_id: state.request_id,
            remaining: field!(remaining),
            terminal: state.terminal,
            sequence: state.sequence,
            commission: field!(commission),
            client_tag: state.client_tag,
            cancel_requested: state.cancel_requested,
            created_at: time("created_at", state.created_at)?,
            why_held: state.why_held,
            parent_order_id: state.parent_order_id,
            bracket_id: state.bracket_id,
            terms_revision: state.terms_revision,
            trail_stop: field!(trail_stop),
            other_perm_ids: state.other_perm_ids,
            filled_unexplained: field!(filled_unexplained),
            fill_quantity_unknown: state.fill_quantity_unknown,
            bracket_incomplete: state.bracket_incomplete,
            commissions: state
                .commissions
                .into_iter()
                .map(Commission::try_from)
                .collect::<Result<_, _>>()?,
            placed_by: state.placed_by,
            replacement: state.replacement.map(Replacement::try_from).transpose()?,
        })
    }
}

same_fields! {
    Commission = pb::Commission { amount, currency }
    Fill = pb::Fill { order_id, exec_id, quantity, price, time, exchange, commission, currency, perm_id }
}

impl From<Replacement> for pb::Replacement {
    fn from(replacement: Replacement) -> Self {
        let Replacement {
            request_id,
            status,
            change,
            error_code,
            error,
        } = replacement;
        let TermsChange {
            quantity,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
            tif,
        } = change;
        Self {
            request_id,
            status: status.put(),
            quantity: quantity.put(),
            limit_price: limit_price.put(),
            stop_price: stop_price.put(),
            trail_amount: trail_amount.put(),
            trail_percent: trail_percent.put(),
            limit_offset: limit_offset.put(),
            tif: tif.put(),
            error_code,
            error,
        }
    }
}

impl TryFrom<pb::Replacement> for Replacement {
    type Error = Error;

    fn try_from(replacement: pb::Replacement) -> Result<Self, Error> {
        let pb::Replacement {
            request_id,
            status,
            quantity,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
            tif,
            error_code,
            error,
        } = replacement;
        Ok(Self {
            request_id,
            status: status.take("replacement.status")?,
            change: TermsChange {
                quantity: quantity.take("replacement.quantity")?,
                limit_price: limit_price.take("replacement.limit_price")?,
                stop_price: stop_price.take("replacement.stop_price")?,
                trail_amount: trail_amount.take("replacement.trail_amount")?,
                trail_percent: trail_percent.take("replacement.trail_percent")?,
                limit_offset: limit_offset.take("replacement.limit_offset")?,
                tif: tif.take("replacement.tif")?,
            },
            error_code,
            error,
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::domain::{
        Action, Amount, Contract, Oca, OcaType, OrderTerms, Pricing, ReplacementStatus, SecType,
        Status, TimeInForce, Timestamp, Trail,
    };

    /// Every field set, and none like another.
    pub(in crate::wire) fn full_state() -> OrderState {
        let amount = |text| Amount::parse(text).unwrap();
        OrderState {
            order_id: 101,
            status: Status::PreSubmitted,
            filled: amount("40"),
            avg_fill_price: Some(amount("187.3333333333")),
            terms: OrderTerms {
                contract: Arc::new(Contract {
                    symbol: "AAPL".to_owned(),
                    sec_type: SecType::Stock,
                    exchange: "SMART".to_owned(),
                    currency: "USD".to_owned(),
                    primary_exch: Some("NASDAQ".to_owned()),
                }),
                action: Action::Sell,
                pricing: Pricing::TrailLimit {
                    trail: Trail::Percent(amount("1.5")),
                    first_stop: amount("187.3"),
                    offset: amount("0.25"),
                },
                quantity: amount("100.5"),
                tif: TimeInForce::OnOpen,
                good_till: Some(Timestamp::from_unix_micros(1_796_000_000_000_000)),
                outside_rth: true,
                oca: Some(Oca {
                    group: "exits".to_owned(),
                    kind: OcaType::ReduceNonBlock,
                }),
                reference_price: Some(amount("188.8")),
            },
            transmit: true,
            order_ref: "ref".to_owned(),
            last_error_code: Some(399),
            last_error: Some("warning".to_owned()),
            perm_id: Some(1 << 40),
            last_update: Timestamp::from_unix_micros(1_795_000_000_123_456),
            raw_state: Some("{}".to_owned()),
            client_id: 7,
            account: "DU1".to_owned(),
            request_id: "r-1".to_owned(),
            remaining: amount("60.5"),
            terminal: false,
            sequence: 1 << 50,
            commission: Some(amount("1.25")),
            client_tag: Some("tag".to_owned()),
            cancel_requested: true,
            created_at: Timestamp::from_unix_micros(1_794_999_999_000_001),
            why_held: Some("child,trigger".to_owned()),
            parent_order_id: Some(99),
            bracket_id: Some(98),
            terms_revision: 3,
            trail_stop: Some(amount("181.5")),
            other_perm_ids: vec![1 << 41, 1 << 42],
            filled_unexplained: Some(amount("7.5")),
            fill_quantity_unknown: true,
            bracket_incomplete: true,
            commissions: vec![
                Commission {
                    amount: amount("1.25"),
                    currency: "USD".to_owned(),
                },
                Commission {
                    amount: amount("100"),
                    currency: "JPY".to_owned(),
                },
            ],
            placed_by: Some("desk".to_owned()),
            replacement: Some(Replacement {
                request_id: "r-2".to_owned(),
                status: ReplacementStatus::Refused,
                change: TermsChange {
                    quantity: Some(amount("90")),
                    limit_price: Some(amount("187.4")),
                    stop_price: Some(amount("1.5")),
                    trail_amount: Some(amount("2.5")),
                    trail_percent: Some(amount("3.5")),
                    limit_offset: Some(amount("4.5")),
                    tif: Some(TimeInForce::GoodTillCancelled),
                },
                error_code: Some(110),
                error: Some("off tick".to_owned()),
            }),
        }
    }

    pub(in crate::wire) fn full_fill() -> Fill {
        Fill {
            order_id: 101,
            exec_id: "0001.01".to_owned(),
            quantity: Amount::from(40),
            price: Amount::parse("187.31").unwrap(),
            time: Some(Timestamp::from_unix_micros(1_795_000_000_000_000)),
            exchange: "ISLAND".to_owned(),
            commission: Some(Amount::parse("0.35").unwrap()),
            currency: Some("USD".to_owned()),
            perm_id: Some(1 << 41),
        }
    }

    #[test]
    fn the_message_has_the_fields_of_the_json_under_the_same_names() {
        // The outside view: names and texts as orders.proto promises them, written here by hand.
        let wire = pb::OrderState::from(full_state());
        assert_eq!(wire.status, 6);
        assert_eq!(wire.quantity, "100.5");
        assert_eq!(wire.avg_fill_price.as_deref(), Some("187.3333333333"));
        assert_eq!(
            (wire.action, wire.order_type, wire.tif, wire.sec_type),
            (2, 6, 5, 1)
        );
        assert_eq!(wire.stop_price.as_deref(), Some("187.3"));
        assert_eq!(wire.trail_percent.as_deref(), Some("1.5"));
        assert_eq!(wire.limit_offset.as_deref(), Some("0.25"));
        assert_eq!((wire.limit_price, wire.trail_amount), (None, None));
        assert_eq!(wire.oca_group.as_deref(), Some("exits"));
        assert_eq!(wire.oca_type, 3);
        assert_eq!(wire.good_till.unwrap().seconds, 1_796_000_000);
        let update = wire.last_update.unwrap();
        assert_eq!((update.seconds, update.nanos), (1_795_000_000, 123_456_000));
        assert_eq!(wire.sequence, 1 << 50);
    }

    #[test]
    fn states_and_fills_survive_the_wire() {
        assert_eq!(
            OrderState::try_from(pb::OrderState::from(full_state())),
            Ok(full_state())
        );
        assert_eq!(Fill::try_from(pb::Fill::from(full_fill())), Ok(full_fill()));
    }

    #[test]
    fn a_status_of_a_later_version_is_unknown_and_a_damaged_decimal_is_an_error() {
        let mut wire = pb::OrderState::from(full_state());
        wire.status = 4_000;
        assert_eq!(
            OrderState::try_from(wire.clone()).unwrap().status,
            Status::Unknown
        );
        wire.filled = "many".to_owned();
        assert!(OrderState::try_from(wire).is_err());
    }
}
