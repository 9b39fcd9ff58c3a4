//! Reading the records one after the other.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use tokio_stream::StreamExt as _;

use super::{Entry, Follow, JournalError, Pending, Shared, check};

/// After so long without a record it is asked whether there is one: a reader can be left without its consumer.
const SILENCE_MAX: Duration = Duration::from_secs(3);

pub(super) struct Reading {
    shared: Arc<Shared>,
    after: u64,
    /// `None`: to be opened.
    messages: Option<pull::Ordered>,
}

impl Reading {
    pub(super) async fn start(shared: Arc<Shared>, after: u64) -> Result<Self, JournalError> {
        let mut reading = Self {
            shared,
            after,
            messages: None,
        };
        reading.messages = Some(open(&reading.shared, after).await?);
        Ok(reading)
    }

    async fn read(&mut self) -> Result<Entry, JournalError> {
        loop {
            if self.messages.is_none() {
                self.messages = Some(open(&self.shared, self.after).await?);
            }
            let Some(messages) = &mut self.messages else {
                continue;
            };
            let away = |text: String| JournalError::Away(format!("following the records: {text}"));
            let message = match tokio::time::timeout(SILENCE_MAX, messages.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => {
                    self.messages = None;
                    return Err(away(error.to_string()));
                }
                Ok(None) => {
                    self.messages = None;
                    return Err(away("the consumer ended".to_owned()));
                }
                Err(_) => {
                    let last = check::info(&self.shared).await?.state.last_seq;
                    if last > self.after {
                        self.messages = None;
                    } else if last < self.after {
                        return Err(JournalError::Unfit(format!(
                            "the journal ends at record {last}, and record {} was read from it: it lost records",
                            self.after
                        )));
                    }
                    continue;
                }
            };
            let info = message.info().map_err(|error| away(error.to_string()))?;
            let (sequence, stored_at) = (info.stream_sequence, info.published);
            if sequence <= self.after {
                continue;
            }
            if sequence != self.after + 1 {
                self.messages = None;
                // Records are never deleted, so one that is not there was lost.
                return match self.shared.entry(self.after + 1).await? {
                    Some(entry) => {
                        self.after += 1;
                        Ok(entry)
                    }
                    None => Err(JournalError::Unfit(format!(
                        "record {} is missing in the journal, and record {sequence} is there: it lost records",
                        self.after + 1
                    ))),
                };
            }
            self.after = sequence;
            return Ok(Entry {
                sequence,
                bytes: Arc::from(message.payload.as_ref()),
                subject: message.subject.to_string(),
                stored_at: stored_at.into(),
            });
        }
    }
}

async fn open(shared: &Shared, after: u64) -> Result<pull::Ordered, JournalError> {
    let open = async {
        let stream = shared
            .context
            .get_stream_no_info(&shared.stream)
            .await
            .map_err(|error| error.to_string())?;
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: after + 1,
            },
            ..pull::OrderedConfig::default()
        };
        let consumer = stream
            .create_consumer(config)
            .await
            .map_err(|error| error.to_string())?;
        consumer.messages().await.map_err(|error| error.to_string())
    };
    shared.within("following the records", open).await
}

impl Follow for Reading {
    fn next(&mut self) -> Pending<'_, Entry> {
        Box::pin(self.read())
    }
}
