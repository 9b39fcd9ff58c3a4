//! The words of an order: its side, how long it is in force, and the group it is in.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Buy,
    Sell,
}

impl Side {
    /// As in a request.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// As in an execution.
    pub(crate) fn execution_word(self) -> &'static str {
        match self {
            Self::Buy => "BOT",
            Self::Sell => "SLD",
        }
    }

    /// A quantity as it changes a position.
    pub(crate) fn signed(self, quantity: Decimal) -> Decimal {
        match self {
            Self::Buy => quantity,
            Self::Sell => -quantity,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tif {
    Day,
    Gtc,
    Ioc,
    Fok,
    Opg,
    /// Until a moment, in microseconds since 1970.
    Gtd(i64),
}

/// What happens to the other members of a group of which one fills (IB's ocaType).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum OcaType {
    /// 1: they are cancelled; one at a time is at the exchange.
    CancelRest,
    /// 2: they shrink by the same share; one at a time is at the exchange.
    ReduceWithBlock,
    /// 3: they shrink by the same share.
    ReduceNonBlock,
}

impl OcaType {
    pub(crate) fn from_number(number: i32) -> Option<Self> {
        match number {
            1 => Some(Self::CancelRest),
            2 => Some(Self::ReduceWithBlock),
            3 => Some(Self::ReduceNonBlock),
            _ => None,
        }
    }

    pub(crate) fn number(self) -> i32 {
        match self {
            Self::CancelRest => 1,
            Self::ReduceWithBlock => 2,
            Self::ReduceNonBlock => 3,
        }
    }
}

/// Orders of which one ends or shrinks the others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct OcaGroup {
    pub(crate) account: String,
    pub(crate) name: String,
}
