//! Get, List and Watch.

use super::Gateway;
use super::limits::{self, poll_interval, seconds};
use crate::domain::{ListIn, ListOut, OrderDetail, OrderKey, WatchIn};
use crate::error::Error;
use crate::feed::{Watch, WatchSpec};

impl Gateway {
    /// Reads one order and its fills from the store. Needs no TWS.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `REQUEST_INVALID`, `STORE`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn get(&self, key: OrderKey) -> Result<OrderDetail, Error> {
        limits::key(&key)?;
        let found = self.shared.reader.get(key.clone()).await?;
        found.ok_or_else(|| Error::order_not_found(&key))
    }

    /// Reads stored orders, newest first. Needs no TWS.
    ///
    /// # Errors
    /// `REQUEST_INVALID` (page size, page token), `STORE`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn list(&self, input: ListIn) -> Result<ListOut, Error> {
        Ok(self.shared.reader.list(input).await?)
    }

    /// Watches one order to its end, or all without end.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `REQUEST_INVALID`, `SEQUENCE`, `OVERLOADED`, `SHUTTING_DOWN`, `STORE`, `INTERNAL`.
    pub async fn watch(&self, input: WatchIn) -> Result<Watch, Error> {
        let spec = spec(input, self.shared.terminal_linger)?;
        self.shared.feed.watch(spec).await
    }
}

/// What a watch asks of the feed.
pub(crate) fn spec(input: WatchIn, linger: std::time::Duration) -> Result<WatchSpec, Error> {
    let WatchIn {
        order_id,
        poll_interval: interval,
        timeout,
        max_wait,
        after_sequence,
    } = input;
    // The store is there as soon as the gateway is: there is nothing to wait for.
    seconds("timeout", timeout)?;
    if order_id != 0 {
        limits::key(&OrderKey::OrderId(order_id))?;
    }
    Ok(WatchSpec {
        order_id: (order_id != 0).then_some(order_id),
        after_sequence,
        poll_interval: poll_interval(interval)?,
        max_wait: max_wait
            .map(|max_wait| seconds("max_wait", max_wait))
            .transpose()?,
        linger,
    })
}
