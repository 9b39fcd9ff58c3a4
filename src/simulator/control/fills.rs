//! Fills, and everything else that executions report.

use rust_decimal::Decimal;

use super::super::exchange::FillReport;
use super::super::odd::OddRow;
use super::super::order::OrderKey;
use super::{Control, ControlError, Done};

impl Control {
    /// Fills what is left of an order, at its limit or the market's price.
    pub async fn fill(&self, order: impl Into<OrderKey>) -> Done {
        self.trade(order.into(), None, None, FillReport::Usual)
            .await
    }

    /// Fills part of an order, or all of it, at a price. More than is left is what is left.
    pub async fn fill_at(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(order.into(), Some(quantity), Some(price), FillReport::Usual)
            .await
    }

    /// Execution and commission, and no openOrder or orderStatus that says so.
    pub async fn fill_without_status(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(
            order.into(),
            Some(quantity),
            Some(price),
            FillReport::WithoutStatus,
        )
        .await
    }

    /// openOrder and orderStatus first, the execution after them.
    pub async fn fill_status_first(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
    ) -> Done {
        self.trade(
            order.into(),
            Some(quantity),
            Some(price),
            FillReport::StatusFirst,
        )
        .await
    }

    async fn trade(
        &self,
        key: OrderKey,
        quantity: Option<Decimal>,
        price: Option<Decimal>,
        report: FillReport,
    ) -> Done {
        self.run(move |exchange, now| exchange.fill(key, quantity, price, report, now))
            .await?
    }

    /// Replaces an execution by one with another quantity and price, whose id is the same but for a higher number
    /// after its last dot. Gives the new id.
    pub async fn correct_execution(
        &self,
        exec_id: &str,
        quantity: Decimal,
        price: Decimal,
    ) -> Result<String, ControlError> {
        let exec_id = exec_id.to_owned();
        self.run(move |exchange, now| exchange.correct(&exec_id, quantity, price, now))
            .await?
    }

    /// The shares of an execution once more under another execution id, as TWS was seen to report them.
    pub async fn repeat_execution(&self, exec_id: &str) -> Done {
        let exec_id = exec_id.to_owned();
        self.run(move |exchange, _| exchange.repeat_execution(&exec_id))
            .await?
    }

    /// The shares of an execution once more account by account, each under an execution id of its own, as an allocation
    /// reports them.
    pub async fn allocate(&self, exec_id: &str, shares: Vec<(String, Decimal)>) -> Done {
        let exec_id = exec_id.to_owned();
        self.run(move |exchange, _| exchange.allocate(&exec_id, shares))
            .await?
    }

    /// Fills part of an order, with an execution that not every client can read.
    pub async fn fill_oddly(
        &self,
        order: impl Into<OrderKey>,
        quantity: Decimal,
        price: Decimal,
        odd: OddRow,
    ) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.fill_oddly(key, quantity, price, odd, now))
            .await?
    }
}
