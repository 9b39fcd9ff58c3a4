//! The one place where an [`Error`] becomes a gRPC status, and the one where a status becomes an [`Error`] again.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{
    BadRequest, ErrorDetail, ErrorInfo, FieldViolation, PreconditionFailure, PreconditionViolation,
    RetryInfo, StatusExt as _,
};

use crate::domain::{RuleViolation, Violation};
use crate::error::{Error, Reason, TwsWord};

/// `domain` of the ErrorInfo in every status of this service.
pub const ERROR_DOMAIN: &str = "ibkr.orders.v1";

const TWS_CODE: &str = "twsCode";
const TWS_TEXT: &str = "twsText";
const RESUME_AFTER: &str = "resumeAfter";
/// Key of where the gateway that leads can be called, in [`ErrorInfo`]'s metadata.
const LEADER: &str = "leader";

/// Bytes of a message or a text in a status, and number of violations. A status travels in HTTP/2 headers, and gRPC libraries take as
/// little as 8 KiB of those.
const MESSAGE_BYTES_MAX: usize = 1_024;
const VIOLATION_BYTES_MAX: usize = 256;
const VIOLATIONS_MAX: usize = 16;

/// The gRPC code of a reason.
pub const fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::OrderInvalid | Reason::RequestInvalid => Code::InvalidArgument,
        Reason::TwsUnavailable
        | Reason::IbUnavailable
        | Reason::Lagged
        | Reason::ShuttingDown
        | Reason::Store
        | Reason::TwsRestarting
        | Reason::Journal
        | Reason::Standby
        | Reason::GatewayUnavailable => Code::Unavailable,
        Reason::RequestIdReused => Code::AlreadyExists,
        Reason::LiveAccount
        | Reason::StoreMismatch
        | Reason::OrderState
        | Reason::InstructionPending
        | Reason::RiskLimit
        | Reason::Halted => Code::FailedPrecondition,
        Reason::Pacing | Reason::Overloaded | Reason::PreviewLimit => Code::ResourceExhausted,
        Reason::OrderChanged => Code::Aborted,
        Reason::OrderNotFound => Code::NotFound,
        Reason::MaxWait | Reason::PreviewTimeout => Code::DeadlineExceeded,
        Reason::Sequence => Code::OutOfRange,
        Reason::Unauthenticated => Code::Unauthenticated,
        Reason::Role => Code::PermissionDenied,
        Reason::Internal => Code::Internal,
    }
}

/// When a caller may try again, where the error itself does not say and a retry makes sense at all.
const fn usual_retry_delay(reason: Reason) -> Option<Duration> {
    match reason {
        Reason::TwsUnavailable
        | Reason::Pacing
        | Reason::Overloaded
        | Reason::ShuttingDown
        | Reason::Standby => Some(Duration::from_secs(1)),
        Reason::Journal => Some(Duration::from_secs(2)),
        Reason::IbUnavailable | Reason::Store => Some(Duration::from_secs(5)),
        Reason::TwsRestarting => Some(Duration::from_secs(120)),
        Reason::Lagged => Some(Duration::ZERO),
        Reason::OrderInvalid
        | Reason::RequestInvalid
        | Reason::RequestIdReused
        | Reason::LiveAccount
        | Reason::StoreMismatch
        | Reason::OrderNotFound
        | Reason::OrderState
        | Reason::InstructionPending
        | Reason::OrderChanged
        | Reason::MaxWait
        | Reason::PreviewTimeout
        | Reason::PreviewLimit
        | Reason::Sequence
        | Reason::Unauthenticated
        | Reason::Role
        | Reason::RiskLimit
        | Reason::Halted
        | Reason::GatewayUnavailable
        | Reason::Internal => None,
    }
}

