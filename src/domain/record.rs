//! A row of the `orders` table: the order's state and what only the gateway itself needs of it.

use super::{OrderState, Timestamp};

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRecord {
    /// What everybody sees.
    pub state: OrderState,
    /// The instruction that placed it, see [`super::Instruction`].
    pub instruction: u64,
    /// Whether TWS ever showed that it has the order (an open order, a status, an execution, or the answered barrier
    /// of a staged one).
    pub acknowledged: bool,
    /// Whether TWS ever showed it working: a refusal after that has ended an order that was there.
    pub worked: bool,
    /// IB's id of the contract, from the first report that carried it.
    pub con_id: Option<i64>,
    /// When an order that had been staged was released; `None` for one that was sent to be transmitted from the beginning.
    pub released_at: Option<Timestamp>,
    /// The permanent ids among the state's `other_perm_ids` that are not known to have ended.
    pub other_working: Vec<i64>,
}

impl OrderRecord {
    /// A new order that no report has reached yet.
    pub const fn new(state: OrderState, instruction: u64) -> Self {
        Self {
            state,
            instruction,
            acknowledged: false,
            worked: false,
            con_id: None,
            released_at: None,
            other_working: Vec::new(),
        }
    }
}

#[cfg(feature = "gateway")]
impl OrderRecord {
    /// What TWS made of the order: a rejection is TWS's where it gave a code.
    pub fn tws_verdict(&self) -> Option<super::limits::TwsVerdict> {
        use super::limits::TwsVerdict;
        let state = &self.state;
        if self.worked {
            Some(TwsVerdict::Worked)
        } else if state.status == super::Status::Rejected && state.last_error_code.is_some() {
            Some(TwsVerdict::Rejected)
        } else {
            None
        }
    }
}
