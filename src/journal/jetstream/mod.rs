//! A journal on NATS JetStream.
//!
//! The records are one stream with one subject; the lease is the one key of a bucket. Both are written under the expectation of the last sequence of their
//! stream, and under no other: a mismatch of another kind of expectation has left replicated streams dead.

mod check;
mod connect;
mod follow;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::stream::{LastRawMessageErrorKind, RawMessageError};
use async_nats::{Client, HeaderMap, HeaderValue, Request, RequestErrorKind, jetstream};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Entry, Follow, Journal, JournalError, LeaseEntry, Pending};
pub use connect::JetStreamSettings;

/// A stream has another last sequence than expected.
const WRONG_LAST_SEQUENCE: u64 = 10071;
/// The same, for another kind of expectation.
const WRONG_LAST_SEQUENCE_CONSTANT: u64 = 10164;
/// An append under the same id is under way.
const DUPLICATE_UNDER_WAY: u64 = 10158;
/// No room: of the servers, of the stream, of the account.
const FULL: [u64; 3] = [10023, 10077, 10002];
/// There is no such stream.
const NO_STREAM: u64 = 10059;
/// Of a message that is larger than the stream allows.
const TOO_LARGE: u64 = 10054;

/// A connection to a journal on JetStream. A cheap handle.
#[derive(Clone)]
pub struct JetStream {
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    context: jetstream::Context,
    settings: JetStreamSettings,
    stream: String,
    subject: String,
    bucket: String,
    /// When the stream was made: another one of its name is another journal.
    created: String,
}

impl fmt::Debug for JetStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JetStream")
            .field("stream", &self.shared.stream)
            .finish_non_exhaustive()
    }
}

/// What a server answers where it refuses.
#[derive(Debug, Deserialize)]
struct Refusal {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
}