/// What has to change before the same call can succeed.
const fn precondition_subject(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::LiveAccount => Some("account"),
        Reason::StoreMismatch => Some("store"),
        Reason::OrderState | Reason::InstructionPending => Some("order"),
        Reason::Halted => Some("halt"),
        Reason::OrderInvalid
        | Reason::RequestInvalid
        | Reason::TwsUnavailable
        | Reason::IbUnavailable
        | Reason::RequestIdReused
        | Reason::Pacing
        | Reason::Overloaded
        | Reason::Lagged
        | Reason::ShuttingDown
        | Reason::OrderNotFound
        | Reason::OrderChanged
        | Reason::MaxWait
        | Reason::PreviewTimeout
        | Reason::PreviewLimit
        | Reason::Sequence
        | Reason::Store
        | Reason::Unauthenticated
        | Reason::Role
        | Reason::RiskLimit
        | Reason::TwsRestarting
        | Reason::Journal
        | Reason::Standby
        | Reason::GatewayUnavailable
        | Reason::Internal => None,
    }
}

/// An error as a status: its code, its message, and the details that `orders.proto` promises.
pub fn status_from_error(error: Error) -> Status {
    let Error {
        reason,
        message,
        violations,
        broken,
        retry_after,
        tws,
        resume_after,
        leader,
    } = error;
    let message = shortened(message, MESSAGE_BYTES_MAX);
    let mut metadata = HashMap::new();
    if let Some(TwsWord { code, text }) = tws {
        metadata.insert(TWS_CODE.to_owned(), code.to_string());
        metadata.insert(TWS_TEXT.to_owned(), shortened(text, MESSAGE_BYTES_MAX));
    }
    if let Some(leader) = leader {
        metadata.insert(LEADER.to_owned(), shortened(leader, VIOLATION_BYTES_MAX));
    }
    if let Some(sequence) = resume_after {
        metadata.insert(RESUME_AFTER.to_owned(), sequence.to_string());
    }
    let mut details: Vec<ErrorDetail> =
        vec![ErrorInfo::new(reason.as_str(), ERROR_DOMAIN, metadata).into()];
    if !violations.is_empty() {
        let fields = violations
            .into_iter()
            .take(VIOLATIONS_MAX)
            .map(field_violation);
        details.push(BadRequest::new(fields.collect::<Vec<_>>()).into());
    }
    if let Some(delay) = retry_after.or(usual_retry_delay(reason)) {
        details.push(RetryInfo::new(Some(delay)).into());
    }
    if !broken.is_empty() {
        let broken = broken.into_iter().take(VIOLATIONS_MAX);
        let violations: Vec<_> = broken.map(precondition_violation).collect();
        details.push(PreconditionFailure::new(violations).into());
    } else if let Some(subject) = precondition_subject(reason) {
        let violation = PreconditionViolation::new(reason.as_str(), subject, message.as_str());
        details.push(PreconditionFailure::new(vec![violation]).into());
    }
    Status::with_error_details_vec(code_of(reason), message, details)
}

fn precondition_violation(broken: RuleViolation) -> PreconditionViolation {
    let RuleViolation {
        rule,
        subject,
        description,
    } = broken;
    PreconditionViolation::new(
        rule,
        shortened(subject, VIOLATION_BYTES_MAX),
        shortened(description, VIOLATION_BYTES_MAX),
    )
}

fn field_violation(violation: Violation) -> FieldViolation {
    let Violation {
        kind,
        loc,
        msg,
        input: _, // the caller knows what it sent; headers have no room for it
    } = violation;
    let field = shortened(loc.join("."), VIOLATION_BYTES_MAX);
    FieldViolation {
        reason: kind,
        ..FieldViolation::new(field, shortened(msg, VIOLATION_BYTES_MAX))
    }
}

pub(super) fn shortened(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max - '…'.len_utf8()));
        text.push('…');
    }
    text
}

