//! Where an order is in its life.

use serde::{Deserialize, Serialize};

/// The first three are not visible to anyone, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Placed with transmit=false: TWS holds it and says nothing.
    Staged,
    /// Transmitted while TWS had no link to IB; it goes out when the link is back.
    Queued,
    /// Transmitted, and its acknowledgement is withheld by a test.
    Withheld,
    PreSubmitted,
    Submitted,
    PendingCancel,
    /// Inactive, and alive: held until a share is located.
    InactiveHeld,
    Filled,
    Cancelled,
    Inactive,
    /// Staged, then cancelled: it was never an order.
    Discarded,
}

impl Phase {
    /// TWS's word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Staged | Self::Queued | Self::Withheld => "PendingSubmit",
            Self::PreSubmitted => "PreSubmitted",
            Self::Submitted => "Submitted",
            Self::PendingCancel => "PendingCancel",
            Self::Filled => "Filled",
            Self::Cancelled | Self::Discarded => "Cancelled",
            Self::Inactive | Self::InactiveHeld => "Inactive",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        match self {
            Self::Filled | Self::Cancelled | Self::Inactive | Self::Discarded => true,
            Self::Staged
            | Self::Queued
            | Self::Withheld
            | Self::PreSubmitted
            | Self::Submitted
            | Self::PendingCancel
            | Self::InactiveHeld => false,
        }
    }

    /// Whether a snapshot of open orders shows it.
    pub(crate) fn is_shown_open(self) -> bool {
        match self {
            Self::PreSubmitted | Self::Submitted | Self::PendingCancel | Self::InactiveHeld => true,
            Self::Staged
            | Self::Queued
            | Self::Withheld
            | Self::Filled
            | Self::Cancelled
            | Self::Inactive
            | Self::Discarded => false,
        }
    }

    /// Whether the exchange may fill it.
    pub(crate) fn is_live(self) -> bool {
        self.is_shown_open() || self == Self::Withheld
    }
}
