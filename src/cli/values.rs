//! Single values of the command line.

use crate::domain::{Action, Status, Timestamp, WAIT_SECONDS_MAX};

/// A wait in seconds, fractions allowed.
pub(super) fn wait(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=WAIT_SECONDS_MAX).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => {
            Err("give a number of seconds from 0 to 86400, for example 5 or 0.5".to_owned())
        }
    }
}

/// A point in time.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text.trim()).ok_or_else(|| {
        "give a time with its zone in RFC 3339, for example 2026-11-22T09:30:00-05:00".to_owned()
    })
}

/// A status in any case.
pub(super) fn action(text: &str) -> Result<Action, String> {
    text.to_ascii_uppercase()
        .parse()
        .map_err(|_| "give BUY or SELL".to_owned())
}

/// A status by its word.
pub(super) fn status(text: &str) -> Result<Status, String> {
    text.trim().to_ascii_uppercase().parse().map_err(|_| {
        let words: Vec<_> = Status::ALL.iter().map(|status| status.as_str()).collect();
        format!("use one of: {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_number_of_seconds_up_to_a_day() {
        assert_eq!(wait("0.5"), Ok(0.5));
        for text in ["-1", "86401", "NaN", "inf", "1e300", "", "five", "1s"] {
            assert!(wait(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_time_has_its_zone() {
        let found = time("2026-11-22T09:30:00-05:00").map(|time| time.to_string());
        assert_eq!(found.as_deref(), Ok("2026-11-22T14:30:00Z"));
        for text in ["2026-11-22", "2026-11-22T09:30:00", "yesterday"] {
            assert!(
                time(text).is_err_and(|said| said.contains("RFC 3339")),
                "{text}"
            );
        }
    }

    #[test]
    fn a_status_may_be_typed_in_any_case_and_a_wrong_one_lists_the_words() {
        assert_eq!(status("filled"), Ok(Status::Filled));
        assert!(status("DONE").is_err_and(|text| text.contains("STAGED, SUBMITTING")));
    }
}