/// A status as the error it was made from. `None` when it carries no ErrorInfo of this service: then a proxy, a gRPC library or another
/// program made it, and it promises nothing.
pub fn error_from_status(status: &Status) -> Option<Error> {
    let mut info = None;
    let mut violations = Vec::new();
    let mut broken = Vec::new();
    let mut retry_after = None;
    for detail in status.get_error_details_vec() {
        match detail {
            ErrorDetail::ErrorInfo(found) if found.domain == ERROR_DOMAIN => info = Some(found),
            ErrorDetail::BadRequest(found) => {
                violations = found.field_violations.into_iter().map(violation).collect();
            }
            ErrorDetail::RetryInfo(found) => retry_after = found.retry_delay,
            ErrorDetail::PreconditionFailure(found) => broken = found.violations,
            // The rest is not ours.
            _ => {}
        }
    }
    let ErrorInfo {
        reason,
        domain: _,
        mut metadata,
    } = info?;
    let code = metadata.get(TWS_CODE).and_then(|code| code.parse().ok());
    let tws = code.map(|code| TwsWord {
        code,
        text: metadata.remove(TWS_TEXT).unwrap_or_default(),
    });
    let resume_after = metadata
        .get(RESUME_AFTER)
        .and_then(|sequence| sequence.parse().ok());
    let reason = Reason::from_word(&reason).unwrap_or_else(|| nearest(status.code()));
    // For any other reason it repeats reason and message.
    broken.retain(|_| reason == Reason::RiskLimit);
    Some(Error {
        reason,
        message: status.message().to_owned(),
        violations,
        broken: broken.into_iter().map(rule_violation).collect(),
        retry_after,
        tws,
        resume_after,
        leader: metadata.remove(LEADER),
    })
}

fn rule_violation(violation: PreconditionViolation) -> RuleViolation {
    let PreconditionViolation {
        r#type,
        subject,
        description,
    } = violation;
    RuleViolation {
        rule: r#type,
        subject,
        description,
    }
}

fn violation(violation: FieldViolation) -> Violation {
    let FieldViolation {
        field,
        description,
        reason,
        localized_message: _,
    } = violation;
    Violation {
        kind: reason,
        loc: if field.is_empty() {
            Vec::new()
        } else {
            field.split('.').map(str::to_owned).collect()
        },
        msg: description,
        input: serde_json::Value::Null,
    }
}

