//! The planned daily restart of TWS, before which no order is begun.

use std::time::Duration;

use super::{Timestamp, Zone};

/// How long before a planned restart new orders are refused: what TWS has not sent on by then, it may lose.
pub const QUIET_BEFORE_RESTART: Duration = Duration::from_secs(120);

/// A time of day, in a zone, at which TWS restarts by itself (`TWS_RESTART_AT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestartWindow {
    /// Hour and minute.
    time_of_day: (i8, i8),
    zone: Zone,
}

impl RestartWindow {
    /// Reads `HH:MM Zone/Name`, for example `23:45 America/New_York`.
    ///
    /// # Errors
    /// What is wrong with the text, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a time of day with its zone, for example 23:45 America/New_York"
            )
        };
        let (clock, zone) = text.trim().split_once(' ').ok_or_else(wrong)?;
        let (hour, minute) = clock.split_once(':').ok_or_else(wrong)?;
        let two_digits = |part: &str| {
            (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse::<i8>().ok())
                .flatten()
        };
        let (Some(hour), Some(minute)) = (two_digits(hour), two_digits(minute)) else {
            return Err(wrong());
        };
        if hour > 23 || minute > 59 {
            return Err(wrong());
        }
        let time_of_day = (hour, minute);
        let zone = zone.trim();
        let zone = Zone::named(zone).ok_or_else(|| {
            format!("{zone:?} is not the name of a time zone, for example America/New_York")
        })?;
        Ok(Self { time_of_day, zone })
    }

    /// How long the restart is still away, where it is so near that no order is begun; `None` at any other time.
    pub fn imminent(&self, now: Timestamp) -> Option<Duration> {
        let restart = self.zone.next_at(now, self.time_of_day)?;
        let micros = restart.unix_micros().checked_sub(now.unix_micros())?;
        let away = Duration::from_micros(u64::try_from(micros).ok()?);
        // At the very minute TWS restarts; from then on its absence is seen.
        (!away.is_zero() && away <= QUIET_BEFORE_RESTART).then_some(away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> RestartWindow {
        RestartWindow::parse(text).unwrap()
    }

    fn imminent(at: &str, now: &str) -> Option<Duration> {
        window(at).imminent(Timestamp::parse(now).unwrap())
    }

    #[test]
    fn orders_are_refused_for_the_two_minutes_before_a_restart_and_at_no_other_time() {
        let at = "23:45 America/New_York";
        for (now, away) in [
            ("2026-08-25T03:42:59.999999Z", None),
            ("2026-08-25T03:43:00Z", Some(120)),
            ("2026-08-25T03:44:59Z", Some(1)),
            ("2026-08-25T03:45:00Z", None),
            ("2026-08-25T12:00:00Z", None),
        ] {
            assert_eq!(imminent(at, now), away.map(Duration::from_secs), "{now}");
        }
    }

    #[test]
    fn midnight_of_the_zone_is_announced_on_the_day_before() {
        assert_eq!(
            imminent("00:00 Europe/Berlin", "2026-08-25T21:59:00Z"),
            Some(Duration::from_secs(60))
        );
    }

    #[test]
    fn what_is_not_a_time_of_day_with_a_zone_is_refused() {
        for text in [
            "",
            "23:45",
            "23:45 Mars/Olympus",
            "24:00 UTC",
            "3:45 UTC",
            "23:60 UTC",
            "23-45 UTC",
            "+1:00 UTC",
            "America/New_York 23:45",
        ] {
            assert!(RestartWindow::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(window(" 23:45   UTC "), window("23:45 UTC"));
    }
}
