//! `CANCEL_ON_DISCONNECT`: callers whose entries are cancelled when their last stream has ended, each after a grace time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::CallerName;

/// The longest grace time: what is to be cancelled only after an hour is not guarded by its stream.
const GRACE_MAX: Duration = Duration::from_secs(3_600);

/// Grace times by caller.
pub type DisconnectGrace = BTreeMap<CallerName, Duration>;

/// Reads `NAME=15s`, several of them with commas between. Times are in `ms`, `s` or `m`.
///
/// # Errors
/// What is wrong with it, for people.
pub fn parse_disconnect_grace(text: &str) -> Result<DisconnectGrace, String> {
    let mut found = DisconnectGrace::new();
    for entry in text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
    {
        let wrong = |what: &str| Err(format!("{entry:?} {what}, for example algo=15s"));
        // A name may have an equals sign in it; a time has none.
        let Some((name, time)) = entry.rsplit_once('=') else {
            return wrong("is not a caller with a time");
        };
        let Some(name) = CallerName::new(name.trim()) else {
            return wrong("does not begin with the name of a caller");
        };
        let Some(time) = duration(time.trim()).filter(|time| *time <= GRACE_MAX) else {
            return wrong("does not end with a time up to 60m");
        };
        if found.insert(name, time).is_some() {
            return wrong("names a caller that an entry before it names");
        }
    }
    Ok(found)
}

fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_have_their_grace_times() {
        let found = parse_disconnect_grace("algo=15s, spiffe://x/y=500ms,slow=2m").unwrap();
        let shown: Vec<_> = found
            .iter()
            .map(|(name, time)| (name.as_str(), time.as_millis()))
            .collect();
        assert_eq!(
            shown,
            [("algo", 15_000), ("slow", 120_000), ("spiffe://x/y", 500)]
        );
        assert_eq!(parse_disconnect_grace(" "), Ok(DisconnectGrace::new()));
    }

    #[test]
    fn what_is_not_a_caller_with_a_time_is_refused() {
        for text in [
            "algo",
            "algo=",
            "algo=15",
            "=15s",
            "algo=15h",
            "algo=-1s",
            "algo=61m",
            "two words=1s",
            "a=1s,a=2s",
        ] {
            assert!(parse_disconnect_grace(text).is_err(), "{text}");
        }
    }
}