/// The reason that a caller should treat a reason of a later version like.
fn nearest(code: Code) -> Reason {
    match code {
        Code::InvalidArgument => Reason::RequestInvalid,
        Code::NotFound => Reason::OrderNotFound,
        Code::FailedPrecondition => Reason::OrderState,
        Code::ResourceExhausted => Reason::Overloaded,
        Code::Unavailable => Reason::ShuttingDown,
        Code::Unauthenticated => Reason::Unauthenticated,
        Code::PermissionDenied => Reason::Role,
        Code::OutOfRange => Reason::Sequence,
        Code::AlreadyExists => Reason::RequestIdReused,
        Code::DeadlineExceeded => Reason::MaxWait,
        Code::Aborted => Reason::OrderChanged,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Reason::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(reason: Reason) -> Error {
        Error {
            violations: vec![Violation::field(
                "greater_than",
                "limit_price",
                "must be positive",
                serde_json::Value::Null,
            )],
            ..Error::new(reason, "what happened")
                .retry_after(Duration::from_millis(1_500))
                .tws(201, "Order rejected")
        }
    }

    #[test]
    fn every_broken_rule_is_a_violation_of_its_own() {
        let broken: Vec<RuleViolation> = ["max_order_quantity", "max_position"]
            .into_iter()
            .map(|rule| RuleViolation {
                rule: rule.to_owned(),
                subject: "DU1/AAPL".to_owned(),
                description: format!("above the {rule} 1"),
            })
            .collect();
        let error = Error::risk_limit(broken.clone());
        let status = status_from_error(error.clone());
        let details = status.get_error_details();
        let violations = &details.precondition_failure().unwrap().violations;
        let named: Vec<_> = violations
            .iter()
            .map(|violation| (violation.r#type.as_str(), violation.subject.as_str()))
            .collect();
        assert_eq!(
            named,
            [
                ("max_order_quantity", "DU1/AAPL"),
                ("max_position", "DU1/AAPL")
            ]
        );
        assert_eq!(error_from_status(&status), Some(error));
    }

    #[test]
    fn every_reason_survives_with_its_details() {
        for reason in Reason::ALL {
            let status = status_from_error(error(*reason));
            assert_ne!(status.code(), Code::Ok);
            assert_eq!(error_from_status(&status), Some(error(*reason)), "{reason}");
        }
    }

    #[test]
    fn the_published_table_holds() {
        // Written here by hand from the table in the documentation.
        for (reason, code) in [
            ("ORDER_INVALID", Code::InvalidArgument),
            ("REQUEST_INVALID", Code::InvalidArgument),
            ("TWS_UNAVAILABLE", Code::Unavailable),
            ("IB_UNAVAILABLE", Code::Unavailable),
            ("REQUEST_ID_REUSED", Code::AlreadyExists),
            ("LIVE_ACCOUNT", Code::FailedPrecondition),
            ("STORE_MISMATCH", Code::FailedPrecondition),
            ("PACING", Code::ResourceExhausted),
            ("OVERLOADED", Code::ResourceExhausted),
            ("LAGGED", Code::Unavailable),
            ("SHUTTING_DOWN", Code::Unavailable),
            ("ORDER_NOT_FOUND", Code::NotFound),
            ("ORDER_STATE", Code::FailedPrecondition),
            ("INSTRUCTION_PENDING", Code::FailedPrecondition),
            ("ORDER_CHANGED", Code::Aborted),
            ("MAX_WAIT", Code::DeadlineExceeded),
            ("PREVIEW_TIMEOUT", Code::DeadlineExceeded),
            ("PREVIEW_LIMIT", Code::ResourceExhausted),
            ("SEQUENCE", Code::OutOfRange),
            ("STORE", Code::Unavailable),
            ("UNAUTHENTICATED", Code::Unauthenticated),
            ("ROLE", Code::PermissionDenied),
            ("RISK_LIMIT", Code::FailedPrecondition),
            ("HALTED", Code::FailedPrecondition),
            ("TWS_RESTARTING", Code::Unavailable),
        ] {
            let reason = Reason::from_word(reason).unwrap_or_else(|| panic!("no reason {reason}"));
            assert_eq!(code_of(reason), code, "{reason}");
        }
    }

    #[test]
    fn details_say_what_a_program_needs() {
        let status = status_from_error(Error::new(
            Reason::TwsUnavailable,
            "could not connect to TWS",
        ));
        let details = status.get_error_details();
        assert_eq!(
            details.retry_info().unwrap().retry_delay,
            Some(Duration::from_secs(1))
        );
        assert_eq!(details.error_info().unwrap().reason, "TWS_UNAVAILABLE");
        assert_eq!(status.message(), "could not connect to TWS");

        let status = status_from_error(Error::new(Reason::OrderState, "order 5 is filled"));
        let details = status.get_error_details();
        let violation = &details.precondition_failure().unwrap().violations[0];
        assert_eq!(
            (violation.r#type.as_str(), violation.subject.as_str()),
            ("ORDER_STATE", "order")
        );
    }

    #[test]
    fn a_status_of_somebody_else_is_not_taken_for_ours() {
        assert_eq!(
            error_from_status(&Status::unavailable("upstream connect error")),
            None
        );
        let info = ErrorInfo::new("STORE", "example.com", HashMap::new());
        let foreign = Status::with_error_details_vec(Code::Unavailable, "", vec![info.into()]);
        assert_eq!(error_from_status(&foreign), None);
    }

    #[test]
    fn a_status_stays_small_enough_for_every_library() {
        let long = "é".repeat(100_000);
        let violation = Violation::field(
            "extra_forbidden",
            &long,
            long.as_str(),
            long.as_str().into(),
        );
        let error = Error {
            violations: vec![violation; 1_000],
            ..Error::new(Reason::OrderInvalid, long.as_str()).tws(1, long.as_str())
        };
        let status = status_from_error(error);
        assert!(status.message().len() <= MESSAGE_BYTES_MAX);
        assert!(
            status.details().len() < 16 * 1_024,
            "{}",
            status.details().len()
        );
    }
}
