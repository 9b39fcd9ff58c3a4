//! Switches about positions and account values.

use super::choices;

choices! {
    /// When a changed position is told to whoever subscribed to positions.
    PositionNews {
        /// Behind the frames of the fill.
        AfterFill = "after-fill",
        /// Before them.
        BeforeFill = "before-fill",
        /// Half a second later.
        Later = "later",
    }

    /// Which positions that were closed are still listed, with a quantity of 0. A setting of TWS.
    ClosedPositions {
        /// All of them.
        Kept = "kept",
        /// Those that were closed today.
        Today = "today",
    }

    /// The exchange of a position's contract.
    PositionExchange {
        /// Where it is listed.
        Listing = "listing",
        /// Absent.
        Absent = "absent",
    }

    /// Whether bought currency is listed as a position too. A setting of TWS.
    FxPositions {
        /// It is cash, and nothing else.
        Hidden = "hidden",
        /// As a row of the security type CASH.
        Shown = "shown",
    }

    /// When account values that a fill changed are told.
    AccountNews {
        /// Half a second later.
        Soon = "soon",
        /// With all others, every three minutes, as documented.
        Slow = "every-3min",
    }

    /// What counts against the limit of two account summaries.
    SummaryLimit {
        /// Each request id that a connection has used, cancelled or not, as users report.
        Ids = "ids",
        /// Each summary that is not cancelled, as documented.
        Subscriptions = "subscriptions",
    }

    /// The id of the error (322) that refuses an account summary. Users' logs show both.
    SummaryRefusalId {
        /// The request's.
        Request = "request",
        /// -1.
        None = "none",
    }
}
