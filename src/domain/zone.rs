//! Time zones by their IANA names, and what is reckoned in one: the day of the limits, the hour of a planned restart.
//!
//! The data comes with the program: systems differ in how old theirs is.

use std::fmt;
use std::sync::LazyLock;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use super::Timestamp;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone with its daylight saving, for example `America/New_York`.
#[derive(Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

/// A calendar day of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Its first microsecond.
    pub start: Timestamp,
    /// The first microsecond of the next day.
    pub end: Timestamp,
}

impl Zone {
    /// Of the exchanges in New York.
    pub fn new_york() -> Self {
        Self::named("America/New_York").unwrap_or(Self(TimeZone::UTC))
    }

    /// The zone with this IANA name; `None` for a name that the database of zones does not have.
    pub fn named(name: &str) -> Option<Self> {
        ZONES.get(name).ok().map(Self)
    }

    /// Its IANA name.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or_default()
    }

    /// The calendar day that a time falls on. A day is 23 or 25 hours long where clocks change.
    pub fn day_of(&self, time: Timestamp) -> Day {
        let date = self.date_of(time);
        Day {
            start: self
                .first(date, Time::midnight())
                .unwrap_or(Timestamp::from_unix_micros(i64::MIN)),
            end: date
                .tomorrow()
                .ok()
                .and_then(|next| self.first(next, Time::midnight()))
                .unwrap_or(Timestamp::from_unix_micros(i64::MAX)),
        }
    }

    /// The first time, not before `now`, at which the zone's clocks show this hour and minute. Where clocks skip it, the moment they skip.
    pub fn next_at(&self, now: Timestamp, (hour, minute): (i8, i8)) -> Option<Timestamp> {
        let time_of_day = Time::new(hour, minute, 0, 0).ok()?;
        let mut date = self.date_of(now);
        // Today, or tomorrow; on the day before a change of clocks, or at the end of one, the day after that.
        for _ in 0..3 {
            let found = [
                self.first(date, time_of_day),
                self.second(date, time_of_day),
            ];
            if let Some(time) = found
                .into_iter()
                .flatten()
                .filter(|time| *time >= now)
                .min()
            {
                return Some(time);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn date_of(&self, time: Timestamp) -> Date {
        jiff::Timestamp::from_microsecond(time.unix_micros())
            .map_or(Date::MAX, |time| self.0.to_datetime(time).date())
    }

    /// When the clocks first show a time of a day; the moment of the change where they skip it.
    fn first(&self, date: Date, time_of_day: Time) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(date.to_datetime(time_of_day));
        let found = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()?
            }
            // No clock shows it: the change is the next one after the instant that lies as far before it.
            AmbiguousOffset::Gap { .. } => {
                let before = ambiguous.earlier().ok()?;
                self.0.following(before).next()?.timestamp()
            }
        };
        Some(Timestamp::from_unix_micros(found.as_microsecond()))
    }

    /// When they show it again, on the day on which clocks are put back.
    fn second(&self, date: Date, time_of_day: Time) -> Option<Timestamp> {
        let ambiguous = self.0.to_ambiguous_timestamp(date.to_datetime(time_of_day));
        let AmbiguousOffset::Fold { .. } = ambiguous.offset() else {
            return None;
        };
        let later = ambiguous.later().ok()?;
        Some(Timestamp::from_unix_micros(later.as_microsecond()))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

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

    fn next(zone_name: &str, now: &str, hour: i8, minute: i8) -> String {
        let found = zone(zone_name).next_at(utc(now), (hour, minute));
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
