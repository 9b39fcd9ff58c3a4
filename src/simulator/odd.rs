//! Rows that a TWS of another version may send, and that not every client can read.

use std::fmt;
use std::str::FromStr;

use super::wire;

/// What is odd about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OddRow {
    /// The right of the contract is "?".
    RightQuestionMark,
    /// The right of the contract is "0".
    RightZero,
    /// The action of the order, or the side of the execution, is a word of a later TWS.
    ActionUnknown,
    /// It is empty.
    ActionEmpty,
    /// The status is a word of a later TWS.
    StatusUnknown,
    /// It is empty.
    StatusEmpty,
    /// There is no orderState.
    NoOrderState,
    /// The quantity is "1,000".
    QuantityWithComma,
}

impl OddRow {
    /// Each kind with its word.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("right-?", Self::RightQuestionMark),
        ("right-0", Self::RightZero),
        ("action-unknown", Self::ActionUnknown),
        ("action-empty", Self::ActionEmpty),
        ("status-unknown", Self::StatusUnknown),
        ("status-empty", Self::StatusEmpty),
        ("no-state", Self::NoOrderState),
        ("quantity-comma", Self::QuantityWithComma),
    ];

    /// Makes an order's row odd, as openOrder and completedOrder have it.
    pub(crate) fn spoil_order(self, row: &mut wire::OpenOrder) {
        let contract = row.contract.get_or_insert_default();
        let order = row.order.get_or_insert_default();
        let status = row.order_state.get_or_insert_default();
        match self {
            Self::RightQuestionMark => contract.right = Some("?".to_owned()),
            Self::RightZero => contract.right = Some("0".to_owned()),
            Self::ActionUnknown => order.action = Some("SLONGSHORT".to_owned()),
            Self::ActionEmpty => order.action = Some(String::new()),
            Self::StatusUnknown => status.status = Some("PreCancelled".to_owned()),
            Self::StatusEmpty => status.status = Some(String::new()),
            Self::NoOrderState => row.order_state = None,
            Self::QuantityWithComma => order.total_quantity = Some("1,000".to_owned()),
        }
    }

    /// Makes an orderStatus odd, where it has what is odd.
    pub(crate) fn spoil_status(self, status: &mut wire::OrderStatus) {
        match self {
            Self::StatusUnknown => status.status = Some("PreCancelled".to_owned()),
            Self::StatusEmpty => status.status = Some(String::new()),
            Self::QuantityWithComma => status.remaining = Some("1,000".to_owned()),
            Self::RightQuestionMark
            | Self::RightZero
            | Self::ActionUnknown
            | Self::ActionEmpty
            | Self::NoOrderState => {}
        }
    }

    /// Makes an execution odd, where it has what is odd.
    pub(crate) fn spoil_execution(self, row: &mut wire::ExecutionDetails) {
        let contract = row.contract.get_or_insert_default();
        let execution = row.execution.get_or_insert_default();
        match self {
            Self::RightQuestionMark => contract.right = Some("?".to_owned()),
            Self::RightZero => contract.right = Some("0".to_owned()),
            Self::ActionUnknown => execution.side = Some("SLDSHORT".to_owned()),
            Self::ActionEmpty => execution.side = Some(String::new()),
            Self::QuantityWithComma => execution.shares = Some("1,000".to_owned()),
            Self::StatusUnknown | Self::StatusEmpty | Self::NoOrderState => {}
        }
    }
}

impl fmt::Display for OddRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, kind)| kind == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

impl FromStr for OddRow {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::WORDS.iter().find(|(word, _)| *word == text);
        found.map(|(_, kind)| *kind).ok_or(())
    }
}
