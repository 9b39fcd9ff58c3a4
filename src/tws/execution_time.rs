//! The time of an execution, which TWS writes as local time with the name of a zone.

use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};
use time_tz::{OffsetResult, PrimitiveDateTimeExt, Tz, timezones};

use crate::domain::Timestamp;

/// Reads `20260825 14:11:30 US/Eastern`, `20260825-14:11:30` (UTC) and `20260825 14:11:30`, which is in the zone that TWS named when the session
/// began. `None` for anything else, and for a zone nobody knows. A reading in the hour that clocks repeat in autumn is taken as the first of the two.
pub(super) fn parse(text: &str, session_zone: Option<&Tz>) -> Option<Timestamp> {
    let local = local_time(text.get(..17)?)?;
    let utc = text.as_bytes()[8] == b'-';
    let zone = match text[17..].trim() {
        "" if utc => return Some(local.assume_utc().into()),
        "" => session_zone?,
        name => timezones::get_by_name(name)?,
    };
    match local.assume_timezone(zone) {
        OffsetResult::Some(time) | OffsetResult::Ambiguous(time, _) => {
            Some(<OffsetDateTime as Into<Timestamp>>::into(time))
        }
        OffsetResult::None => None,
    }
}

/// Reads the 17 characters `YYYYMMDD hh:mm:ss`, where the blank may be a hyphen.
fn local_time(text: &str) -> Option<PrimitiveDateTime> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0u16, |sum, digit| {
            digit
                .is_ascii_digit()
                .then(|| sum * 10 + u16::from(digit - b'0'))
        })
    };
    let small = |from: usize| number(from, from + 2).and_then(|n| u8::try_from(n).ok());
    if !matches!(bytes[8], b' ' | b'-') || bytes[11] != b':' || bytes[14] != b':' {
        return None;
    }
    let date = Date::from_calendar_date(
        i32::from(number(0, 4)?),
        Month::try_from(small(4)?).ok()?,
        small(6)?,
    );
    let time = Time::from_hms(small(9)?, small(12)?, small(15)?);
    Some(PrimitiveDateTime::new(date.ok()?, time.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(given: &str) -> Option<String> {
        parse(given, timezones::get_by_name("Europe/London")).map(|time| time.to_string())
    }

    #[test]
    fn a_zone_in_the_text_is_used_with_its_daylight_saving() {
        assert_eq!(
            text("20260825 14:11:30 US/Eastern").as_deref(),
            Some("2026-08-25T18:11:30Z")
        );
        assert_eq!(
            text("20261201 14:11:30 America/New_York").as_deref(),
            Some("2026-12-01T19:11:30Z")
        );
    }

    #[test]
    fn a_hyphen_means_utc_and_no_zone_means_the_zone_of_the_session() {
        assert_eq!(
            text("20260825-14:11:30").as_deref(),
            Some("2026-08-25T14:11:30Z")
        );
        assert_eq!(
            text("20260825 14:11:30").as_deref(),
            Some("2026-08-25T13:11:30Z")
        );
        assert_eq!(parse("20260825 14:11:30", None), None);
    }

    #[test]
    fn what_is_not_a_time_or_names_an_unknown_zone_is_not_read() {
        for given in [
            "",
            "20260825",
            "20260825 14:11",
            "20260825 14:11:30 Mars/Olympus",
            "2026-08-25 14:11:30 US/Eastern",
            "20261325 14:11:30",
            "20260825 24:11:30",
            "2026082é 14:11:30 UTC",
        ] {
            assert_eq!(text(given), None, "{given:?}");
        }
    }
}
