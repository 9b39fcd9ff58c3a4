//! What a person at TWS does: types orders, changes those of clients, releases and cancels them.

use rust_decimal::Decimal;

use super::super::order::{OrderKey, Side};
use super::{Control, ControlError, Done};

/// A manual order typed into TWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManualOrder {
    /// A known symbol.
    pub symbol: String,
    /// Buy, or sell.
    pub buy: bool,
    /// Shares.
    pub quantity: Decimal,
    /// Limit price.
    pub limit_price: Decimal,
}

/// What a person changes of a working order. What is `None` stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandChange {
    /// The total, filled part included.
    pub quantity: Option<Decimal>,
    /// Limit price, of an order that has one.
    pub limit_price: Option<Decimal>,
    /// Stop price, or the price that an order waits for.
    pub stop_price: Option<Decimal>,
}

impl Control {
    /// Places an order as a person at TWS would. Gives its permanent id. Only reqAllOpenOrders shows it, until client 0
    /// asks for open orders and so binds it.
    pub async fn place_manual_order(&self, order: ManualOrder) -> Result<i64, ControlError> {
        let side = if order.buy { Side::Buy } else { Side::Sell };
        self.run(move |exchange, _| {
            exchange.place_manual(&order.symbol, side, order.quantity, order.limit_price)
        })
        .await?
    }

    /// Places a limit order, good till cancelled, under a client's id and an order id, of which that client knows nothing:
    /// as an earlier program with the same client id would have.
    pub async fn place_for_client(&self, key: (i32, i32), order: ManualOrder) -> Done {
        let side = if order.buy { Side::Buy } else { Side::Sell };
        self.run(move |exchange, now| {
            let key = OrderKey::from(key);
            exchange.place_for_client(
                key,
                &order.symbol,
                side,
                order.quantity,
                order.limit_price,
                now,
            );
        })
        .await
    }

    /// Changes a working order's size or prices in TWS's window: openOrder and orderStatus show it.
    pub async fn change_by_hand(&self, order: impl Into<OrderKey>, change: HandChange) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.change_by_hand(key, change, now))
            .await?
    }

    /// Transmits a staged order in TWS's window, a child of a staged family with its family.
    pub async fn transmit_by_hand(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.transmit_by_hand(key, now))
            .await?
    }

    /// Cancels an order in TWS's window; a staged one is discarded.
    pub async fn cancel_by_hand(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.cancel_by_hand(key, now))
            .await?
    }
}
