//! Which time zone a name of TWS's means.
//!
//! The data comes with the program: systems differ in how old theirs is and whether it has names such as `US/Eastern` at all.

use std::sync::LazyLock;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::zone_names;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The clock that TWS showed at the login may differ from ours by so much and still tell how far its zone is from UTC.
const CLOCKS_DIFFER_MAX: SignedDuration = SignedDuration::from_mins(2);
/// Offsets from UTC are multiples of this.
const OFFSET_STEP_SECS: i64 = 15 * 60;
/// And none is larger.
const OFFSET_MAX_SECS: i64 = 14 * 60 * 60;

/// The zone that TWS named at the login. Everything that it writes without a zone, or with the same name, is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SessionZone {
    name: String,
    zone: TimeZone,
}

impl SessionZone {
    /// From the zone's name, TWS's clock beside it, and our own at that moment. Where the name may mean several zones, or is unknown, the clocks tell which.
    /// `None` when neither does.
    pub(super) fn learn(name: &str, tws: DateTime, now: Timestamp) -> Option<Self> {
        let known = known(name);
        let shown = shown_offset(tws, now);
        let fits = |zone: &&TimeZone| Some(zone.to_offset(now)) == shown;
        let zone = match known.iter().find(fits).or(known.first()) {
            Some(zone) => zone.clone(),
            None => TimeZone::fixed(shown?),
        };
        Some(Self {
            name: name.to_owned(),
            zone,
        })
    }

    /// Whether the zone itself is called so in some part of that year.
    fn is_called(&self, name: &str, year: i16) -> bool {
        [1, 7].into_iter().any(|month| {
            let day = jiff::civil::date(year, month, 1).at(0, 0, 0, 0);
            let moment = TimeZone::UTC.to_timestamp(day);
            moment.is_ok_and(|moment| self.zone.to_offset_info(moment).abbreviation() == name)
        })
    }
}

/// The zone of a name in a year. The session's own decides first: abbreviations mean different zones in different places.
pub(super) fn find(name: &str, year: i16, session: Option<&SessionZone>) -> Option<TimeZone> {
    if let Some(session) = session {
        let known = known(name);
        if name.is_empty()
            || session.name == name
            || session.is_called(name, year)
            || known.contains(&session.zone)
        {
            return Some(session.zone.clone());
        }
    }
    known(name).into_iter().next()
}

/// Zones that a name may mean, the likeliest first.
fn known(name: &str) -> Vec<TimeZone> {
    if let Some(zone) = fixed(name) {
        return vec![zone];
    }
    let candidates = zone_names::candidates(name);
    if candidates.is_empty() {
        return ZONES.get(name).into_iter().collect();
    }
    candidates
        .iter()
        .filter_map(|iana| ZONES.get(iana).ok())
        .collect()
}

/// Reads `GMT+08:00`, `UTC-3`, `+0530`.
fn fixed(name: &str) -> Option<TimeZone> {
    let offset = name
        .strip_prefix("GMT")
        .or_else(|| name.strip_prefix("UTC"))
        .unwrap_or(name);
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some((hours, minutes)) if minutes.len() == 2 => (hours, minutes),
        Some(_) => return None,
        None if digits.len() > 2 => digits.split_at_checked(digits.len() - 2)?,
        None => (digits, "0"),
    };
    let number = |text: &str| {
        let digits =
            !text.is_empty() && text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<i32>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if minutes >= 60 || i64::from(hours) * 3_600 > OFFSET_MAX_SECS {
        return None;
    }
    let offset = Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()?;
    Some(TimeZone::fixed(offset))
}

