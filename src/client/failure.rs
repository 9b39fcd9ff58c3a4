//! What a failed call means for the caller.

use std::error::Error as StdError;

use tonic::{Code, Status};

use crate::error::{Error, Reason};
use crate::wire::error_from_status;

/// What a call may have done although its answer did not come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// Something that the same call again does not do twice.
    Repeatable,
    /// Something that the same call again may do anew: what to look at instead.
    Once(&'static str),
    /// An order under this request id, under which the same call again makes no second one.
    Place(String),
}

/// A failed call as an error. A status that no gateway made promises nothing, and the error says what that means.
pub(super) fn failed(status: &Status, url: &str, effect: &Effect) -> Error {
    if let Some(error) = error_from_status(status) {
        return error;
    }
    let said = match (status.message(), status.source()) {
        (message, Some(source)) => format!("{message}: {}", causes(source)),
        (message, None) => message.to_owned(),
    };
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => {
            return Error::new(
                Reason::Unauthenticated,
                format!("{url} refused the call: {said}"),
            );
        }
        Code::Unimplemented => {
            let message = format!(
                "{url} does not know this call: is it a gateway of this version? It said: {said}"
            );
            return Error::new(Reason::GatewayUnavailable, message);
        }
        _ => {}
    }
    if is_connect_failure(status) {
        return Error::new(
            Reason::GatewayUnavailable,
            format!("could not reach the gateway at {url}, nothing was sent: {said}"),
        );
    }
    let outcome = match effect {
        Effect::None => String::new(),
        Effect::Repeatable => {
            "; the outcome is unknown: ask again for the same order, that does nothing twice"
                .to_owned()
        }
        Effect::Once(instead) => format!("; the outcome is unknown: {instead}"),
        Effect::Place(request_id) => format!(
            "; the outcome is unknown and the order may have been placed: place the same order again with request id {request_id}, that makes no second order"
        ),
    };
    Error::new(
        Reason::GatewayUnavailable,
        format!(
            "no answer of the gateway at {url} ({}): {said}{outcome}",
            status.code().description()
        ),
    )
}

/// Nothing answered at the address.
pub(super) fn unreachable(url: &str, error: &tonic::transport::Error) -> Error {
    Error::new(
        Reason::GatewayUnavailable,
        format!("could not reach the gateway at {url}: {}", causes(error)),
    )
}

/// An order that is valid, but not in a form that the message can carry.
pub(super) fn not_carried() -> Error {
    Error::new(
        Reason::RequestInvalid,
        "this order cannot be sent to a gateway as it is typed: give numbers and words plainly",
    )
}

/// Whether the connection never came about, so that no byte of the call left.
fn is_connect_failure(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// An error and what caused it, each once.
pub(super) fn causes(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_an_answer_of_the_gateway_says_that_its_outcome_is_unknown() {
        let proxy =
            Status::unavailable("upstream connect error or disconnect/reset before headers");
        let error = failed(&proxy, "http://h:1", &Effect::Place("mine-1".to_owned()));
        assert_eq!(error.reason, Reason::GatewayUnavailable);
        assert!(error.message.contains("outcome is unknown"), "{error}");
        assert!(error.message.contains("request id mine-1"), "{error}");
        assert!(
            !failed(&proxy, "http://h:1", &Effect::None)
                .message
                .contains("unknown")
        );
    }

    #[test]
    fn a_proxy_that_refuses_is_a_refusal() {
        let error = failed(
            &Status::permission_denied("no"),
            "http://h:1",
            &Effect::Repeatable,
        );
        assert_eq!(error.reason, Reason::Unauthenticated);
    }
}
