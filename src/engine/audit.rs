//! The audit on its way to the store.
//!
//! Records are written in the transaction of the batch that they come from. Where that cannot be, they wait here and are tried again: an
//! answer to a refused caller does not depend on the disk, but from then on nothing is taken that the audit could not tell of.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::core::Settings;
use crate::domain::{AuditKind, AuditRecord, AuditedSettings, Timestamp};
use crate::error::{Error, Reason};

/// Refused instructions that are recorded in any second; the rest are counted.
const REFUSALS_PER_SECOND_MAX: u32 = 100;
/// Records that wait for the store. Of what goes beyond, refusals are counted and the oldest of the others goes.
const WAITING_MAX: usize = 10_000;
/// Between two attempts to write what waits.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// How many refused instructions were recorded in this second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RefusalRate {
    second: u64,
    recorded: u32,
    /// Those that were not, since the start.
    pub(crate) left_out: u64,
}

impl RefusalRate {
    /// Whether one more may be recorded now; otherwise it is counted.
    pub(crate) fn admit(&mut self, now: Duration) -> bool {
        if self.second != now.as_secs() {
            self.second = now.as_secs();
            self.recorded = 0;
        }
        if self.recorded >= REFUSALS_PER_SECOND_MAX {
            self.left_out += 1;
            return false;
        }
        self.recorded += 1;
        true
    }
}

/// Records that the store has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    waiting: VecDeque<AuditRecord>,
    /// Why the audit cannot be written though the rest of the store can; `None`: nothing says so.
    unwritable: Option<Arc<str>>,
    /// When what waits is tried again.
    retry_at: Duration,
    /// Records that were given up, since the start.
    dropped: u64,
    /// Refusals that were not recorded, and are said to be.
    told: u64,
}

/// A record of the gateway's own.
fn record(at: Timestamp, kind: AuditKind, body: Value) -> AuditRecord {
    AuditRecord {
        at,
        kind,
        caller: None,
        request_id: None,
        order_id: None,
        body,
    }
}

impl Audit {
    /// Records what is not as it was when the gateway last ran: written as soon as the store can be.
    pub(crate) fn begin(
        &mut self,
        settings: &Settings,
        before: &AuditedSettings,
        halt_file: Option<&str>,
        at: Timestamp,
    ) {
        let AuditedSettings {
            allow_live,
            limits_hash,
        } = before;
        if settings.allow_live != *allow_live {
            let body = json!({ "allow_live": settings.allow_live });
            self.waiting.push_back(record(at, AuditKind::Live, body));
        }
        let hash = settings.risk_limits.hash_text();
        if hash != *limits_hash {
            let body = json!({ "hash": hash, "before": limits_hash, "loosened": null });
            self.waiting.push_back(record(at, AuditKind::Limits, body));
        }
        if let Some(why) = halt_file {
            let body = json!({ "file": why });
            self.waiting.push_back(record(at, AuditKind::Halt, body));
        }
    }

    /// What says how many refusals were not recorded since this was asked last.
    pub(crate) fn unrecorded(&mut self, left_out: u64, at: Timestamp) -> Option<AuditRecord> {
        let refused = left_out - self.told;
        self.told = left_out;
        (refused > 0).then(|| record(at, AuditKind::Unrecorded, json!({ "refused": refused })))
    }

