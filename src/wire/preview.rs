//! Preview.

use crate::domain::{DEFAULT_TIMEOUT_SECONDS, Margins, PreviewIn, PreviewOut};
use crate::error::Error;

use super::fields::{Put, Take, same_fields};
use super::order::draft;
use super::pb;
use super::values::{duration, given, json_from_struct, present, seconds, struct_from_json};

impl TryFrom<pb::PreviewRequest> for PreviewIn {
    type Error = Error;

    fn try_from(request: pb::PreviewRequest) -> Result<Self, Error> {
        let pb::PreviewRequest { order, timeout } = request;
        Ok(Self {
            order: draft(order)?,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        })
    }
}

/// A preview request around an order that was converted before.
pub fn preview_request(order: pb::Order, timeout: f64) -> pb::PreviewRequest {
    pb::PreviewRequest {
        order: Some(order),
        timeout: Some(duration(timeout)),
    }
}

same_fields! {
    Margins = pb::Margins { initial, maintenance, equity_with_loan }
}

impl From<PreviewOut> for pb::PreviewResponse {
    fn from(out: PreviewOut) -> Self {
        let PreviewOut {
            accepted,
            account,
            before,
            change,
            after,
            margin_currency,
            commission,
            min_commission,
            max_commission,
            commission_currency,
            warning_text,
            error_code,
            error,
            contract,
            order_payload,
        } = out;
        Self {
            accepted,
            account,
            before: Some(before.into()),
            change: Some(change.into()),
            after: Some(after.into()),
            margin_currency: margin_currency.unwrap_or_default(),
            commission: commission.put(),
            min_commission: min_commission.put(),
            max_commission: max_commission.put(),
            commission_currency: commission_currency.unwrap_or_default(),
            warning_text: warning_text.unwrap_or_default(),
            error_code,
            error,
            contract: Some(struct_from_json(contract)),
            order_payload: Some(struct_from_json(order_payload)),
        }
    }
}

impl TryFrom<pb::PreviewResponse> for PreviewOut {
    type Error = Error;

    fn try_from(out: pb::PreviewResponse) -> Result<Self, Error> {
        let pb::PreviewResponse {
            accepted,
            account,
            before,
            change,
            after,
            margin_currency,
            commission,
            min_commission,
            max_commission,
            commission_currency,
            warning_text,
            error_code,
            error,
            contract,
            order_payload,
        } = out;
        let margins = |field, margins| Margins::try_from(present(field, margins)?);
        Ok(Self {
            accepted,
            account,
            before: margins("before", before)?,
            change: margins("change", change)?,
            after: margins("after", after)?,
            margin_currency: given(margin_currency),
            commission: commission.take("commission")?,
            min_commission: min_commission.take("min_commission")?,
            max_commission: max_commission.take("max_commission")?,
            commission_currency: given(commission_currency),
            warning_text: given(warning_text),
            error_code,
            error,
            contract: json_from_struct(contract.unwrap_or_default()),
            order_payload: json_from_struct(order_payload.unwrap_or_default()),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Amount;

    #[test]
    fn what_tws_says_survives_the_wire_and_what_it_leaves_out_stays_absent() {
        let amount = |text: &str| Some(Amount::parse(text).unwrap());
        let accepted = PreviewOut {
            accepted: true,
            account: "DU1234567".to_owned(),
            before: Margins::default(),
            change: Margins {
                initial: amount("-12.34"),
                ..Margins::default()
            },
            after: Margins {
                initial: amount("100"),
                maintenance: amount("90.5"),
                equity_with_loan: amount("100000"),
            },
            margin_currency: Some("EUR".to_owned()),
            commission: None,
            min_commission: amount("0.35"),
            max_commission: amount("1.05"),
            commission_currency: Some("USD".to_owned()),
            warning_text: Some("large order".to_owned()),
            error_code: None,
            error: None,
            contract: json!({"symbol": "AAPL"}),
            order_payload: json!({"whatIf": true}),
        };
        let refused = PreviewOut {
            accepted: false,
            margin_currency: None,
            warning_text: None,
            error_code: Some(201),
            error: Some("no margin".to_owned()),
            ..accepted.clone()
        };
        for out in [accepted, refused] {
            let wire = pb::PreviewResponse::from(out.clone());
            assert_eq!(PreviewOut::try_from(wire), Ok(out));
        }
    }
}
