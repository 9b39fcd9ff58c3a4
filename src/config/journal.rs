//! Settings of a journal that several gateways share.

use std::path::PathBuf;
use std::time::Duration;

/// Where the journal is, and how its gateways agree on who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalConfig {
    /// `JOURNAL_SERVERS`: addresses of NATS servers, `nats://` or `tls://`.
    pub servers: Vec<String>,
    /// `JOURNAL_NAME`: names the journal among others on the same servers.
    pub name: String,
    /// `JOURNAL_CREDENTIALS`: file with NATS credentials.
    pub credentials: Option<PathBuf>,
    /// `JOURNAL_CA`: PEM file of the authorities that the servers' certificates are checked against, beside the system's.
    pub ca: Option<PathBuf>,
    /// `JOURNAL_REPLICAS`: servers that keep a copy each, 1, 3 or 5.
    pub replicas: usize,
    /// `JOURNAL_LEASE`: a gateway that has not said anything for so long is followed by another.
    pub lease: Duration,
    /// `JOURNAL_TIMEOUT`: how long an answer of the journal is waited for.
    pub timeout: Duration,
    /// `GRPC_ADVERTISE`: where others can call this gateway; `None`: where it listens.
    pub advertise: Option<String>,
}

/// Whether a text can name a journal: it becomes part of the names of streams.
pub(super) fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

/// Addresses with commas between.
pub(super) fn servers(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(|server| {
            let server = server.trim();
            let host = server
                .strip_prefix("nats://")
                .or_else(|| server.strip_prefix("tls://"))?;
            let whole = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/');
            whole.then(|| server.to_owned())
        })
        .collect()
}

/// Seconds, whole or not, of a lease: long enough for its holder to write it several times.
pub(super) fn lease(text: &str) -> Option<Duration> {
    seconds(text).filter(|lease| (1.0..=3_600.0).contains(&lease.as_secs_f64()))
}

/// Seconds of a wait.
pub(super) fn timeout(text: &str) -> Option<Duration> {
    seconds(text).filter(|timeout| (0.05..=60.0).contains(&timeout.as_secs_f64()))
}

fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_of_plain_characters() {
        for good in ["desk", "a", "Desk_2-b", &"x".repeat(32)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "a.b", "a b", "a*", "ä", &"x".repeat(33)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn servers_are_addresses_of_nats() {
        assert_eq!(
            servers("nats://a:4222, tls://b"),
            Some(vec!["nats://a:4222".to_owned(), "tls://b".to_owned()])
        );
        for bad in ["a:4222", "http://a", "nats://", "nats://a,", "nats://a/b"] {
            assert_eq!(servers(bad), None, "{bad}");
        }
    }

    #[test]
    fn waits_are_seconds_within_bounds() {
        assert_eq!(lease("20"), Some(Duration::from_secs(20)));
        assert_eq!(lease("1.5"), Some(Duration::from_millis(1_500)));
        for bad in ["0", "0.5", "-1", "NaN", "20s", "1e9"] {
            assert_eq!(lease(bad), None, "{bad}");
        }
        assert_eq!(timeout("0.05"), Some(Duration::from_millis(50)));
        assert_eq!(timeout("0"), None);
    }
}
