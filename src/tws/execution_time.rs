//! Times as TWS writes them: local, with the name of a zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, Offset};

use super::zones::{self, SessionZone};
use crate::domain::Timestamp;

/// Reads `20260825 14:11:30 US/Eastern`, `20260825-14:11:30` (UTC) and `20260825 14:11:30`, which is in the zone that TWS named at the login. `None` for
/// anything else, and for a zone nobody knows. A reading in the hour that clocks repeat in autumn is taken as the first of the two, unless the name of
/// the zone tells them apart.
pub(super) fn parse(text: &str, session: Option<&SessionZone>) -> Option<Timestamp> {
    let (local, dash, name) = split(text)?;
    let name = if dash && name.is_empty() { "UTC" } else { name };
    let zone = zones::find(name, local.year(), session)?;
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { .. } => return None,
        AmbiguousOffset::Fold { before, after } => {
            let called = |offset: Offset| {
                let time = offset.to_timestamp(local).ok()?;
                Some(zone.to_offset_info(time).abbreviation() == name)
            };
            if called(after)? && !called(before)? {
                after
            } else {
                before
            }
        }
    };
    let time = offset.to_timestamp(local).ok()?;
    Some(Timestamp::from_unix_micros(time.as_microsecond()))
}

/// The local time, whether a hyphen stands in it, and the name of its zone.
pub(super) fn split(text: &str) -> Option<(DateTime, bool, &str)> {
    let (day, rest) = text.trim().split_at_checked(8)?;
    let (dash, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest.strip_prefix(' ')?.trim_start_matches(' ')),
    };
    let (clock, name) = rest.split_at_checked(8)?;
    let name = match name.strip_prefix(' ') {
        Some(name) => name.trim(),
        None if matches!(name, "" | "Z") => name,
        None => return None,
    };
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<i16>().ok()).flatten()
    };
    let small = |text: &str| number(text).and_then(|number| i8::try_from(number).ok());
    let (year, month_day) = day.split_at_checked(4)?;
    let (month, day) = month_day.split_at_checked(2)?;
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [hour, minute, second].iter().any(|part| part.len() != 2) {
        return None;
    }
    let day = Date::new(number(year)?, small(month)?, small(day)?).ok()?;
    let time = Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    Some((day.to_datetime(time), dash, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read in a session whose TWS runs in London.
    fn text(given: &str) -> Option<String> {
        let noon = "2026-08-25T12:00:00Z".parse().unwrap();
        let (local, _, name) = split("20260825 13:00:00 Europe/London").unwrap();
        let london = SessionZone::learn(name, local, noon);
        parse(given, london.as_ref()).map(|time| time.to_string())
    }

    #[test]
    fn a_zone_in_the_text_is_used_with_its_daylight_saving() {
        for (given, expected) in [
            ("20260825 14:11:30 US/Eastern", "2026-08-25T18:11:30Z"),
            ("20261201 14:11:30 America/New_York", "2026-12-01T19:11:30Z"),
            ("20260825  14:11:30  EST", "2026-08-25T18:11:30Z"),
            ("20260825 22:11:30 SGT", "2026-08-25T14:11:30Z"),
            ("20260825 23:11:30 JST", "2026-08-25T14:11:30Z"),
            ("20260825 22:11:30 HKT", "2026-08-25T14:11:30Z"),
            ("20260825 15:11:30 BST", "2026-08-25T14:11:30Z"),
            (
                "20260825 15:11:30 British Summer Time",
                "2026-08-25T14:11:30Z",
            ),
            (
                "20260825 16:11:30 Central European Summer Time",
                "2026-08-25T14:11:30Z",
            ),
            ("20260825 22:11:30 GMT+08:00", "2026-08-25T14:11:30Z"),
        ] {
            assert_eq!(text(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn a_hyphen_means_utc_and_no_zone_means_the_zone_of_the_session() {
        for (given, expected) in [
            ("20260825-14:11:30", "2026-08-25T14:11:30Z"),
            ("20260825-14:11:30Z", "2026-08-25T14:11:30Z"),
            ("20260825-14:11:30 US/Eastern", "2026-08-25T18:11:30Z"),
            ("20260825 14:11:30", "2026-08-25T13:11:30Z"),
        ] {
            assert_eq!(text(given).as_deref(), Some(expected), "{given}");
        }
        assert_eq!(parse("20260825 14:11:30", None), None);
    }

    #[test]
    fn of_the_hour_that_comes_twice_the_name_tells_which_and_the_skipped_one_is_no_time() {
        for (given, expected) in [
            ("20261101 01:30:00 US/Eastern", Some("2026-11-01T05:30:00Z")),
            ("20261101 01:30:00 EDT", Some("2026-11-01T05:30:00Z")),
            ("20261101 01:30:00 EST", Some("2026-11-01T06:30:00Z")),
            ("20260308 02:30:00 US/Eastern", None),
        ] {
            assert_eq!(text(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn what_is_not_a_time_or_names_an_unknown_zone_is_not_read() {
        for given in [
            "",
            "20260825",
            "20260825 14:11",
            "20260825 14:11:30 Mars/Olympus",
            "20260825 14:11:30US/Eastern",
            "2026-08-25 14:11:30 US/Eastern",
            "20261325 14:11:30",
            "20260825 24:11:30",
            "20260825 1:011:30",
            "2026082é 14:11:30 UTC",
        ] {
            assert_eq!(text(given), None, "{given:?}");
        }
    }
}