    /// Why no order is taken: what it would be refused for could not be recorded. `None`: it can.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let why = self.unwritable.as_ref()?;
        Some(
            Error::new(
                Reason::Store,
                format!(
                    "the audit cannot be written ({why}): nothing was stored or sent, and cancels go; see to the store, then try again"
                ),
            )
            .retry_after(RETRY_DELAY),
        )
    }

    /// Records that could not be written with their batch wait for the next attempt.
    pub(crate) fn keep(&mut self, records: Vec<AuditRecord>, now: Duration) {
        if records.is_empty() {
            return;
        }
        if self.waiting.is_empty() {
            self.retry_at = now + RETRY_DELAY;
        }
        for record in records {
            if self.waiting.len() >= WAITING_MAX {
                self.dropped += 1;
                if record.kind == AuditKind::Refused {
                    continue;
                }
                self.waiting.pop_front();
            }
            self.waiting.push_back(record);
        }
    }

    /// The audit itself could not be written.
    pub(crate) fn failed(&mut self, why: &str, now: Duration) {
        if self.unwritable.is_none() {
            tracing::error!(%why, "the audit cannot be written: new orders are refused, cancels go");
        }
        self.unwritable = Some(why.into());
        self.retry_at = now + RETRY_DELAY;
    }

    /// What waits, to be written now; `None` where there is nothing, or its time has not come.
    pub(crate) fn due(&self, now: Duration) -> Option<Vec<AuditRecord>> {
        let due = !self.waiting.is_empty() && self.retry_at <= now;
        due.then(|| self.waiting.iter().cloned().collect())
    }

    /// When [`Self::due`] is to be asked next.
    pub(crate) fn due_at(&self) -> Option<Duration> {
        (!self.waiting.is_empty()).then_some(self.retry_at)
    }

    /// So many of what waited are written.
    pub(crate) fn written(&mut self, records: usize) {
        self.waiting.drain(..records.min(self.waiting.len()));
        if self.unwritable.take().is_some() {
            tracing::info!("the audit can be written again: new orders are taken");
        }
    }

    /// The store did not take what waits; the audit is no worse than the rest of it.
    pub(crate) fn try_later(&mut self, now: Duration) {
        self.retry_at = now + RETRY_DELAY;
    }

    /// Whether records wait because they could not be written.
    pub(crate) fn is_behind(&self) -> bool {
        self.unwritable.is_some() || !self.waiting.is_empty()
    }

    /// Whether records are written with their batches.
    pub(crate) const fn is_writable(&self) -> bool {
        self.unwritable.is_none()
    }

    /// Records that were given up, since the start.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: AuditKind) -> AuditRecord {
        super::record(Timestamp::default(), kind, Value::Null)
    }

    #[test]
    fn a_hundred_refusals_a_second_are_recorded_and_the_rest_counted() {
        let mut rate = RefusalRate::default();
        let admitted =
            |rate: &mut RefusalRate, at: Duration| (0..150).filter(|_| rate.admit(at)).count();
        assert_eq!(admitted(&mut rate, Duration::from_millis(5_000)), 100);
        assert_eq!(admitted(&mut rate, Duration::from_millis(5_999)), 0);
        assert_eq!(admitted(&mut rate, Duration::from_millis(6_000)), 100);
        assert_eq!(rate.left_out, 50 + 150 + 50);
    }

    #[test]
    fn what_waits_is_bounded_and_a_refusal_never_takes_the_place_of_a_halt() {
        let mut audit = Audit::default();
        audit.keep(vec![record(AuditKind::Halt)], Duration::ZERO);
        audit.keep(
            vec![record(AuditKind::Refused); WAITING_MAX + 5],
            Duration::ZERO,
        );
        assert_eq!(audit.dropped(), 6);
        assert_eq!(audit.due(Duration::ZERO), None);
        let due = audit.due(RETRY_DELAY).unwrap();
        assert_eq!((due.len(), due[0].kind), (WAITING_MAX, AuditKind::Halt));
        audit.written(due.len());
        assert!(!audit.is_behind());
    }

    #[test]
    fn orders_are_refused_from_a_failure_until_what_waits_is_written() {
        let mut audit = Audit::default();
        assert_eq!(audit.refusal(), None);
        audit.failed("no such table: audit", Duration::ZERO);
        audit.keep(vec![record(AuditKind::Login)], Duration::ZERO);
        let error = audit.refusal().unwrap();
        assert_eq!(error.reason, Reason::Store);
        assert!(error.message.contains("no such table: audit"), "{error}");
        audit.written(1);
        assert_eq!(audit.refusal(), None);
    }
}
