//! Rejections by TWS in a row.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Pairs of caller and account that are counted at once. Callers without names are told apart by their addresses, of which there may be any number.
const PAIRS_MAX: usize = 10_000;

/// What TWS made of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TwsVerdict {
    /// It worked, if only for a moment.
    Worked,
    /// It was rejected without ever having worked.
    Rejected,
}

/// An order of an earlier process, and what TWS made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastVerdict {
    /// For which account.
    pub account: String,
    /// The caller's name, where it had one.
    pub caller: Option<String>,
    /// What TWS made of it.
    pub verdict: TwsVerdict,
}

/// Orders that TWS has rejected in a row: of all, and of each caller for each account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejections {
    all: u32,
    of: BTreeMap<(Arc<str>, Arc<str>), u32>,
}

impl Rejections {
    /// From orders of earlier processes, oldest first.
    pub fn recovered(past: &[PastVerdict], unnamed: &str) -> Self {
        let mut counted = Self::default();
        for PastVerdict {
            account,
            caller,
            verdict,
        } in past
        {
            counted.count(caller.as_deref().unwrap_or(unnamed), account, *verdict);
        }
        counted
    }

    /// One more order that TWS has decided about.
    pub fn count(&mut self, caller: &str, account: &str, verdict: TwsVerdict) {
        let pair = (Arc::from(caller), Arc::from(account));
        match verdict {
            TwsVerdict::Worked => {
                self.all = 0;
                self.of.remove(&pair);
            }
            TwsVerdict::Rejected => {
                self.all = self.all.saturating_add(1);
                if self.of.len() < PAIRS_MAX || self.of.contains_key(&pair) {
                    let count = self.of.entry(pair).or_default();
                    *count = count.saturating_add(1);
                }
            }
        }
    }

    /// Begins anew where a halt was lifted: of a caller, for an account; with neither, everywhere.
    pub fn forget(&mut self, caller: Option<&str>, account: Option<&str>) {
        if caller.is_none() && account.is_none() {
            *self = Self::default();
            return;
        }
        self.of.retain(|(of, at), _| {
            !(caller.is_none_or(|caller| **of == *caller)
                && account.is_none_or(|account| **at == *account))
        });
    }

    /// In a row, whoever's they were.
    pub const fn of_all(&self) -> u32 {
        self.all
    }

    /// In a row, of one caller for one account.
    pub fn of(&self, caller: &str, account: &str) -> u32 {
        let pair = (Arc::from(caller), Arc::from(account));
        self.of.get(&pair).copied().unwrap_or(0)
    }

    /// Every caller with rejections in a row for an account.
    pub fn callers(&self, account: &str) -> impl Iterator<Item = (&str, u32)> {
        self.of
            .iter()
            .filter(move |((_, at), _)| **at == *account)
            .map(|((caller, _), count)| (&**caller, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_that_works_ends_the_row_of_its_caller_and_of_all() {
        let mut counted = Rejections::default();
        for _ in 0..3 {
            counted.count("algo", "DU1", TwsVerdict::Rejected);
        }
        counted.count("algo", "DU2", TwsVerdict::Rejected);
        assert_eq!((counted.of_all(), counted.of("algo", "DU1")), (4, 3));
        counted.count("other", "DU1", TwsVerdict::Worked);
        assert_eq!((counted.of_all(), counted.of("algo", "DU1")), (0, 3));
        counted.count("algo", "DU1", TwsVerdict::Worked);
        assert_eq!(
            (counted.of("algo", "DU1"), counted.of("algo", "DU2")),
            (0, 1)
        );
    }

    #[test]
    fn a_halt_that_is_lifted_begins_the_count_anew() {
        let mut counted = Rejections::default();
        for account in ["DU1", "DU2"] {
            counted.count("algo", account, TwsVerdict::Rejected);
            counted.count("other", account, TwsVerdict::Rejected);
        }
        counted.forget(Some("algo"), Some("DU1"));
        let left: Vec<_> = counted.callers("DU1").collect();
        assert_eq!(left, [("other", 1)]);
        assert_eq!((counted.of("algo", "DU2"), counted.of_all()), (1, 4));
        counted.forget(None, None);
        assert_eq!(counted, Rejections::default());
    }

    #[test]
    fn what_earlier_processes_saw_counts_by_name() {
        let past = |caller: Option<&str>, verdict| PastVerdict {
            account: "DU1".to_owned(),
            caller: caller.map(str::to_owned),
            verdict,
        };
        let counted = Rejections::recovered(
            &[
                past(Some("algo"), TwsVerdict::Rejected),
                past(None, TwsVerdict::Worked),
                past(Some("algo"), TwsVerdict::Rejected),
                past(None, TwsVerdict::Rejected),
            ],
            "local",
        );
        assert_eq!(counted.of_all(), 2);
        assert_eq!(
            (counted.of("algo", "DU1"), counted.of("local", "DU1")),
            (2, 1)
        );
    }
}
