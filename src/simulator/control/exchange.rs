//! What happens around orders: prices, hours, notices, accounts, and people who type orders into TWS.

use rust_decimal::Decimal;

use super::super::order::Side;
use super::super::switches::Switches;
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

impl Control {
    /// Moves a symbol's price, to the nearest tick; orders that it reaches fill, in explicit mode too.
    pub async fn move_price(&self, symbol: &str, price: Decimal) -> Done {
        let symbol = symbol.to_owned();
        self.run(move |exchange, now| exchange.set_price(&symbol, price, now))
            .await?
    }

    /// Sends an error or notice with id -1 to everyone.
    pub async fn send_notice(&self, code: i32, text: &str) -> Done {
        let text = text.to_owned();
        self.run(move |exchange, now| exchange.send_notice(code, &text, now))
            .await
    }

    /// Opens the exchange: orders that waited for it become Submitted.
    pub async fn open_exchange(&self) -> Done {
        self.run(|exchange, now| exchange.open_exchange(now)).await
    }

    /// Closes the exchange: later orders wait as PreSubmitted, with 399.
    pub async fn close_exchange(&self) -> Done {
        self.run(|exchange, now| exchange.close_exchange(false, now))
            .await
    }

    /// Closes the exchange for the day: DAY orders end, and queries for today no longer see what was before.
    pub async fn end_day(&self) -> Done {
        self.run(|exchange, now| exchange.close_exchange(true, now))
            .await
    }

    /// Places an order as a person at TWS would. Gives its permanent id. Only reqAllOpenOrders shows it, until client 0
    /// asks for open orders and so binds it.
    pub async fn place_manual_order(&self, order: ManualOrder) -> Result<i64, ControlError> {
        let side = if order.buy { Side::Buy } else { Side::Sell };
        self.run(move |exchange, _| {
            exchange.place_manual(&order.symbol, side, order.quantity, order.limit_price)
        })
        .await?
    }

    /// Changes what TWS does where sources are silent or disagree, from the next message on.
    pub async fn set_switches(&self, change: impl FnOnce(&mut Switches) + Send + 'static) -> Done {
        self.run(move |exchange, _| change(&mut exchange.switches))
            .await
    }

    /// Accounts that the next login is told.
    pub async fn set_accounts(&self, accounts: Vec<String>) -> Done {
        self.run(move |exchange, _| exchange.set_accounts(accounts))
            .await
    }
}
