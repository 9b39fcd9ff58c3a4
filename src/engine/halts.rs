//! Halts: whose new orders are not taken.

use std::sync::Arc;

use super::live_order::LiveOrder;
use crate::domain::{Halt, TradingState};
use crate::error::{Error, Reason};

/// Every halt in force.
#[derive(Debug, Default)]
pub(crate) struct Halts {
    /// Halts that are in force and not stored yet.
    pub(crate) unstored: Vec<Halt>,
    /// Why the halt file halts; `None`: it does not.
    pub(crate) file: Option<String>,
}

/// A change of the halts, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum HaltChange {
    /// One more.
    Add(Halt),
    /// Those of a caller and of an account; with neither, all.
    Lift {
        /// Of which caller.
        caller: Option<String>,
        /// For which account.
        account: Option<String>,
    },
}

impl HaltChange {
    /// The halts after it.
    pub(crate) fn applied(&self, halts: &[Halt]) -> Vec<Halt> {
        let mut halts = halts.to_vec();
        match self {
            Self::Add(halt) => {
                halts.retain(|known| known.caller != halt.caller || known.account != halt.account);
                halts.push(halt.clone());
            }
            Self::Lift {
                caller: None,
                account: None,
            } => halts.clear(),
            Self::Lift { caller, account } => {
                halts.retain(|known| known.caller != *caller || known.account != *account);
            }
        }
        halts
    }
}

impl Halts {
    /// All of them: `stored`, and those that are not stored yet.
    pub(crate) fn all(&self, stored: &[Halt]) -> Vec<Halt> {
        let mut all = stored.to_vec();
        for halt in &self.unstored {
            all = HaltChange::Add(halt.clone()).applied(&all);
        }
        all
    }

    /// Whether new orders of everybody are taken.
    pub(crate) fn state(&self, stored: &[Halt]) -> TradingState {
        if stored.is_empty() && self.unstored.is_empty() && self.file.is_none() {
            TradingState::Active
        } else {
            TradingState::CancelOnly
        }
    }

    /// Why an instruction is not taken: `caller` is what its limits count it under, `account` empty where it is not known.
    pub(crate) fn refusal(&self, stored: &[Halt], caller: &str, account: &str) -> Option<Error> {
        let why = self.why(stored, Some(caller), account)?;
        Some(Error::new(
            Reason::Halted,
            format!(
                "{why}: nothing was sent; cancels go. An admin lifts a halt with Resume, or removes the halt file"
            ),
        ))
    }

    /// Why an order that waits for its slot is not sent.
    pub(crate) fn holds(&self, stored: &[Halt], entry: &LiveOrder) -> Option<String> {
        if self.state(stored) == TradingState::Active || entry.only_lowers() {
            return None;
        }
        let account = &entry.order.record.state.account;
        self.why(stored, Some(&entry.caller_key()), account)
    }

    /// How many there are, the halt file among them.
    pub(crate) fn count(&self, stored: &[Halt]) -> usize {
        let file = usize::from(self.file.is_some());
        match self.unstored.is_empty() {
            true => stored.len() + file,
            false => self.all(stored).len() + file,
        }
    }

    /// Why nobody's new orders are taken, and why those of some are not.
    pub(crate) fn said(&self, stored: &[Halt]) -> (Option<String>, Option<String>) {
        if stored.is_empty() && self.unstored.is_empty() && self.file.is_none() {
            return (None, None);
        }
        let all = self.all(stored);
        let everybody = |halt: &&Halt| halt.caller.is_none() && halt.account.is_none();
        let of_all = match &self.file {
            Some(file) => Some(format!("new orders are halted: {file}")),
            None => all.iter().find(everybody).map(sentence),
        };
        let some: Vec<String> = all
            .iter()
            .filter(|halt| !everybody(halt))
            .map(sentence)
            .collect();
        (of_all, (!some.is_empty()).then(|| some.join("; ")))
    }

    fn why(&self, stored: &[Halt], caller: Option<&str>, account: &str) -> Option<String> {
        if let Some(file) = &self.file {
            return Some(format!("new orders are halted: {file}"));
        }
        let concerns = |halt: &&Halt| {
            let is = |wanted: &Option<String>, given: Option<&str>| {
                wanted.as_deref().is_none_or(|wanted| Some(wanted) == given)
            };
            is(&halt.caller, caller) && is(&halt.account, Some(account))
        };
        self.unstored
            .iter()
            .chain(stored)
            .find(concerns)
            .map(sentence)
    }
}

/// What a halt stops, since when and why.
fn sentence(halt: &Halt) -> String {
    let Halt {
        reason,
        caller,
        account,
        halted_by: _,
        since,
    } = halt;
    let of = caller
        .as_ref()
        .map_or_else(String::new, |name| format!(" of {name}"));
    let to = account
        .as_ref()
        .map_or_else(String::new, |name| format!(" for {name}"));
    format!("new orders{of}{to} are halted since {since}: {reason}")
}

/// The halts that are stored, as a batch works on them.
pub(crate) type StoredHalts = Arc<Vec<Halt>>;
