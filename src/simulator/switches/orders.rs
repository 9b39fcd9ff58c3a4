//! Switches about single orders: what is said of them, and what becomes of their ids.

use super::choices;

choices! {
    /// How an order that goes straight to the exchange is acknowledged. Captures show all three.
    Acknowledgement {
        /// PreSubmitted, then Submitted.
        Both = "both",
        /// Submitted alone.
        Submitted = "submitted-alone",
        /// PreSubmitted alone, when the order fills at once.
        PreSubmitted = "presubmitted-alone",
    }

    /// How often a pair of openOrder and orderStatus is repeated of an order that waits, and of one that was replaced.
    Repeats {
        /// Each is sent once.
        Once = "once",
        /// As often as in most captures: three more after a 399, twice for a stop in hours and for a replacement.
        Captured = "captured",
        /// One more than that.
        More = "more",
    }

    /// Where the 399 of an order comes that waits for the opening. Captures show both.
    ClosedWarning {
        /// After the first pair.
        AfterPair = "after-pair",
        /// Before the first pair.
        BeforePair = "before-pair",
    }

    /// What is shown between a cancel and its confirmation. Captures show all three.
    PendingCancel {
        /// Nothing.
        Hidden = "hidden",
        /// An orderStatus.
        Status = "status",
        /// openOrder and orderStatus, twice.
        Pairs = "pairs",
    }

    /// What a stop order that has triggered shows before it fills. Captures show both.
    StopFill {
        /// Submitted, no longer held.
        Submitted = "submitted",
        /// Nothing: its fills come while it is still shown as held for its trigger.
        Held = "held",
    }

    /// What is said about an order for the close.
    OnCloseAcknowledgement {
        /// PreSubmitted.
        Reported = "reported",
        /// Nothing, until it is asked for, ends or fills; one matrix of order types saw no frame before a cancel.
        Silent = "silent",
    }

    /// Prices that TWS computes: of a stop that trails by percent, of the limit behind a trailing stop.
    ComputedPrices {
        /// On the tick.
        Rounded = "rounded",
        /// As they come out.
        Exact = "exact",
    }

    /// How the good-till date comes back.
    GoodTillEcho {
        /// In the zone of TWS, as LEAN reads it back.
        TwsZone = "tws-zone",
        /// As it was sent.
        AsSent = "as-sent",
    }

    /// When a refusal by IB (200, 201) comes.
    Refusals {
        /// At once.
        AtOnce = "at-once",
        /// After the answer to the client's next request for ids: having read an order, TWS may still refuse it.
        AfterNextIds = "after-next-ids",
    }

    /// Whether an id whose order was refused with 320 or 321 is spent. Those refused with 200 and 328 are.
    RefusedId {
        /// It can be used again.
        Free = "free",
        /// The next valid id lies above it.
        Spent = "spent",
    }

    /// How the orderRef of a request comes back.
    OrderRefEcho {
        /// Unchanged.
        Kept = "kept",
        /// Without blanks at its ends, cut to 40 characters, anything but ASCII as a question mark.
        Mangled = "mangled",
    }

    /// Orders for a part of a share.
    Fractions {
        /// Taken.
        Taken = "taken",
        /// Refused with 10243.
        Refused = "refused",
    }

    /// What an order is while a share to borrow is sought (404).
    LocateStatus {
        /// PreSubmitted, as IB documents it.
        PreSubmitted = "presubmitted",
        /// Inactive, as users report it; it still works later.
        Inactive = "inactive",
    }

    /// How a cancel of an order that is Inactive is answered.
    InactiveCancel {
        /// As for any other order.
        Answered = "answered",
        /// Not at all (ib_insync #363).
        Silent = "silent",
    }

    /// What a cancel of a staged order says.
    StagedCancel {
        /// orderStatus Cancelled, 202, 161: a capture of server version 225.
        WithStatus = "with-status",
        /// 202 and 161, as an earlier version was seen to do.
        WithoutStatus = "without-status",
    }

    /// Which ended orders of the client a global cancel names with 161.
    GlobalCancelEnded {
        /// Each one of the day.
        Each = "each",
        /// Those that were staged when they ended.
        Discarded = "discarded",
        /// None.
        Silent = "silent",
    }

    /// Whether a fill is reported by an execution.
    Executions {
        /// Each is.
        Reported = "reported",
        /// Not when it happens; a query has it.
        Queried = "queried",
        /// Never: the order is Filled without one.
        Missing = "missing",
    }

    /// Which order id an execution carries.
    ExecutionOrderId {
        /// That of the order.
        Own = "own",
        /// 0, with client id, permanent id and orderRef as they should be.
        Zero = "zero",
        /// 2147483647.
        Unset = "unset",
    }

    /// Whether a reduction of an order (481) shows the new total.
    SizeReduction {
        /// An openOrder and an orderStatus do.
        Shown = "shown",
        /// The order goes on under its old total.
        Hidden = "hidden",
    }

    /// What becomes of the ids of staged orders when TWS restarts.
    RestartIds {
        /// They stay used.
        Kept = "kept",
        /// Those at the end of the count are given out again.
        RolledBack = "rolled-back",
    }

    /// The first echo of a stop or trailing order.
    StopEcho {
        /// Its lmtPrice is 0.
        Zero = "zero",
        /// Its lmtPrice is three ticks above the stop: captures of server version 200.
        ThreeTicks = "three-ticks",
    }

    /// What a preview (what-if) is answered.
    WhatIfFrames {
        /// One openOrder with the margins.
        One = "one",
        /// One with only a warning before it (ib_insync #380).
        WarningFirst = "warning-first",
    }

    /// What a preview says about commission.
    WhatIfCommission {
        /// One amount.
        Amount = "amount",
        /// Bounds, and no amount.
        Bounds = "bounds",
        /// Nothing (ib_insync #403, futures).
        Absent = "absent",
    }

    /// Whether the id of a preview is spent.
    WhatIfId {
        /// The next valid id lies above it.
        Spent = "spent",
        /// It can be used again.
        Free = "free",
    }

    /// How a cancel of a preview is answered, which IB asks for.
    WhatIfCancel {
        /// 10147.
        NotFound = "10147",
        /// 161.
        NotCancellable = "161",
        /// Not at all.
        Silent = "silent",
    }
}
