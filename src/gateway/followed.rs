//! The limits that are in force, as their file changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::config::{Config, LimitsFileError, parse_limits, read_limits_file};
use crate::domain::limits::{Limits, Loosened, loosened};
use crate::domain::{AuditKind, AuditRecord};
use crate::engine::Engine;
use crate::stats::Stats;

/// Between two readings of the file, and between the two that must agree: a file that is being written is not taken for what it will be.
const READ_EVERY: Duration = Duration::from_secs(1);

/// The limits that are in force, and what is wrong with their file.
#[derive(Debug)]
pub(super) struct FollowedLimits {
    config: Config,
    now: watch::Sender<Arc<Limits>>,
    problem: watch::Sender<Option<String>>,
}

impl FollowedLimits {
    /// Reads the file for the first time. One that cannot be used lets nothing pass: a gateway that was meant to have limits has none otherwise.
    pub(super) fn new(config: &Config) -> Self {
        let (limits, problem) = match config.risk_limits() {
            Ok(limits) => (limits, None),
            Err(problem) => {
                error!("LIMITS_FILE cannot be used, no order is taken: {problem}");
                (nothing_allowed(), Some(problem.to_string()))
            }
        };
        Self {
            config: config.clone(),
            now: watch::Sender::new(Arc::new(limits)),
            problem: watch::Sender::new(problem),
        }
    }

    /// The limits as they are.
    pub(super) fn now(&self) -> Arc<Limits> {
        Arc::clone(&self.now.borrow())
    }

    /// Why the file is not used as it is now; the limits before stay in force.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.borrow().clone()
    }

    /// Goes on reading the file for as long as the engine lives.
    pub(super) fn follow(&self, engine: &Engine, stats: Arc<Stats>) {
        stats
            .risk
            .limits_file_bad
            .set(i64::from(self.problem.borrow().is_some()));
        let Some(path) = self.config.limits_file.clone() else {
            return;
        };
        let (config, setter) = (self.config.clone(), engine.limits_setter());
        let (now, problem) = (self.now.clone(), self.problem.clone());
        let read = async move || {
            let path = path.clone();
            // The disk may be slow, or a network's.
            tokio::task::spawn_blocking(move || read_limits_file(&path))
                .await
                .unwrap_or_else(|error| Err(LimitsFileError(vec![error.to_string()])))
        };
        tokio::spawn(async move {
            // What was seen twice in a row, and taken or complained about.
            let mut settled = None;
            let mut before = read().await;
            while !setter.is_closed() {
                tokio::time::sleep(READ_EVERY).await;
                let text = read().await;
                let agree = text == before;
                before = text;
                if !agree || settled.as_ref() == Some(&before) {
                    continue;
                }
                settled = Some(before.clone());
                let parsed = before.clone().and_then(|text| parse_limits(&text));
                match parsed {
                    Ok(mut limits) => {
                        config.default_limits(&mut limits);
                        problem.send_replace(None);
                        stats.risk.limits_file_bad.set(0);
                        let old = Arc::clone(&now.borrow());
                        if *old == limits {
                            continue;
                        }
                        say_change(&old, &limits);
                        let limits = Arc::new(limits);
                        if !setter.set(Arc::clone(&limits)).await {
                            return;
                        }
                        now.send_replace(limits);
                    }
                    Err(wrong) => {
                        error!(
                            "the new limits file is not used, those before stay in force: {wrong}"
                        );
                        stats.risk.limits_file_bad.set(1);
                        problem.send_replace(Some(wrong.to_string()));
                        let record = AuditRecord {
                            at: time::OffsetDateTime::now_utc().into(),
                            kind: AuditKind::Limits,
                            caller: None,
                            request_id: None,
                            order_id: None,
                            body: serde_json::json!({ "problem": wrong.to_string() }),
                        };
                        if !setter.audit(record).await {
                            return;
                        }
                    }
                }
            }
        });
    }
}

fn say_change(old: &Limits, new: &Limits) {
    info!(
        hash = new.hash_text().as_deref(),
        "the limits file was read again"
    );
    for Loosened {
        scope,
        what,
        before,
        after,
    } in loosened(old, new)
    {
        warn!(%scope, limit = %what, %before, after = after.as_deref().unwrap_or("removed"), "a limit was removed or raised");
    }
}

/// Limits that no order keeps to.
fn nothing_allowed() -> Limits {
    let mut limits = Limits::default();
    limits.default.refuse.allowed_symbols = Some(std::collections::BTreeSet::new());
    limits
}
