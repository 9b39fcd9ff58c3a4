//! Health and Validate.

use crate::domain::{
    DEFAULT_TIMEOUT_SECONDS, HealthIn, HealthOut, OrderError, OrderRequest, RuleViolation,
    ValidateIn, ValidateOut, Violation,
};
use crate::error::Error;

use super::order::draft;
use super::pb;
use super::values::{duration, seconds, time_from_wire, time_to_wire};

impl TryFrom<pb::HealthRequest> for HealthIn {
    type Error = Error;

    fn try_from(request: pb::HealthRequest) -> Result<Self, Error> {
        let pb::HealthRequest { timeout } = request;
        Ok(Self {
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        })
    }
}

impl From<HealthIn> for pb::HealthRequest {
    fn from(input: HealthIn) -> Self {
        let HealthIn { timeout } = input;
        Self {
            timeout: Some(duration(timeout)),
        }
    }
}

impl From<HealthOut> for pb::HealthResponse {
    fn from(health: HealthOut) -> Self {
        let HealthOut {
            connected,
            next_valid_id,
            error,
            detail,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time,
            ib_connected,
            store_ok,
            version,
            unknown_orders,
        } = health;
        Self {
            connected,
            next_valid_id,
            error,
            detail,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time: tws_time.map(time_to_wire),
            ib_connected,
            store_ok,
            version,
            unknown_orders,
        }
    }
}

impl TryFrom<pb::HealthResponse> for HealthOut {
    type Error = Error;

    fn try_from(health: pb::HealthResponse) -> Result<Self, Error> {
        let pb::HealthResponse {
            connected,
            next_valid_id,
            error,
            detail,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time,
            ib_connected,
            store_ok,
            version,
            unknown_orders,
        } = health;
        Ok(Self {
            connected,
            next_valid_id,
            error,
            detail,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time: tws_time
                .map(|time| time_from_wire("tws_time", time))
                .transpose()?,
            ib_connected,
            store_ok,
            version,
            unknown_orders,
        })
    }
}

impl TryFrom<pb::ValidateRequest> for ValidateIn {
    type Error = Error;

    fn try_from(request: pb::ValidateRequest) -> Result<Self, Error> {
        let pb::ValidateRequest { order, transmit } = request;
        Ok(Self {
            order: draft(order)?,
            transmit,
        })
    }
}

impl From<ValidateOut> for pb::ValidateResponse {
    fn from(out: ValidateOut) -> Self {
        let ValidateOut {
            valid,
            order_request,
            effective_order_ref,
            errors,
            warnings,
            unchecked,
        } = out;
        Self {
            valid,
            order_request: order_request.map(Into::into),
            effective_order_ref,
            errors: errors
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
            warnings: warnings_message(warnings),
            unchecked: unchecked.unwrap_or_default(),
        }
    }
}

impl TryFrom<pb::ValidateResponse> for ValidateOut {
    type Error = Error;

    fn try_from(out: pb::ValidateResponse) -> Result<Self, Error> {
        let pb::ValidateResponse {
            valid,
            order_request,
            effective_order_ref,
            errors,
            warnings,
            unchecked,
        } = out;
        Ok(Self {
            valid,
            order_request: order_request.map(OrderRequest::try_from).transpose()?,
            effective_order_ref,
            errors: if valid {
                None
            } else {
                Some(errors.into_iter().map(Into::into).collect())
            },
            warnings: warnings_of(warnings),
            unchecked: (!unchecked.is_empty()).then_some(unchecked),
        })
    }
}

/// Warnings of an outcome as they stand in a message.
pub(super) fn warnings_message(warnings: Option<Vec<RuleViolation>>) -> Vec<pb::RuleViolation> {
    let warnings = warnings.unwrap_or_default();
    warnings.into_iter().map(Into::into).collect()
}

/// Warnings of a message as they stand in an outcome.
pub(super) fn warnings_of(warnings: Vec<pb::RuleViolation>) -> Option<Vec<RuleViolation>> {
    (!warnings.is_empty()).then(|| warnings.into_iter().map(Into::into).collect())
}

impl From<RuleViolation> for pb::RuleViolation {
    fn from(violation: RuleViolation) -> Self {
        let RuleViolation {
            rule,
            subject,
            description,
        } = violation;
        Self {
            rule,
            subject,
            description,
        }
    }
}

impl From<pb::RuleViolation> for RuleViolation {
    fn from(violation: pb::RuleViolation) -> Self {
        let pb::RuleViolation {
            rule,
            subject,
            description,
        } = violation;
        Self {
            rule,
            subject,
            description,
        }
    }
}

impl From<OrderError> for pb::OrderError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Violation(Violation {
                kind,
                loc,
                msg,
                input,
            }) => Self {
                r#type: kind,
                loc,
                msg,
                input: input.to_string(),
            },
            OrderError::Runtime { kind, msg } => Self {
                r#type: kind,
                loc: Vec::new(),
                msg,
                input: String::new(),
            },
        }
    }
}

impl From<pb::OrderError> for OrderError {
    fn from(error: pb::OrderError) -> Self {
        let pb::OrderError {
            r#type: kind,
            loc,
            msg,
            input,
        } = error;
        if input.is_empty() {
            return Self::Runtime { kind, msg };
        }
        // JSON of a later version that this one cannot read is at least a text.
        let input = serde_json::from_str(&input).unwrap_or(serde_json::Value::String(input));
        Self::Violation(Violation {
            kind,
            loc,
            msg,
            input,
        })
    }
}
