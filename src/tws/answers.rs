//! What TWS answered to the queries of a reconcile.

/// The answers to the queries of one reconcile. What is missing from an answer may be concluded from as far as that answer is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers {
    /// Orders that TWS holds. Staged ones are never shown.
    pub open_orders: Answer,
    /// Orders that ended today.
    pub completed_orders: Answer,
    /// Executions of the days asked for.
    pub executions: Answer,
}

impl Answers {
    /// Every answer came whole.
    pub const fn whole() -> Self {
        Self {
            open_orders: Answer::Whole,
            completed_orders: Answer::Whole,
            executions: Answer::Whole,
        }
    }

    /// Nothing was answered.
    pub fn none(reason: &str) -> Self {
        let none = || Answer::None {
            reason: reason.to_owned(),
        };
        Self {
            open_orders: none(),
            completed_orders: none(),
            executions: none(),
        }
    }
}

/// How far a query was answered. A row that could not be read is left out of a whole answer, and counted
/// ([`TwsEvent::Unreadable`](super::TwsEvent::Unreadable)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Every row, up to the end mark.
    Whole,
    /// The end mark did not come within the limit. Every row that came was told.
    Partial {
        /// How often in a row TWS has left this query without an end mark in this session, from 1. There are TWSs that send every row and never the end
        /// mark.
        times: u32,
    },
    /// Refused, or never asked: nothing may be concluded from what was not shown.
    None {
        /// Why, for people.
        reason: String,
    },
}
