//! Times as TWS writes them. The clock itself is read only by the server task, which passes it in.

use time::{Date, Duration, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset, Weekday};

/// The moment a step happens: microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Now(pub(crate) i64);

impl Now {
    pub(crate) fn read() -> Self {
        let nanos = OffsetDateTime::now_utc().unix_timestamp_nanos();
        Self(i64::try_from(nanos / 1000).unwrap_or(i64::MAX))
    }

    pub(crate) fn micros(self) -> i64 {
        self.0
    }

    pub(crate) fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub(crate) fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// "20261101 10:00:00 US/Eastern", the form of the version acknowledgement, executions and completed orders.
    pub(crate) fn stamp(self) -> String {
        let at = self.eastern();
        let (date, time) = (at.date(), at.time());
        format!(
            "{:04}{:02}{:02} {:02}:{:02}:{:02} US/Eastern",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second()
        )
    }

    /// "14:11", the form of the time of account values.
    pub(crate) fn hour_and_minute(self) -> String {
        let time = self.eastern().time();
        format!("{:02}:{:02}", time.hour(), time.minute())
    }

    /// "20261101", where the stamp has it.
    pub(crate) fn date_digits(self) -> String {
        let date = self.eastern().date();
        let month = u8::from(date.month());
        format!("{:04}{month:02}{:02}", date.year(), date.day())
    }

    /// The trading day, as a count of days.
    pub(crate) fn day(self) -> i32 {
        self.eastern().date().to_julian_day()
    }

    /// The next half past nine in New York on a weekday, as the 399 warning words it.
    pub(crate) fn next_open(self) -> String {
        let at = self.eastern();
        let opening = Time::from_hms(9, 30, 0).unwrap_or(Time::MIDNIGHT);
        let mut date = at.date();
        if at.time() >= opening {
            date = date.next_day().unwrap_or(date);
        }
        while matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            date = date.next_day().unwrap_or(date);
        }
        format!(
            "{:04}-{:02}-{:02} 09:30:00 US/Eastern",
            date.year(),
            u8::from(date.month()),
            date.day()
        )
    }

    /// The close of the last day of the quarter after this one: when IB ends an order that is good till cancelled, as a
    /// capture of August shows it (the end of December).
    pub(crate) fn end_of_next_quarter(self) -> String {
        let date = self.eastern().date();
        // The first month of the quarter after the next one, counted from 0; its day before is the end.
        let months = i32::from((u8::from(date.month()) - 1) / 3 * 3) + 6;
        let (year, month) = (date.year() + months / 12, months % 12 + 1);
        let first = u8::try_from(month)
            .ok()
            .and_then(|month| Month::try_from(month).ok())
            .and_then(|month| Date::from_calendar_date(year, month, 1).ok())
            .unwrap_or(date);
        let end = first.previous_day().unwrap_or(first);
        format!(
            "{:04}{:02}{:02} 16:00:00 US/Eastern",
            end.year(),
            u8::from(end.month()),
            end.day()
        )
    }

    fn eastern(self) -> OffsetDateTime {
        let utc = OffsetDateTime::from_unix_timestamp(self.seconds())
            .unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let hours = if is_daylight_time(utc) { -4 } else { -5 };
        utc.to_offset(UtcOffset::from_hms(hours, 0, 0).unwrap_or(UtcOffset::UTC))
    }
}

/// New York: from the second Sunday of March to the first Sunday of November, both at 2:00 local time.
fn is_daylight_time(utc: OffsetDateTime) -> bool {
    let year = utc.year();
    let sunday = |month: Month, nth: i64, utc_hour: u8| {
        let first = Date::from_calendar_date(year, month, 1).unwrap_or(Date::MIN);
        let to_sunday = (7 - i64::from(first.weekday().number_days_from_sunday())) % 7;
        let date = first.saturating_add(Duration::days(to_sunday + 7 * (nth - 1)));
        PrimitiveDateTime::new(
            date,
            Time::from_hms(utc_hour, 0, 0).unwrap_or(Time::MIDNIGHT),
        )
        .assume_utc()
    };
    utc >= sunday(Month::March, 2, 7) && utc < sunday(Month::November, 1, 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summer_and_winter_times_are_those_of_new_york() {
        // 2026-08-25 18:11:30 UTC is the fill of a capture that says 14:11:30 US/Eastern.
        assert_eq!(
            Now(1_787_681_490_000_000).stamp(),
            "20260825 14:11:30 US/Eastern"
        );
        assert_eq!(
            Now(1_767_225_600_000_000).stamp(),
            "20251231 19:00:00 US/Eastern"
        );
    }

    #[test]
    fn the_change_to_winter_time_happens_at_two_in_the_morning() {
        let change = 1_793_512_800; // 2026-11-01 06:00:00 UTC
        assert_eq!(
            Now((change - 1) * 1_000_000).stamp(),
            "20261101 01:59:59 US/Eastern"
        );
        assert_eq!(
            Now(change * 1_000_000).stamp(),
            "20261101 01:00:00 US/Eastern"
        );
    }

    #[test]
    fn an_order_till_cancelled_ends_with_the_next_quarter() {
        for (micros, end) in [
            (1_787_681_490_000_000, "20261231 16:00:00 US/Eastern"),
            (1_767_225_600_000_000, "20260331 16:00:00 US/Eastern"),
            (1_772_323_200_000_000, "20260630 16:00:00 US/Eastern"),
        ] {
            assert_eq!(Now(micros).end_of_next_quarter(), end);
        }
    }

    #[test]
    fn the_next_opening_skips_the_weekend() {
        // Monday 2026-08-24 20:53 UTC, after the close: the capture names the 25th.
        assert_eq!(
            Now(1_787_604_800_000_000).next_open(),
            "2026-08-25 09:30:00 US/Eastern"
        );
        // Saturday 2026-08-29: the capture names Monday the 31st.
        assert_eq!(
            Now(1_788_013_400_000_000).next_open(),
            "2026-08-31 09:30:00 US/Eastern"
        );
    }
}