impl Refusal {
    fn into_error(self, what: &str) -> JournalError {
        let Self {
            err_code,
            description,
        } = self;
        match err_code {
            WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_CONSTANT | DUPLICATE_UNDER_WAY => {
                JournalError::WrongLast
            }
            TOO_LARGE => JournalError::Unfit(format!(
                "{what}: {description}: the stream must take messages of any size (max_msg_size -1), and the servers 1 MiB (max_payload)"
            )),
            code if FULL.contains(&code) => JournalError::Full(description),
            _ => JournalError::Away(format!("{what}: {description} ({err_code})")),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Appended {
    #[serde(default)]
    error: Option<Refusal>,
    #[serde(default)]
    seq: u64,
}

impl Shared {
    /// Publishes and waits for the sequence.
    async fn publish(
        &self,
        subject: String,
        payload: Bytes,
        headers: HeaderMap,
    ) -> Result<u64, JournalError> {
        let what = subject.clone();
        let answer: Appended = self.ask(subject, payload, Some(headers)).await?;
        match answer.error {
            Some(refusal) => Err(refusal.into_error(&what)),
            None => Ok(answer.seq),
        }
    }

    /// Sends a request and reads the JSON of its answer.
    async fn ask<T: DeserializeOwned>(
        &self,
        subject: String,
        payload: Bytes,
        headers: Option<HeaderMap>,
    ) -> Result<T, JournalError> {
        ask(
            &self.client,
            self.settings.timeout,
            subject,
            payload,
            headers,
        )
        .await
    }

    async fn within<T, E: fmt::Display>(
        &self,
        what: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, JournalError> {
        match tokio::time::timeout(self.settings.timeout, work).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(JournalError::Away(format!("{what}: {error}"))),
            Err(_) => Err(JournalError::Away(format!(
                "{what}: no answer within {:?} (JOURNAL_TIMEOUT)",
                self.settings.timeout
            ))),
        }
    }

    async fn entry(&self, sequence: u64) -> Result<Option<Entry>, JournalError> {
        let read = async {
            let stream = self
                .context
                .get_stream_no_info(&self.stream)
                .await
                .map_err(|error| JournalError::Away(error.to_string()))?;
            match stream.get_raw_message(sequence).await {
                Ok(message) => Ok(Some(message)),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(JournalError::Away(error.to_string())),
            }
        };
        let message = self.within("reading a record", read).await?;
        Ok(message.map(|message| Entry {
            sequence: message.sequence,
            bytes: Arc::from(message.payload.as_ref()),
            subject: message.subject.to_string(),
            stored_at: message.time.into(),
        }))
    }

    async fn lease(&self) -> Result<Option<LeaseEntry>, JournalError> {
        let read = async {
            let stream = self
                .context
                .get_stream_no_info(format!("KV_{}", self.bucket))
                .await
                .map_err(|error| JournalError::Away(error.to_string()))?;
            let subject = self.lease_subject();
            match stream.get_last_raw_message_by_subject(&subject).await {
                Ok(message) => Ok(Some(LeaseEntry {
                    revision: message.sequence,
                    value: message.payload.to_vec(),
                })),
                Err(error) if is_missing(&error) => Ok(None),
                Err(error) => Err(JournalError::Away(error.to_string())),
            }
        };
        self.within("reading the lease", read).await
    }

    fn lease_subject(&self) -> String {
        format!("$KV.{}.leader", self.bucket)
    }
}

/// Sends a request and reads the JSON of its answer.
async fn ask<T: DeserializeOwned>(
    client: &Client,
    timeout: Duration,
    subject: String,
    payload: Bytes,
    headers: Option<HeaderMap>,
) -> Result<T, JournalError> {
    let mut request = Request::new().payload(payload).timeout(Some(timeout));
    if let Some(headers) = headers {
        request = request.headers(headers);
    }
    // A connection that is lost keeps the request until it is back, so the limit is ours.
    let sent = tokio::time::timeout(timeout, client.send_request(subject.clone(), request)).await;
    let away = |text: String| JournalError::Away(format!("{subject}: {text}"));
    let message = match sent {
        Ok(Ok(message)) => message,
        Ok(Err(error)) if error.kind() == RequestErrorKind::NoResponders => {
            return Err(away(
                "no server answers for it: there is no stream, or it has no leader".to_owned(),
            ));
        }
        Ok(Err(error)) => return Err(away(error.to_string())),
        Err(_) => {
            return Err(away(format!(
                "no answer within {timeout:?} (JOURNAL_TIMEOUT)"
            )));
        }
    };
    serde_json::from_slice(&message.payload).map_err(|error| away(error.to_string()))
}

fn is_missing(error: &RawMessageError) -> bool {
    match error.kind() {
        LastRawMessageErrorKind::NoMessageFound => true,
        LastRawMessageErrorKind::JetStream(error) => {
            error.error_code() == jetstream::ErrorCode::NO_MESSAGE_FOUND
        }
        LastRawMessageErrorKind::InvalidSubject | LastRawMessageErrorKind::Other => false,
    }
}

fn expecting(last: Option<u64>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(last) = last {
        headers.insert(
            async_nats::header::NATS_EXPECTED_LAST_SEQUENCE,
            HeaderValue::from(last),
        );
    }
    headers
}

impl Journal for JetStream {
    fn append<'a>(&'a self, bytes: Arc<[u8]>, id: &'a str, last: Option<u64>) -> Pending<'a, u64> {
        Box::pin(async move {
            let mut headers = expecting(last);
            headers.insert(async_nats::header::NATS_MESSAGE_ID, id);
            let subject = self.shared.subject.clone();
            let payload = Bytes::from_owner(bytes);
            self.shared.publish(subject, payload, headers).await
        })
    }

    fn last(&self) -> Pending<'_, u64> {
        Box::pin(async { Ok(check::info(&self.shared).await?.state.last_seq) })
    }

    fn read(&self, sequence: u64) -> Pending<'_, Option<Entry>> {
        Box::pin(self.shared.entry(sequence))
    }

    fn follow(&self, after: u64) -> Pending<'_, Box<dyn Follow>> {
        Box::pin(async move {
            let reading = follow::Reading::start(Arc::clone(&self.shared), after).await?;
            Ok(Box::new(reading) as Box<dyn Follow>)
        })
    }

    fn lease(&self) -> Pending<'_, Option<LeaseEntry>> {
        Box::pin(self.shared.lease())
    }

    fn put_lease(&self, value: Vec<u8>, revision: u64) -> Pending<'_, u64> {
        Box::pin(async move {
            let subject = self.shared.lease_subject();
            let headers = expecting(Some(revision));
            self.shared.publish(subject, value.into(), headers).await
        })
    }
}

impl JetStream {
    /// The name of the stream.
    pub fn stream(&self) -> &str {
        &self.shared.stream
    }

    /// When the stream was made.
    pub fn created(&self) -> &str {
        &self.shared.created
    }

    /// Looks whether the stream is still what it has to be.
    ///
    /// # Errors
    /// [`JournalError::Unfit`] names the setting; [`JournalError::Away`].
    pub async fn check(&self) -> Result<(), JournalError> {
        let info = check::info(&self.shared).await?;
        if info.created != self.shared.created {
            return Err(JournalError::Unfit(format!(
                "JOURNAL_NAME: the stream {} was made anew at {}: it is another journal",
                self.shared.stream, info.created
            )));
        }
        check::stream(&info.config, &self.shared)?;
        check::server(&self.shared.client)
    }
}
