//! What becomes of single orders: refusals, what TWS says of them and what it withholds.

use rust_decimal::Decimal;

use super::super::exchange::Verdict;
use super::super::order::OrderKey;
use super::{Control, Done};

impl Control {
    /// Withholds the acknowledgements of orders from now on: they are taken, and nothing is said. A fill of such an
    /// order is then an execution before any status.
    pub async fn hold_acknowledgements(&self) -> Done {
        self.run(|exchange, now| exchange.hold_acknowledgements(true, now))
            .await
    }

    /// Acknowledges one order whose acknowledgement was withheld, or for which a share to borrow was found (404).
    pub async fn acknowledge(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.acknowledge_one(key, now))
            .await?
    }

    /// Acknowledges all orders that were withheld, and no longer withholds.
    pub async fn release_acknowledgements(&self) -> Done {
        self.run(|exchange, now| exchange.hold_acknowledgements(false, now))
            .await
    }

    /// Withholds confirmations of cancels: they are PendingCancel from now on.
    pub async fn hold_cancels(&self) -> Done {
        self.run(|exchange, now| exchange.hold_cancels(true, now))
            .await
    }

    /// Confirms all withheld cancels, and no longer withholds.
    pub async fn release_cancels(&self) -> Done {
        self.run(|exchange, now| exchange.hold_cancels(false, now))
            .await
    }

    /// Refuses an order that was taken before: Inactive, then the error.
    pub async fn reject(&self, order: impl Into<OrderKey>, code: i32, text: &str) -> Done {
        let (key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| exchange.reject_order(key, code, &text, true, now))
            .await?
    }

    /// Refuses an order that was taken before with an error and no status.
    pub async fn reject_without_status(
        &self,
        order: impl Into<OrderKey>,
        code: i32,
        text: &str,
    ) -> Done {
        let (key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| exchange.reject_order(key, code, &text, false, now))
            .await?
    }

    /// Refuses the next order that would be transmitted; `inactive` puts the status before the error.
    pub async fn reject_next(&self, code: i32, text: &str, inactive: bool) -> Done {
        let text = text.to_owned();
        self.run(move |exchange, _| {
            exchange.decide_next(Verdict::Reject {
                code,
                text,
                inactive,
            })
        })
        .await
    }

    /// Keeps the next order as PreSubmitted, whyHeld "locate", with 404.
    pub async fn hold_next_for_locate(&self) -> Done {
        self.run(|exchange, _| exchange.decide_next(Verdict::Locate))
            .await
    }

    /// The exchange cancels a working order by itself: Cancelled, then 202.
    pub async fn expire(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.expire(key, now))
            .await?
    }

    /// Sends an error or notice about an order, and changes nothing of it: 399, 404, 2109 or any other. The order need
    /// not exist when its client is named.
    pub async fn send_error(&self, order: impl Into<OrderKey>, code: i32, text: &str) -> Done {
        let (mut key, text) = (order.into(), text.to_owned());
        self.run(move |exchange, now| {
            if key.client_id == OrderKey::ANY_CLIENT {
                let (perm_id, _) = exchange.locate(key)?;
                key = exchange.book.get(perm_id).map_or(key, |order| order.key);
            }
            exchange.send_order_error(key, code, &text, now);
            Ok(())
        })
        .await?
    }

    /// Sends openOrder and orderStatus of an order once more, as they are now.
    pub async fn repeat_reports(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, _| exchange.repeat_reports(key))
            .await?
    }

    /// Makes a working order smaller (481), to a total that is not below what has filled.
    pub async fn reduce_size(&self, order: impl Into<OrderKey>, total: Decimal) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.reduce_size(key, total, now))
            .await?
    }

    /// Sets off an order that waits for its trigger, whatever the price.
    pub async fn trigger(&self, order: impl Into<OrderKey>) -> Done {
        let key = order.into();
        self.run(move |exchange, now| exchange.trigger_order(key, now))
            .await?
    }
}
