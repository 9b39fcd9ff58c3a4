//! The caller's own deadline, as it stands in the `grpc-timeout` header.

use std::time::Duration;

use tonic::metadata::MetadataMap;

use crate::domain::WAIT_SECONDS_MAX;

/// How long before the caller's deadline an answer goes out, so that it arrives before the caller gave up.
const ANSWER_BEFORE_DEADLINE: Duration = Duration::from_millis(50);

/// The time an operation may take, in seconds: its own timeout, or less where the caller's deadline comes first. One that is too long for
/// any operation stays so, for the gateway to refuse.
pub(super) fn effective_timeout(timeout: f64, metadata: &MetadataMap) -> f64 {
    match until_deadline(metadata) {
        Some(left) if left < timeout && timeout <= WAIT_SECONDS_MAX => left,
        Some(_) | None => timeout,
    }
}

/// Seconds until an answer must go out; `None` for a caller without a deadline.
pub(super) fn until_deadline(metadata: &MetadataMap) -> Option<f64> {
    let timeout = parse(metadata.get("grpc-timeout")?.to_str().ok()?)?;
    // One that no operation takes as a wait is as good as none.
    if timeout.as_secs_f64() > WAIT_SECONDS_MAX {
        return None;
    }
    Some(timeout.saturating_sub(ANSWER_BEFORE_DEADLINE).as_secs_f64())
}

/// Reads at most eight digits and a unit, as the gRPC protocol says; `None` for anything else, which is then ignored.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3_600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(timeout: &'static str) -> MetadataMap {
        let mut metadata = MetadataMap::new();
        metadata.insert("grpc-timeout", timeout.parse().unwrap());
        metadata
    }

    #[test]
    fn the_answer_goes_out_before_the_callers_deadline() {
        assert_eq!(effective_timeout(5.0, &MetadataMap::new()), 5.0);
        assert_eq!(effective_timeout(5.0, &with("1S")), 0.95);
        assert_eq!(effective_timeout(5.0, &with("250000u")), 0.2);
        assert_eq!(effective_timeout(5.0, &with("10m")), 0.0);
        assert_eq!(effective_timeout(0.5, &with("1H")), 0.5);
        assert_eq!(until_deadline(&with("25H")), None);
        assert_eq!(effective_timeout(86_400.0, &with("1S")), 0.95);
        assert_eq!(effective_timeout(86_401.0, &with("1S")), 86_401.0);
    }

    #[test]
    fn a_header_that_is_not_a_timeout_is_ignored() {
        for text in ["", "S", "5", "5s", "-1S", "123456789S", "1.5S"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(
            parse("99999999H"),
            Some(Duration::from_secs(99_999_999 * 3_600))
        );
    }
}
