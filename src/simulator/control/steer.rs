//! What only a control from outside the process needs: who moves the market, and fills that name a quantity or a price alone.

use std::time::Duration;

use rust_decimal::Decimal;

use super::super::config::Mode;
use super::super::exchange::FillReport;
use super::super::order::OrderKey;
use super::{Control, Done};

impl Control {
    /// From now on nothing fills, expires or moves until a control says so (`true`), or the market moves by itself again. Orders that
    /// rest stay as they are until a price reaches them. A simulator that was started in explicit mode has no timer: there prices
    /// then move with accepted orders only.
    pub async fn set_explicit(&self, explicit: bool) -> Done {
        self.run(move |exchange, _| {
            exchange.set_mode(if explicit {
                Mode::Explicit
            } else {
                // The timer was set up at the start and goes by the tick it had then.
                Mode::Automatic {
                    tick: Duration::ZERO,
                }
            });
        })
        .await
    }

    /// Fills an order: the quantity, or what is left of it; at the price, or at its limit or the market's price.
    pub async fn fill_part(
        &self,
        order: impl Into<OrderKey>,
        quantity: Option<Decimal>,
        price: Option<Decimal>,
    ) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.fill(key, quantity, price, FillReport::Usual, now))
            .await?
    }
}
