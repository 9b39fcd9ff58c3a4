//! One order as the exchange holds it.

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::wire;

/// Number that TWS gives an order once and for all.
pub(crate) type PermId = i64;

/// How a client names an order. Manual orders have client 0 and order id 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    /// The client that placed it.
    pub client_id: i32,
    /// The id that client gave it.
    pub order_id: i32,
}

impl OrderKey {
    /// Stands for whichever client has an order of that id.
    pub const ANY_CLIENT: i32 = -1;
}

/// An order id alone means the order of any client.
impl From<i32> for OrderKey {
    fn from(order_id: i32) -> Self {
        Self {
            client_id: Self::ANY_CLIENT,
            order_id,
        }
    }
}

/// Client id and order id.
impl From<(i32, i32)> for OrderKey {
    fn from((client_id, order_id): (i32, i32)) -> Self {
        Self {
            client_id,
            order_id,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Side {
    Buy,
    Sell,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Price {
    Market,
    Limit(#[serde(with = "decimal_text")] Decimal),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tif {
    Day,
    Gtc,
    Ioc,
    Fok,
    Opg,
}

impl Tif {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "DAY" => Some(Self::Day),
            "GTC" => Some(Self::Gtc),
            "IOC" => Some(Self::Ioc),
            "FOK" => Some(Self::Fok),
            "OPG" => Some(Self::Opg),
            _ => None,
        }
    }
}

/// Where an order is. The first four are not visible to anyone, or not yet.
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
            Self::Inactive => "Inactive",
        }
    }

    pub(crate) fn is_over(self) -> bool {
        matches!(
            self,
            Self::Filled | Self::Cancelled | Self::Inactive | Self::Discarded
        )
    }

    /// Whether a snapshot of open orders shows it.
    pub(crate) fn is_shown_open(self) -> bool {
        matches!(
            self,
            Self::PreSubmitted | Self::Submitted | Self::PendingCancel
        )
    }

    /// Whether the exchange may fill it.
    pub(crate) fn is_live(self) -> bool {
        self.is_shown_open() || self == Self::Withheld
    }
}

/// An order with everything that its echoes need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) key: OrderKey,
    pub(crate) perm_id: PermId,
    /// The openOrder message as it is sent now; status and filled quantity are kept current in it.
    pub(crate) echo: wire::OpenOrder,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) price: Price,
    #[serde(with = "decimal_text")]
    pub(crate) quantity: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) filled: Decimal,
    /// Sum of price times quantity of the fills.
    #[serde(with = "decimal_text")]
    pub(crate) value: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) last_price: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) commission: Decimal,
    pub(crate) tif: Tif,
    pub(crate) outside_rth: bool,
    pub(crate) phase: Phase,
    pub(crate) why_held: Option<String>,
    /// Trading day on which it ended.
    pub(crate) ended_day: i32,
    /// Placed by hand in TWS, not through the API.
    pub(crate) manual: bool,
}

impl Order {
    pub(crate) fn remaining(&self) -> Decimal {
        self.quantity - self.filled
    }

    pub(crate) fn average_price(&self) -> Decimal {
        self.value.checked_div(self.filled).unwrap_or_default()
    }

    /// Moves the order and its echo to another phase.
    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        if let Some(state) = &mut self.echo.order_state {
            state.status = Some(phase.word().to_owned());
        }
    }

    /// Ends the order, with the time and words that a completed order carries.
    pub(crate) fn end(&mut self, phase: Phase, stamp: String, words: String, day: i32) {
        self.set_phase(phase);
        self.ended_day = day;
        if let Some(state) = &mut self.echo.order_state {
            state.completed_time = Some(stamp);
            state.completed_status = Some(words);
        }
    }

    /// The orderStatus message. `filled`, `remaining` and the zeros are always there.
    pub(crate) fn status(&self) -> wire::OrderStatus {
        wire::OrderStatus {
            order_id: Some(self.key.order_id),
            status: Some(self.phase.word().to_owned()),
            filled: Some(plain(self.filled)),
            remaining: Some(plain(self.remaining())),
            avg_fill_price: Some(double(self.average_price())),
            perm_id: Some(self.perm_id),
            parent_id: Some(0),
            last_fill_price: Some(double(self.last_price)),
            client_id: Some(self.key.client_id),
            why_held: self.why_held.clone(),
            mkt_cap_price: Some(0.0),
        }
    }

    pub(crate) fn order_ref(&self) -> &str {
        self.echo
            .order
            .as_ref()
            .and_then(|order| order.order_ref.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn account(&self) -> &str {
        self.echo
            .order
            .as_ref()
            .and_then(|order| order.account.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn transmit(&self) -> bool {
        self.phase != Phase::Staged && self.phase != Phase::Discarded
    }
}

/// Digits and at most one point, no zeros at the end.
pub(crate) fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

pub(crate) fn double(number: Decimal) -> f64 {
    number.to_f64().unwrap_or_default()
}

/// Exact decimals as text in the state file.
mod decimal_text {
    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(number: &Decimal, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Decimal, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_without_trailing_zeros() {
        assert_eq!(plain(Decimal::new(10_000, 2)), "100");
        assert_eq!(plain(Decimal::new(50, 2)), "0.5");
        assert_eq!(plain(Decimal::ZERO), "0");
    }
}
