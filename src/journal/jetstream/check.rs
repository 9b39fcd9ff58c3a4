//! Whether a stream promises what a journal needs, field by field.

use async_nats::Client;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{JournalError, Refusal, Shared, ask};

/// The oldest server whose replicated log keeps what the journal relies on.
const SERVER_MIN: (u64, u64, u64) = (2, 12, 3);
/// What a server has to take in one message.
const PAYLOAD_MIN: usize = 1 << 20;

/// A stream as its leader describes it.
#[derive(Debug, Deserialize)]
pub(super) struct Info {
    #[serde(default)]
    pub(super) config: Map<String, Value>,
    #[serde(default)]
    pub(super) created: String,
    #[serde(default)]
    pub(super) state: StreamState,
    #[serde(default)]
    error: Option<Refusal>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct StreamState {
    #[serde(default)]
    pub(super) last_seq: u64,
}

pub(super) async fn info(shared: &Shared) -> Result<Info, JournalError> {
    info_of(shared, &shared.stream).await
}

pub(super) async fn info_of(shared: &Shared, name: &str) -> Result<Info, JournalError> {
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    let timeout = shared.settings.timeout;
    let info: Info = ask(&shared.client, timeout, subject, Bytes::new(), None).await?;
    match info.error {
        // A stream whose leader is not there may be said not to exist, so that this decides nothing.
        Some(refusal) => Err(refusal.into_error(name)),
        None => Ok(info),
    }
}

/// The stream as it is made where there is none.
pub(super) fn wanted(shared: &Shared) -> Value {
    json!({
        "name": shared.stream,
        "subjects": [shared.subject],
        "retention": "limits",
        "storage": "file",
        "num_replicas": shared.settings.replicas,
        "max_age": 0,
        "max_bytes": -1,
        "max_msgs": -1,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "max_consumers": -1,
        "discard": "new",
        "deny_delete": true,
        "deny_purge": true,
        "allow_direct": false,
    })
}

/// Fields that must have this value, and what an absent one means.
fn required(shared: &Shared) -> [(&'static str, Value, Value); 12] {
    let unlimited = || json!(-1);
    [
        ("subjects", json!([shared.subject]), json!([])),
        ("retention", json!("limits"), json!("limits")),
        ("storage", json!("file"), json!("file")),
        ("max_age", json!(0), json!(0)),
        ("max_bytes", unlimited(), unlimited()),
        ("max_msgs", unlimited(), unlimited()),
        ("max_msgs_per_subject", unlimited(), unlimited()),
        ("max_msg_size", unlimited(), unlimited()),
        ("discard", json!("new"), json!("old")),
        ("deny_delete", json!(true), json!(false)),
        ("deny_purge", json!(true), json!(false)),
        ("persist_mode", json!("default"), json!("default")),
    ]
}

/// Fields that must be absent, or as if they were.
const UNWANTED: [&str; 15] = [
    "allow_rollup_hdrs",
    "discard_new_per_subject",
    "mirror",
    "sources",
    "subject_transform",
    "republish",
    "allow_msg_ttl",
    "subject_delete_marker_ttl",
    "allow_msg_counter",
    "allow_msg_schedules",
    "allow_atomic",
    "allow_batched",
    "no_ack",
    "sealed",
    "first_seq",
];

/// Whether a stream is one that can be the journal.
pub(super) fn stream(config: &Map<String, Value>, shared: &Shared) -> Result<(), JournalError> {
    let unfit = |setting: &str, problem: String| {
        Err(JournalError::Unfit(format!(
            "{setting}: the stream {} {problem}; change it or take another name",
            shared.stream
        )))
    };
    let (has, wants) = (replicas(config), shared.settings.replicas);
    if has != wants as u64 {
        return unfit(
            "JOURNAL_REPLICAS",
            format!("has num_replicas {has}, and {wants} are asked for"),
        );
    }
    for (field, wanted, absent) in required(shared) {
        let found = config.get(field).unwrap_or(&absent);
        if *found != wanted {
            return unfit(
                "JOURNAL_NAME",
                format!("has {field} {found}, and it must be {wanted}"),
            );
        }
    }
    for field in UNWANTED {
        if let Some(found) = config.get(field).filter(|found| is_set(found)) {
            return unfit(
                "JOURNAL_NAME",
                format!("has {field} {found}, and it must not have it"),
            );
        }
    }
    Ok(())
}

/// Whether a bucket is one that can hold the lease.
pub(super) fn bucket(config: &Map<String, Value>, shared: &Shared) -> Result<(), JournalError> {
    let (has, wants) = (replicas(config), shared.settings.replicas);
    let unfit = |setting: &str, problem: String| {
        Err(JournalError::Unfit(format!(
            "{setting}: the bucket {} {problem}",
            shared.bucket
        )))
    };
    if has != wants as u64 {
        return unfit(
            "JOURNAL_REPLICAS",
            format!("has num_replicas {has}, and {wants} are asked for"),
        );
    }
    for (field, wanted) in [("storage", json!("file")), ("max_age", json!(0))] {
        let found = config.get(field).unwrap_or(&wanted);
        if *found != wanted {
            return unfit(
                "JOURNAL_NAME",
                format!("has {field} {found}, and it must be {wanted}"),
            );
        }
    }
    Ok(())
}

fn replicas(config: &Map<String, Value>) -> u64 {
    let field = config.get("num_replicas").and_then(Value::as_u64);
    field.unwrap_or(1)
}

fn is_set(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::Array(values) => !values.is_empty(),
        Value::Bool(true) | Value::String(_) | Value::Object(_) => true,
    }
}

/// Whether the server that answers is one that can be relied on.
pub(super) fn server(client: &Client) -> Result<(), JournalError> {
    let info = client.server_info();
    server_fits(&info.version, info.max_payload)
}

fn server_fits(version: &str, max_payload: usize) -> Result<(), JournalError> {
    let (major, minor, patch) = SERVER_MIN;
    if version_of(version).is_none_or(|found| found < SERVER_MIN) {
        return Err(JournalError::Unfit(format!(
            "JOURNAL_SERVERS: the server is nats-server {version}, and {major}.{minor}.{patch} or later is needed"
        )));
    }
    if max_payload < PAYLOAD_MIN {
        return Err(JournalError::Unfit(format!(
            "JOURNAL_SERVERS: the server takes messages of {max_payload} bytes, and max_payload must be {PAYLOAD_MIN} at least"
        )));
    }
    Ok(())
}

/// Of `2.12.3` and `2.12.3-RC.1`, which is not older than it by this.
fn version_of(version: &str) -> Option<(u64, u64, u64)> {
    let release = version.split('-').next()?;
    let mut parts = release.split('.').map(str::parse);
    let mut part = || parts.next()?.ok();
    Some((part()?, part()?, part()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_number_by_number() {
        for fits in ["2.12.3", "2.12.10", "2.15.1", "3.0.0", "2.13.0-RC.2"] {
            assert_eq!(server_fits(fits, 1 << 20), Ok(()), "{fits}");
        }
        for old in ["2.12.2", "2.9.10", "1.99.99", "", "latest"] {
            let error = server_fits(old, 1 << 20).unwrap_err().to_string();
            assert!(error.starts_with("JOURNAL_SERVERS"), "{error}");
        }
    }

    #[test]
    fn a_server_that_takes_small_messages_only_is_refused() {
        let error = server_fits("2.15.1", (1 << 20) - 1).unwrap_err();
        assert!(error.to_string().contains("max_payload"), "{error}");
    }

    #[test]
    fn a_field_counts_as_set_unless_it_says_nothing() {
        for nothing in [json!(null), json!(false), json!(0), json!([])] {
            assert!(!is_set(&nothing), "{nothing}");
        }
        for something in [json!(true), json!(5), json!({"name": "x"}), json!([1])] {
            assert!(is_set(&something), "{something}");
        }
    }
}
