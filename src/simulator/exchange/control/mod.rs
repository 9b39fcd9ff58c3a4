//! What a control makes the exchange do.

mod fills;
mod hand;
mod orders;

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::control::ControlError;
use super::super::order::{Order, OrderKey, PermId, Phase};
use super::Exchange;

impl Exchange {
    /// Moves a symbol's price, and trades what the new price reaches.
    pub(crate) fn set_price(
        &mut self,
        symbol: &str,
        price: Decimal,
        now: Now,
    ) -> Result<(), ControlError> {
        let found = self.market.by_symbol(symbol);
        let index = found.ok_or_else(|| ControlError::UnknownSymbol(symbol.to_owned()))?;
        if let Some(instrument) = self.market.get_mut(index) {
            instrument.set_price(price);
        }
        self.journal_walk(index);
        self.sweep_parts(index, Decimal::MAX, now);
        Ok(())
    }

    /// Accounts of the next logins.
    pub(crate) fn set_accounts(&mut self, accounts: Vec<String>) {
        self.accounts = accounts;
    }

    /// The order by its key; client -1 stands for whichever client has an order of that id.
    pub(crate) fn locate(&self, key: OrderKey) -> Result<(PermId, Phase), ControlError> {
        let found = if key.client_id == OrderKey::ANY_CLIENT {
            self.all_orders()
                .find(|order| order.key.order_id == key.order_id)
                .map(|order| order.perm_id)
        } else {
            self.book.find(key)
        };
        let order = found
            .and_then(|perm_id| self.book.get(perm_id))
            .ok_or(ControlError::UnknownOrder(key))?;
        Ok((order.perm_id, order.phase))
    }

    pub(crate) fn all_orders(&self) -> impl Iterator<Item = &Order> {
        self.book.open().chain(self.book.finished())
    }

    pub(crate) fn exec_ids(&self) -> Vec<String> {
        let ids = self
            .ledger
            .fills()
            .filter_map(|fill| fill.details.execution.as_ref()?.exec_id.clone());
        ids.collect()
    }

    pub(crate) fn quote(&self, symbol: &str) -> Option<(Decimal, Decimal)> {
        let instrument = self.market.get(self.market.by_symbol(symbol)?)?;
        Some((instrument.bid(), instrument.ask()))
    }
}
