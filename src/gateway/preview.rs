//! Preview.

use std::sync::Arc;

use super::Gateway;
use super::limits::seconds;
use crate::domain::{
    OrderPayload, OrderTicket, PreviewIn, PreviewOut, PreviewReport, PreviewVerdict, check,
};
use crate::engine::{Answer, Command, PreviewCommand};
use crate::error::{Error, Reason};
use crate::request_id::new_request_id;
use crate::tws;

impl Gateway {
    /// Asks TWS what it would make of an order: margins, commission, warnings. Nothing is placed, and nothing but a spent order id is stored. An order
    /// that TWS would refuse is an outcome that is not `accepted`, and no error.
    ///
    /// # Errors
    /// `ORDER_INVALID`, `REQUEST_INVALID`, `PREVIEW_TIMEOUT`, `PREVIEW_LIMIT`, `TWS_UNAVAILABLE`, `IB_UNAVAILABLE`, `LIVE_ACCOUNT`, `STORE_MISMATCH`,
    /// `PACING`, `OVERLOADED`, `STORE`, `SHUTTING_DOWN`, `INTERNAL`. Nothing was placed.
    pub async fn preview(&self, input: PreviewIn) -> Result<PreviewOut, Error> {
        let PreviewIn { order, timeout } = input;
        let timeout = seconds("timeout", timeout)?;
        let order = match check(order, true, &self.shared.limits) {
            Ok(order) => order,
            Err(violations) => {
                return Err(self.refused("PREVIEW", None, None, violations.into()).await);
            }
        };
        let command = PreviewCommand {
            order,
            request_id: new_request_id(),
        };
        let answer = self
            .ask(Command::Preview(Arc::new(command)), timeout)
            .await?;
        let Answer { state, preview, .. } = answer;
        let OrderPayload {
            contract,
            order: order_payload,
        } = tws::payload_in_short(&OrderTicket::from(&state));
        let (accepted, code, text, report) = match preview {
            Some(PreviewVerdict::Accepted(report)) => (true, None, None, *report),
            Some(PreviewVerdict::Refused {
                code,
                text,
                warning_text,
            }) => {
                let report = PreviewReport {
                    warning_text,
                    ..PreviewReport::default()
                };
                (false, code, Some(text), report)
            }
            None => {
                return Err(Error::new(
                    Reason::Internal,
                    "the preview was answered without a verdict: nothing was placed",
                ));
            }
        };
        let PreviewReport {
            order_id: _, // spent, and of no use to anybody
            before,
            change,
            after,
            margin_currency,
            commission,
            min_commission,
            max_commission,
            commission_currency,
            warning_text,
            reject_reason,
        } = report;
        Ok(PreviewOut {
            accepted,
            account: state.account,
            before,
            change,
            after,
            margin_currency,
            commission,
            min_commission,
            max_commission,
            commission_currency,
            warning_text,
            error_code: code,
            error: text.or(reject_reason),
            contract,
            order_payload,
        })
    }
}
