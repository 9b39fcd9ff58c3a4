//! What happens around orders: prices, hours, notices, accounts, switches.

use rust_decimal::Decimal;

use super::super::switches::Switches;
use super::{Control, Done};

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

    /// Changes what TWS does where sources are silent or disagree, from the next message on.
    pub async fn set_switches(&self, change: impl FnOnce(&mut Switches) + Send + 'static) -> Done {
        self.run(move |exchange, _| change(&mut exchange.switches))
            .await
    }

    /// Sets what an account holds of a symbol, as if it had been there: no order, no execution and no cash say how. An empty
    /// account is the first of the login; a quantity below zero is sold short, zero closes. `average_cost` is per share, in
    /// the symbol's currency, and 0 for a closed position.
    pub async fn set_position(
        &self,
        account: &str,
        symbol: &str,
        quantity: Decimal,
        average_cost: Decimal,
    ) -> Done {
        let (account, symbol) = (account.to_owned(), symbol.to_owned());
        self.run(move |exchange, now| {
            exchange.set_position(&account, &symbol, quantity, average_cost, now)
        })
        .await?
    }

    /// Says whether IB has the accounts ready (AccountReady). While it has not, account values are told as they were when it
    /// began; positions are not touched.
    pub async fn set_account_ready(&self, ready: bool) -> Done {
        self.run(move |exchange, now| exchange.set_account_ready(ready, now))
            .await
    }

    /// The next order id that a client is given; for a count that comes near its end, most of all.
    pub async fn set_next_order_id(&self, client_id: i32, order_id: i32) -> Done {
        self.run(move |exchange, _| exchange.set_next_id(client_id, order_id))
            .await
    }

    /// Accounts that the next login is told.
    pub async fn set_accounts(&self, accounts: Vec<String>) -> Done {
        self.run(move |exchange, _| exchange.set_accounts(accounts))
            .await
    }
}
