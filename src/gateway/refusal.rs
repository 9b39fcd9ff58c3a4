//! Instructions that are refused before they reach the engine: the audit has those too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Gateway;
use crate::domain::OrderKey;
use crate::engine::{Command, RefusedCommand};
use crate::error::Error;

/// Refusals in any second that are handed to the engine, which does not record more than so many either.
const PER_SECOND_MAX: u64 = 100;

/// Keeps refusals that the audit would only count away from the engine: they must cost others nothing.
#[derive(Debug)]
pub(super) struct RefusalGate {
    since: Instant,
    /// The second since then, and how many were let through in it.
    second: AtomicU64,
    passed: AtomicU64,
    left_out: AtomicU64,
}

impl Default for RefusalGate {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            second: AtomicU64::new(0),
            passed: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
        }
    }
}

impl RefusalGate {
    /// How many were left out before this one; `None`: this one is too.
    fn pass(&self) -> Option<u64> {
        let second = self.since.elapsed().as_secs();
        // Two that begin a second together may let one more through: the engine counts for itself.
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.passed.store(0, Ordering::Relaxed);
        }
        if self.passed.fetch_add(1, Ordering::Relaxed) < PER_SECOND_MAX {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

impl Gateway {
    /// Leaves in the audit that an instruction was refused for its form or for who gave it. Gives the error back.
    pub(crate) async fn refused(
        &self,
        instruction: &'static str,
        request_id: Option<&str>,
        order: Option<&OrderKey>,
        error: Error,
    ) -> Error {
        if let Some(left_out_before) = self.shared.refusals.pass() {
            let (order_id, placed_as) = match order {
                Some(OrderKey::OrderId(order_id)) => (Some(*order_id), None),
                Some(OrderKey::RequestId(placed_as)) => (None, Some(placed_as.as_str())),
                None => (None, None),
            };
            let command = RefusedCommand {
                instruction,
                request_id: request_id.map(str::to_owned),
                order_id,
                asked: serde_json::json!({ "placed_as": placed_as }),
                error: error.clone(),
                left_out_before,
            };
            // What it answers is the error, or that nobody could record it: the caller is told the error all the same.
            let _ = self
                .ask(Command::Refused(Arc::new(command)), Duration::ZERO)
                .await;
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_refusals_does_not_reach_the_engine() {
        let gate = RefusalGate::default();
        let passed = (0..1_000).filter(|_| gate.pass().is_some()).count();
        // The second may end in between.
        assert!((100..=200).contains(&passed), "{passed}");
        assert!(gate.left_out.load(Ordering::Relaxed) >= 700);
    }
}
