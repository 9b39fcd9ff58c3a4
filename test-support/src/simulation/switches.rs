//! What a seed draws: how bad the link is, and what TWS does where nobody knows.

use crate::random::Random;

/// What goes wrong in a history.
#[derive(Debug, Clone)]
pub(super) struct FaultProfile {
    /// Of a hundred reports, so many are lost without a word.
    pub(super) lost: u64,
    /// So many come twice.
    pub(super) doubled: u64,
    /// So many change places with a later one.
    pub(super) shuffled: u64,
    /// So many open orders can be read in part only.
    pub(super) unreadable: u64,
    /// Of a hundred messages, so many tear the link.
    pub(super) torn: u64,
    /// Of a hundred reconciles, so many are not answered.
    pub(super) mute: u64,
    /// Executions are corrected downwards now and then.
    pub(super) corrections: bool,
    /// Somebody changes orders in TWS by hand.
    pub(super) by_hand: bool,
}

/// What the notes on TWS do not know.
#[derive(Debug, Clone)]
pub(super) struct Switches {
    /// The executions query answers with commissions.
    pub(super) commissions_again: bool,
    /// Rows of completed orders carry order id and client id.
    pub(super) completed_ids: bool,
    /// Rows of completed orders say how much filled.
    pub(super) completed_sizes: bool,
    /// A query of the reconcile (0 open orders, 1 completed orders, 2 executions) that never ends.
    pub(super) endless: Option<u8>,
    /// IB refuses a staged order after TWS has read it.
    pub(super) late_refusals: bool,
    /// A change is shown only when the market opens.
    pub(super) change_shown_at_open: bool,
    /// A change is sometimes ignored without a word.
    pub(super) change_ignored: bool,
    /// What an order was before its change is told once more after it was read.
    pub(super) late_old_pair: bool,
    /// A change is sometimes shown and then taken back.
    pub(super) change_taken_back: bool,
    /// A change that is read while TWS has lost IB makes a second order.
    pub(super) second_order: bool,
    /// A change of a child whose parent has filled is refused with 135 when it names the parent.
    pub(super) no_such_parent: bool,
    /// A child lives on when its parent ends unfilled.
    pub(super) child_detached: bool,
    /// The cancel of a child ends its sibling.
    pub(super) siblings_cancelled: bool,
    /// A child shows the size of what it protects: 0 before anything has filled.
    pub(super) children_resized: bool,
    /// The cancel of a staged child is not answered.
    pub(super) silent_staged_child: bool,
    /// The cancel of a staged order is answered with a status first.
    pub(super) staged_cancel_shown: bool,
    /// The cancel of a staged order is answered as if it was unknown.
    pub(super) staged_cancel_unknown: bool,
    /// Of a hundred fills to the end, so many come without executions.
    pub(super) silent_fills: u64,
    /// 481 comes with an open order that has the new total.
    pub(super) reduced_total_shown: bool,
    /// A restart of TWS rolls its order ids back.
    pub(super) ids_rolled_back: bool,
    /// A restart of TWS takes orders that were staged, or else refuses their release (103).
    pub(super) forgotten_taken: bool,
    /// A refusal may carry any code.
    pub(super) any_refusal_code: bool,
}

impl FaultProfile {
    pub(super) fn draw(random: &mut Random) -> Self {
        let wild = random.percent(50);
        Self {
            lost: if wild { random.below(20) } else { 0 },
            doubled: random.below(20),
            shuffled: random.below(40),
            unreadable: if random.percent(30) { 5 } else { 0 },
            torn: 1,
            mute: if wild { 10 } else { 0 },
            corrections: random.percent(30),
            by_hand: random.percent(60),
        }
    }

    /// Nothing goes wrong any more.
    pub(super) const fn end(&mut self) {
        self.lost = 0;
        self.shuffled = 0;
        self.unreadable = 0;
        self.torn = 0;
        self.mute = 0;
    }
}

impl Switches {
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut half = || random.percent(50);
        Self {
            commissions_again: half(),
            completed_ids: half(),
            completed_sizes: half(),
            late_refusals: half(),
            change_shown_at_open: half(),
            change_ignored: half(),
            late_old_pair: half(),
            change_taken_back: half(),
            second_order: half(),
            no_such_parent: half(),
            child_detached: half(),
            siblings_cancelled: half(),
            children_resized: half(),
            silent_staged_child: half(),
            staged_cancel_shown: half(),
            staged_cancel_unknown: half(),
            silent_fills: if half() { 5 } else { 0 },
            reduced_total_shown: half(),
            ids_rolled_back: half(),
            forgotten_taken: half(),
            any_refusal_code: half(),
            endless: random
                .percent(15)
                .then(|| u8::try_from(random.below(3)).unwrap()),
        }
    }
}
