//! Switches about orders that belong together: parents, children and OCA groups.

use super::choices;

choices! {
    /// Why a stop order is held that waits for its parent as well as for its price. Captures show both.
    ChildStopHold {
        /// `child,trigger`.
        ChildTrigger = "child,trigger",
        /// `trigger`.
        Trigger = "trigger",
    }

    /// A child that comes within 50 ms of its parent.
    ChildTooSoon {
        /// Taken, as captured.
        Taken = "taken",
        /// 10006, against which IB advises a pause.
        Refused = "10006",
    }

    /// A child whose parent has filled already. No source says.
    ChildOfFilled {
        /// It works at once.
        Taken = "taken",
        /// 135 with the parent's id.
        NotFound = "135",
        /// 10006.
        MissingParent = "10006",
        /// 201.
        Rejected = "201",
    }

    /// What is said about children when their parent fills.
    ChildActivation {
        /// Nothing, as captured.
        Silent = "silent",
        /// openOrder and orderStatus of each.
        Pairs = "pairs",
    }

    /// How large children are while their parent has filled in part.
    ChildSize {
        /// As large as they were placed.
        Whole = "whole",
        /// As large as what has filled.
        Filled = "filled",
    }

    /// What becomes of children whose parent ends after it has filled in part. No source says.
    ChildOfEnded {
        /// They stay.
        Stay = "stay",
        /// They are cancelled.
        Cancelled = "cancelled",
    }

    /// A replacement of a child that names its parent, after the parent has filled. Sources disagree.
    ChildReplace {
        /// Taken, as captured.
        Taken = "taken",
        /// 135 with the parent's id (ib_insync #647).
        NotFound = "135",
    }

    /// A replacement of a child that leaves its parent's id out. No source says.
    ChildWithoutParentId {
        /// It stays a child.
        Kept = "kept",
        /// It is detached, and works.
        Detached = "detached",
        /// 10341.
        Refused = "10341",
    }

    /// What becomes of the sibling when one child of a bracket is cancelled.
    SiblingCancel {
        /// It is cancelled first, as captured of hedge children.
        Together = "together",
        /// It stays.
        Apart = "apart",
    }

    /// A cancel of a staged child by its id.
    StagedChildCancel {
        /// Answered as for any staged order.
        Answered = "answered",
        /// It vanishes without a word, as under a global cancel.
        Silent = "silent",
    }

    /// What becomes of the others when a member of a group of the client's own is cancelled. Not captured.
    OcaCancel {
        /// They stay.
        Apart = "apart",
        /// They are cancelled first.
        Together = "together",
    }

    /// What is shown of a member whose group has filled.
    OcaEnd {
        /// Cancelled.
        Cancelled = "cancelled",
        /// A total of 0, then Cancelled (nautilus_trader #2704).
        ZeroFirst = "zero-first",
    }

    /// An order for a group of which a member has filled. No source says.
    OcaEndedGroup {
        /// Taken.
        Taken = "taken",
        /// Cancelled at once.
        Cancelled = "cancelled",
    }
}
