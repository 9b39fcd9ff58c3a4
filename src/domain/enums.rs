//! The closed vocabularies of an order. Each word has one spelling, used in JSON, SQLite and proto alike.

/// Declares an enum whose variants have one spelling everywhere.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word as it stands in JSON, SQLite and proto.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::domain::UnknownWord;

            /// Reads the exact word; callers upper-case what people typed.
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err($crate::domain::UnknownWord) }
            }
        }
    };
}

pub(super) use words;

/// A word outside its vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

words! {
    /// Which way an order trades.
    Action {
        /// Buy.
        Buy = "BUY",
        /// Sell.
        Sell = "SELL",
    }
}

words! {
    /// How an order is priced.
    OrderType {
        /// Market order.
        Market = "MKT",
        /// Limit order.
        Limit = "LMT",
        /// Stop order.
        Stop = "STP",
        /// Stop-limit order.
        StopLimit = "STP_LMT",
        /// Trailing stop order.
        Trail = "TRAIL",
        /// Trailing stop limit order.
        TrailLimit = "TRAIL_LIMIT",
        /// Market order for the closing auction.
        MarketOnClose = "MOC",
        /// Limit order for the closing auction.
        LimitOnClose = "LOC",
        /// What TWS shows for an order that was changed by hand into a type this version does not have. Never in a request.
        Other = "OTHER",
    }
}

words! {
    /// What is traded.
    SecType {
        /// A stock or exchange-traded fund.
        Stock = "STK",
    }
}

words! {
    /// How long an order works.
    TimeInForce {
        /// Until the end of the trading day.
        Day = "DAY",
        /// Until it is cancelled.
        GoodTillCancelled = "GTC",
        /// Fills at once as far as it can, the rest is cancelled.
        ImmediateOrCancel = "IOC",
        /// Fills at once and whole, or not at all.
        FillOrKill = "FOK",
        /// At the opening auction.
        OnOpen = "OPG",
        /// Until a point in time.
        GoodTillDate = "GTD",
    }
}

words! {
    /// What the fill of one order of an OCA group does to the others of it.
    #[derive(Default)]
    OcaType {
        /// Cancels them. One of them at a time is at an exchange, so that they cannot fill together.
        #[default]
        CancelWithBlock = "CANCEL_WITH_BLOCK",
        /// Reduces them by as much as filled, one at a time at an exchange.
        ReduceWithBlock = "REDUCE_WITH_BLOCK",
        /// Reduces them, all of them at their exchanges: they may fill together.
        ReduceNonBlock = "REDUCE_NON_BLOCK",
    }
}

words! {
    /// What a caller instructed.
    InstructionKind {
        /// A new order.
        Place = "PLACE",
        /// An entry with its exits.
        PlaceBracket = "PLACE_BRACKET",
        /// The release of a staged order.
        Transmit = "TRANSMIT",
        /// Other terms for an order.
        Replace = "REPLACE",
        /// The end of an order.
        Cancel = "CANCEL",
        /// The end of many orders.
        CancelAll = "CANCEL_ALL",
        /// Nothing that opens risk any more.
        Halt = "HALT",
        /// The end of a halt.
        Resume = "RESUME",
    }
}

words! {
    /// What became of an instruction.
    InstructionState {
        /// Stored, and on its way to TWS. After a restart it may have left.
        Queued = "QUEUED",
        /// Written to the session with TWS.
        Sent = "SENT",
        /// TWS took it.
        Accepted = "ACCEPTED",
        /// TWS refused it, or it was never sent.
        Refused = "REFUSED",
        /// TWS may or may not have taken it.
        Unconfirmed = "UNCONFIRMED",
    }
}

words! {
    /// Where an order stands; `proto/orders.proto` says what each word means.
    Status {
        /// In TWS with transmit false, and read by it.
        Staged = "STAGED",
        /// In the store and on its way to TWS.
        Submitting = "SUBMITTING",
        /// TWS may or may not have it.
        Unconfirmed = "UNCONFIRMED",
        /// TWS: received by the API.
        ApiPending = "API_PENDING",
        /// TWS: sent, not yet accepted.
        PendingSubmit = "PENDING_SUBMIT",
        /// TWS: accepted, waiting for its time or trigger.
        PreSubmitted = "PRE_SUBMITTED",
        /// TWS: working.
        Submitted = "SUBMITTED",
        /// TWS: cancel sent, not confirmed.
        PendingCancel = "PENDING_CANCEL",
        /// Filled whole.
        Filled = "FILLED",
        /// Cancelled.
        Cancelled = "CANCELLED",
        /// Cancelled before it was acknowledged.
        ApiCancelled = "API_CANCELLED",
        /// Not working: rejected or held.
        Inactive = "INACTIVE",
        /// Refused by TWS with an error, or known not to have been sent.
        Rejected = "REJECTED",
        /// A word of TWS this version does not know.
        Unknown = "UNKNOWN",
    }
}

impl OrderType {
    /// The type that a word of TWS stands for; `Other` for one that this version does not have.
    pub fn from_tws(word: &str) -> Self {
        match word {
            "MKT" => Self::Market,
            "LMT" => Self::Limit,
            "STP" => Self::Stop,
            "STP LMT" => Self::StopLimit,
            "TRAIL" => Self::Trail,
            "TRAIL LIMIT" => Self::TrailLimit,
            "MOC" => Self::MarketOnClose,
            "LOC" => Self::LimitOnClose,
            _ => Self::Other,
        }
    }
}

impl Status {
    /// Whether the watch of an order ends here. A later report still counts.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Filled
            | Self::Cancelled
            | Self::ApiCancelled
            | Self::Inactive
            | Self::Rejected => true,
            Self::Staged
            | Self::Submitting
            | Self::Unconfirmed
            | Self::ApiPending
            | Self::PendingSubmit
            | Self::PreSubmitted
            | Self::Submitted
            | Self::PendingCancel
            | Self::Unknown => false,
        }
    }

    /// Whether the order may work in TWS, now or once more: a cancel can still end it, and an error can concern it. An
    /// inactive order can come back.
    pub(crate) const fn may_work(self) -> bool {
        match self {
            Self::Filled | Self::Cancelled | Self::ApiCancelled | Self::Rejected => false,
            Self::Staged
            | Self::Submitting
            | Self::Unconfirmed
            | Self::ApiPending
            | Self::PendingSubmit
            | Self::PreSubmitted
            | Self::Submitted
            | Self::PendingCancel
            | Self::Inactive
            | Self::Unknown => true,
        }
    }

    /// The status a TWS word stands for (the order status table of the TWS API documentation); `Unknown` for a word
    /// this version does not know.
    pub fn from_tws(word: &str) -> Self {
        match word {
            "ApiPending" => Self::ApiPending,
            "PendingSubmit" => Self::PendingSubmit,
            "PreSubmitted" => Self::PreSubmitted,
            "Submitted" => Self::Submitted,
            "PendingCancel" | "PreCancelled" => Self::PendingCancel,
            "Filled" => Self::Filled,
            "Cancelled" => Self::Cancelled,
            "ApiCancelled" => Self::ApiCancelled,
            "Inactive" => Self::Inactive,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_itself() {
        for status in Status::ALL {
            assert_eq!(status.as_str().parse(), Ok(*status));
        }
        assert_eq!("buy".parse::<Action>(), Err(UnknownWord));
    }

    #[test]
    fn an_unheard_tws_word_is_unknown_and_not_terminal() {
        assert_eq!(Status::from_tws("WarnState"), Status::Unknown);
        assert!(!Status::Unknown.is_terminal());
    }
}
