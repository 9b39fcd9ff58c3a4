//! Switches about replacements of working orders.

use super::choices;

choices! {
    /// What the echo of a replacement shows before the order works again.
    ReplaceStatus {
        /// The status that the order had.
        AsBefore = "as-before",
        /// PreSubmitted, then Submitted (ib_insync #509).
        Again = "again",
    }

    /// Pairs with the old values beside the echo of a replacement.
    ReplaceStale {
        /// There are none.
        Absent = "absent",
        /// One that was on its way comes before the echo.
        Before = "before",
        /// One comes after the echo.
        After = "after",
    }

    /// A replacement while the exchange is closed.
    ReplaceClosed {
        /// Echoed now.
        Now = "now",
        /// Echoed when the exchange opens; until then the old values are shown.
        AtOpen = "at-open",
    }

    /// A replacement within 50 ms of the placement.
    ReplaceTooSoon {
        /// Taken.
        Taken = "taken",
        /// 103, because TWS has not yet registered the order (dshe/InterReact #12).
        Duplicate = "103",
        /// 2102.
        Processing = "2102",
    }

    /// A replacement of an order that is being cancelled. No source says.
    ReplacePendingCancel {
        /// 2102.
        Processing = "2102",
        /// 201, too late to replace.
        TooLate = "201",
        /// No answer.
        Silent = "silent",
    }

    /// A replacement of an order that has filled.
    ReplaceFilled {
        /// 104, as IB documents it.
        Refused = "104",
        /// No answer, as TWS was seen to do.
        Silent = "silent",
    }

    /// A replacement of an order that has ended otherwise.
    ReplaceEnded {
        /// 103, where TWS knows.
        Duplicate = "103",
        /// 201, too late to replace, where IB decides.
        TooLate = "201",
    }

    /// A replacement to a quantity that has filled already, or less. No source says.
    ReplaceBelowFilled {
        /// 105.
        Refused = "105",
        /// 201.
        Rejected = "201",
        /// The order is done: Filled, with what has filled as its quantity.
        Fills = "fills",
    }
}
