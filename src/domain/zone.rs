//! Time zones by their IANA names, and what is reckoned in one: the day of the limits, the hour of a planned restart.

use std::fmt;

use time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
use time_tz::{OffsetDateTimeExt as _, OffsetResult, PrimitiveDateTimeExt as _, TimeZone as _, Tz};

use super::Timestamp;

/// A time zone with its daylight saving, for example `America/New_York`.
#[derive(Clone, Copy)]
pub struct Zone(&'static Tz);

/// A calendar day of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its first microsecond.
    pub start: Timestamp,
    /// The first microsecond of the next day.
    pub end: Timestamp,
}

impl Zone {
    /// The zone with this IANA name; `None` for a name that the database of zones does not have.
    pub fn named(name: &str) -> Option<Self> {
        time_tz::timezones::get_by_name(name).map(Self)
    }

    /// Its IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The calendar day that a time falls on. A day is 23 or 25 hours long where clocks change.
    pub fn day_of(self, time: Timestamp) -> Day {
        let date = self.date_of(time);
        let start = self.at(date, Time::MIDNIGHT);
        let end = date
            .next_day()
            .map_or(Timestamp::from_unix_micros(i64::MAX), |next| {
                self.at(next, Time::MIDNIGHT)
            });
        Day { start, end }
    }

    /// The first time, not before `now`, at which the zone's clocks show this time of day. Where clocks skip it, the moment they skip.
    pub fn next_at(self, now: Timestamp, time_of_day: Time) -> Option<Timestamp> {
        let mut date = self.date_of(now);
        // Today, or tomorrow; on the day before a change of clocks, or at the end of one, the day after that.
        for _ in 0..3 {
            let local = PrimitiveDateTime::new(date, time_of_day);
            let found = match local.assume_timezone(self.0) {
                OffsetResult::Some(time) => [Some(time.into()), None],
                OffsetResult::Ambiguous(first, second) => [Some(first.into()), Some(second.into())],
                OffsetResult::None => [Some(self.at(date, time_of_day)), None],
            };
            if let Some(time) = found
                .into_iter()
                .flatten()
                .filter(|time| *time >= now)
                .min()
            {
                return Some(time);
            }
            date = date.next_day()?;
        }
        None
    }

    fn date_of(self, time: Timestamp) -> Date {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(time.unix_micros()) * 1_000)
            .map_or(Date::MAX, |time| time.to_timezone(self.0).date())
    }

    /// A local time; the first of two where clocks repeat it, and the moment of the change where they skip it.
    fn at(self, date: Date, time_of_day: Time) -> Timestamp {
        let mut local = PrimitiveDateTime::new(date, time_of_day);
        // No zone skips more than a day.
        for _ in 0..=24 * 60 {
            match local.assume_timezone(self.0) {
                OffsetResult::Some(time) | OffsetResult::Ambiguous(time, _) => return time.into(),
                OffsetResult::None => local = local.saturating_add(time::Duration::MINUTE),
            }
        }
        local.assume_utc().into()
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Zone {}

impl Day {
    /// Whether a time falls on it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    fn zone(name: &str) -> Zone {
        Zone::named(name).unwrap()
    }

    fn day(zone_name: &str, time: &str) -> (String, String) {
        let day = zone(zone_name).day_of(utc(time));
        (day.start.to_string(), day.end.to_string())
    }

    fn next(zone_name: &str, now: &str, hour: u8, minute: u8) -> String {
        let time = Time::from_hms(hour, minute, 0).unwrap();
        let found = zone(zone_name).next_at(utc(now), time);
        found.map(|time| time.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_day_begins_and_ends_at_the_zones_midnight() {
        assert_eq!(
            day("America/New_York", "2026-08-25T03:59:59.999999Z"),
            (
                "2026-08-24T04:00:00Z".to_owned(),
                "2026-08-25T04:00:00Z".to_owned()
            )
        );
        assert_eq!(
            day("America/New_York", "2026-08-25T04:00:00Z"),
            (
                "2026-08-25T04:00:00Z".to_owned(),
                "2026-08-26T04:00:00Z".to_owned()
            )
        );
        assert_eq!(
            day("Asia/Tokyo", "2026-08-24T15:00:00Z").0,
            "2026-08-24T15:00:00Z"
        );
    }

    #[test]
    fn the_days_on_which_clocks_change_are_23_and_25_hours_long() {
        assert_eq!(
            day("America/New_York", "2026-03-08T12:00:00Z"),
            (
                "2026-03-08T05:00:00Z".to_owned(),
                "2026-03-09T04:00:00Z".to_owned()
            )
        );
        assert_eq!(
            day("America/New_York", "2026-11-01T12:00:00Z"),
            (
                "2026-11-01T04:00:00Z".to_owned(),
                "2026-11-02T05:00:00Z".to_owned()
            )
        );
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_the_clocks_have_changed() {
        // Beirut's clocks go from 00:00 to 01:00.
        assert_eq!(
            day("Asia/Beirut", "2026-03-29T12:00:00Z").0,
            "2026-03-28T22:00:00Z"
        );
    }

    #[test]
    fn the_next_time_of_day_is_today_or_tomorrow() {
        assert_eq!(
            next("America/New_York", "2026-08-25T03:00:00Z", 23, 45),
            "2026-08-25T03:45:00Z"
        );
        assert_eq!(
            next("America/New_York", "2026-08-25T03:45:00Z", 23, 45),
            "2026-08-25T03:45:00Z"
        );
        assert_eq!(
            next("America/New_York", "2026-08-25T03:45:00.000001Z", 23, 45),
            "2026-08-26T03:45:00Z"
        );
    }

    #[test]
    fn a_time_of_day_that_clocks_repeat_comes_twice_and_one_they_skip_comes_when_they_skip_it() {
        assert_eq!(
            next("America/New_York", "2026-11-01T05:00:00Z", 1, 30),
            "2026-11-01T05:30:00Z"
        );
        assert_eq!(
            next("America/New_York", "2026-11-01T05:31:00Z", 1, 30),
            "2026-11-01T06:30:00Z"
        );
        assert_eq!(
            next("America/New_York", "2026-03-08T06:00:00Z", 2, 30),
            "2026-03-08T07:00:00Z"
        );
    }

    #[test]
    fn a_name_that_is_no_zone_is_none() {
        assert_eq!(Zone::named("Mars/Olympus"), None);
        assert_eq!(zone("US/Eastern").name(), "US/Eastern");
    }
}
