//! Get, List and Watch.

use super::Gateway;
use super::limits::{self, poll_interval, seconds};
use crate::domain::{GetIn, GetOut, ListIn, ListOut, OrderDetail, OrderKey, WatchIn};
use crate::error::Error;
use crate::feed::{Watch, WatchSpec};
use crate::store::Reader;

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

    /// Reads one order and a page of its fills, so that no answer is larger than gRPC libraries take. Needs no TWS.
    ///
    /// # Errors
    /// As [`Gateway::get`]; `REQUEST_INVALID` for a page size or a page token too.
    pub async fn get_page(&self, input: GetIn) -> Result<GetOut, Error> {
        limits::key(&input.order)?;
        let key = input.order.clone();
        let found = self.shared.reader.get_page(input).await?;
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
        let order = input.order.clone();
        let mut spec = spec(input, self.shared.terminal_linger)?;
        spec.order_id = order_id(&self.shared.reader, order).await?;
        self.shared.feed.watch(spec).await
    }
}

/// The id of the order that is to be watched.
pub(crate) async fn order_id(
    reader: &Reader,
    order: Option<OrderKey>,
) -> Result<Option<i32>, Error> {
    match order {
        None => Ok(None),
        Some(OrderKey::OrderId(order_id)) => Ok(Some(order_id)),
        Some(key @ OrderKey::RequestId(_)) => match reader.get(key.clone()).await? {
            Some(found) => Ok(Some(found.order.order_id)),
            None => Err(Error::order_not_found(&key)),
        },
    }
}

/// What a watch asks of the feed. An order that it names by a request id is still to be found.
pub(crate) fn spec(input: WatchIn, linger: std::time::Duration) -> Result<WatchSpec, Error> {
    let WatchIn {
        order,
        poll_interval: interval,
        timeout,
        max_wait,
        after_sequence,
        with_family,
    } = input;
    // The store is there as soon as the gateway is: there is nothing to wait for.
    seconds("timeout", timeout)?;
    if let Some(order) = &order {
        limits::key(order)?;
    }
    Ok(WatchSpec {
        order_id: order.as_ref().and_then(OrderKey::order_id),
        with_family,
        after_sequence,
        poll_interval: poll_interval(interval)?,
        max_wait: max_wait
            .map(|max_wait| seconds("max_wait", max_wait))
            .transpose()?,
        linger,
    })
}
