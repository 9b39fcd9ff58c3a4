//! Times as clients write them: with a zone, without one, or in UTC with a dash.

use std::sync::LazyLock;

use jiff::civil::{self, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use time::{Date, Month};

/// The data that comes with the program, the same on every system.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The zone in which the simulated TWS runs.
pub(crate) const ZONE: &str = "US/Eastern";

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrittenTime {
    /// Seconds since 1970.
    pub(crate) seconds: i64,
    /// Whether it named its zone, or UTC by its dash; without either TWS takes its own zone.
    pub(crate) named_zone: bool,
}

/// Why a text is no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeError {
    Form,
    Zone,
}

/// Reads `yyyymmdd hh:mm:ss ZONE`, `yyyymmdd-hh:mm:ss` (UTC) or `yyyymmdd hh:mm:ss` (TWS's zone).
pub(crate) fn read_time(text: &str) -> Result<WrittenTime, TimeError> {
    let mut parts = text.split_whitespace();
    let first = parts.next().ok_or(TimeError::Form)?;
    if let Some((date, time)) = first.split_once('-') {
        // sv214 answers times with a trailing Z; whoever sends one back means UTC as well.
        let at = moment(date, time.trim_end_matches('Z'))?;
        return match parts.next() {
            None => Ok(WrittenTime {
                seconds: seconds(&TimeZone::UTC, at)?,
                named_zone: true,
            }),
            Some(_) => Err(TimeError::Form),
        };
    }
    let time = parts.next().ok_or(TimeError::Form)?;
    let at = moment(first, time)?;
    let zone = parts.next();
    if parts.next().is_some() {
        return Err(TimeError::Form);
    }
    let known = self::zone(zone.unwrap_or(ZONE)).ok_or(TimeError::Zone)?;
    Ok(WrittenTime {
        seconds: seconds(&known, at)?,
        named_zone: zone.is_some(),
    })
}

/// A zone by its name in the tz database. "GMT" is refused where "UTC" is taken (atreyu #14).
fn zone(name: &str) -> Option<TimeZone> {
    if name == "GMT" {
        return None;
    }
    ZONES.get(name).ok()
}

/// Seconds since 1970. The hour that a change to winter time repeats is taken as the first of both; one that a change to summer time skips is
/// no time.
fn seconds(zone: &TimeZone, at: DateTime) -> Result<i64, TimeError> {
    let at = zone.to_ambiguous_timestamp(at);
    if let AmbiguousOffset::Gap { .. } = at.offset() {
        return Err(TimeError::Form);
    }
    let at = at.earlier().map_err(|_| TimeError::Form)?;
    Ok(at.as_second())
}

fn moment(date: &str, time: &str) -> Result<DateTime, TimeError> {
    let date = read_date(date).ok_or(TimeError::Form)?;
    let mut fields = time.split(':').map(|field| match field.len() {
        1 | 2 => field.parse::<i8>().ok(),
        _ => None,
    });
    let mut next = || fields.next().flatten();
    let time = match (next(), next(), next()) {
        (Some(hour), Some(minute), Some(second)) => civil::Time::new(hour, minute, second, 0).ok(),
        _ => None,
    };
    match (time, fields.next()) {
        (Some(time), None) => Ok(date.to_datetime(time)),
        _ => Err(TimeError::Form),
    }
}

/// `yyyymmdd`.
fn read_date(text: &str) -> Option<civil::Date> {
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let date = date_of(text.parse().ok()?)?;
    let (month, day) = (
        i8::try_from(u8::from(date.month())),
        i8::try_from(date.day()),
    );
    civil::Date::new(i16::try_from(date.year()).ok()?, month.ok()?, day.ok()?).ok()
}

/// The date that a number such as 20260825 stands for.
pub(crate) fn date_of(number: i32) -> Option<Date> {
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-08-25 14:11:30 in New York.
    const FILL: i64 = 1_787_681_490;

    #[test]
    fn the_same_moment_in_every_form_is_the_same_second() {
        for (text, named_zone) in [
            ("20260825 14:11:30 US/Eastern", true),
            ("20260825 14:11:30 America/New_York", true),
            ("20260825 20:11:30 CET", true),
            ("20260825 18:11:30 UTC", true),
            ("20260825-18:11:30", true),
            ("20260825-18:11:30Z", true),
            ("20260826 03:11:30 Asia/Tokyo", true),
            ("20260825 14:11:30", false),
        ] {
            let expected = WrittenTime {
                seconds: FILL,
                named_zone,
            };
            assert_eq!(read_time(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_apart_from_an_unknown_zone() {
        for text in [
            "",
            "20260825",
            "2026082 14:11:30",
            "20261325 14:11:30",
            "20260825 24:00:00",
            "20260825 14:11",
            "20260825 14:11:30:00",
            "20260825-14:11:30 UTC",
            "20260825 14:11:30 US/Eastern now",
            "20260329 02:30:00 Europe/Berlin",
        ] {
            assert_eq!(read_time(text), Err(TimeError::Form), "{text}");
        }
        for text in ["20260825 14:11:30 GMT", "20260825 14:11:30 Moon/Base"] {
            assert_eq!(read_time(text), Err(TimeError::Zone), "{text}");
        }
    }

    #[test]
    fn a_number_is_a_date_when_its_month_has_that_day() {
        assert!(date_of(20_260_228).is_some());
        for number in [20_260_229, 20_261_301, 0, -1, i32::MAX] {
            assert_eq!(date_of(number), None, "{number}");
        }
    }
}