/// How far TWS's clock is from UTC, when it shows the time that it is.
fn shown_offset(tws: DateTime, now: Timestamp) -> Option<Offset> {
    let shown = TimeZone::UTC.to_timestamp(tws).ok()?;
    let ahead = shown.duration_since(now).as_secs();
    let steps = (ahead + OFFSET_STEP_SECS / 2).div_euclid(OFFSET_STEP_SECS);
    let offset = steps * OFFSET_STEP_SECS;
    let differ = SignedDuration::from_secs((ahead - offset).abs());
    if differ > CLOCKS_DIFFER_MAX || offset.abs() > OFFSET_MAX_SECS {
        return None;
    }
    Offset::from_seconds(i32::try_from(offset).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn local(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    /// The offset of a name's zone at noon of a day in August 2026.
    fn summer_offset(name: &str, session: Option<&SessionZone>) -> Option<String> {
        let zone = find(name, 2026, session)?;
        Some(zone.to_offset(at("2026-08-25T12:00:00Z")).to_string())
    }

    fn learnt(name: &str, tws: &str, now: &str) -> Option<String> {
        let session = SessionZone::learn(name, local(tws), at(now))?;
        Some(match session.zone.iana_name() {
            Some(iana) => iana.to_owned(),
            None => session.zone.to_offset(at(now)).to_string(),
        })
    }

    #[test]
    fn names_that_tws_is_known_to_write_have_their_zone() {
        for (name, offset) in [
            ("US/Eastern", "-04"),
            ("EST", "-04"),
            ("Eastern Standard Time", "-04"),
            ("America/Mexico_City", "-06"),
            ("SGT", "+08"),
            ("JST", "+09"),
            ("HKT", "+08"),
            ("BST", "+01"),
            ("British Summer Time", "+01"),
            ("Central European Summer Time", "+02"),
            ("CET", "+02"),
            ("GMT+08:00", "+08"),
            ("UTC-3", "-03"),
            ("GMT+0530", "+05:30"),
            ("UTC", "+00"),
            ("Z", "+00"),
            ("Asia/Kolkata", "+05:30"),
        ] {
            assert_eq!(summer_offset(name, None).as_deref(), Some(offset), "{name}");
        }
        for name in [
            "",
            "Mars/Olympus",
            "XYZ",
            "GMT+99",
            "GMT+1:5",
            "+",
            "Olympus Mons Time",
        ] {
            assert_eq!(summer_offset(name, None), None, "{name:?}");
        }
    }

    #[test]
    fn a_name_with_several_meanings_has_that_of_the_session() {
        let session = |name| {
            let noon = at("2026-08-25T12:00:00Z");
            let zone = known(name).remove(0);
            let tws = zone.to_datetime(noon);
            SessionZone::learn(name, tws, noon).unwrap()
        };
        let offset = |name, of: &SessionZone| summer_offset(name, Some(of)).unwrap();
        assert_eq!(offset("CST", &session("Asia/Shanghai")), "+08");
        assert_eq!(offset("CST", &session("America/Chicago")), "-05");
        assert_eq!(offset("IST", &session("Europe/Dublin")), "+01");
        assert_eq!(offset("IST", &session("Asia/Jerusalem")), "+03");
        assert_eq!(offset("IST", &session("US/Eastern")), "+05:30");
        assert_eq!(offset("BST", &session("Asia/Dhaka")), "+06");
        assert_eq!(offset("", &session("Asia/Tokyo")), "+09");
    }

    #[test]
    fn the_clock_at_the_login_tells_what_its_name_does_not() {
        let noon = "2026-07-01T12:00:00Z";
        for (name, tws, zone) in [
            ("CST", "2026-07-01T20:00:30", "Asia/Shanghai"),
            ("CST", "2026-07-01T07:00:00", "America/Chicago"),
            ("IST", "2026-07-01T13:00:00", "Europe/Dublin"),
            ("EST", "2026-07-01T08:00:00", "America/New_York"),
            ("EST", "2026-07-01T07:00:00", "America/Panama"),
            (
                "Hora de verano de Europa central",
                "2026-07-01T13:59:10",
                "+02",
            ),
            ("", "2026-07-01T17:45:00", "+05:45"),
            // A clock that is wrong says nothing, and a name that is known still does.
            ("US/Eastern", "2026-07-01T03:07:00", "US/Eastern"),
        ] {
            assert_eq!(
                learnt(name, tws, noon).as_deref(),
                Some(zone),
                "{name} {tws}"
            );
        }
        assert_eq!(learnt("Nowhere", "2026-07-01T03:07:00", noon), None);
        assert_eq!(learnt("Nowhere", "2026-06-29T12:00:00", noon), None);
    }

    #[test]
    fn a_name_that_the_login_used_has_its_zone() {
        let session = SessionZone::learn(
            "Hora central",
            local("2026-07-01T14:00:00"),
            at("2026-07-01T12:00:00Z"),
        );
        assert_eq!(
            summer_offset("Hora central", session.as_ref()).as_deref(),
            Some("+02")
        );
    }
}
