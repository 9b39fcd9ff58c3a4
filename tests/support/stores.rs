//! Stores of tests: how one is opened, and how orders get into it.

#![allow(dead_code, reason = "each test binary uses a part")]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use ibkr_orders::domain::OrderRecord;
use ibkr_orders::store::{Opened, Store, StoreSettings};

use crate::orders::order_event;

pub(crate) const CLIENT: i32 = 7;

pub(crate) fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_owned(),
        client_id: CLIENT,
        address: Some("127.0.0.1:50051".to_owned()),
    }
}

pub(crate) async fn open(path: &Path) -> Opened {
    Store::open(settings(path)).await.unwrap()
}

/// A new order and its event, in one commit.
pub(crate) async fn insert(store: &Store, row: &OrderRecord) {
    let row = row.clone();
    store
        .transact(move |t| {
            t.insert_order(&row)?;
            t.append_event(&order_event(&row))
        })
        .await
        .unwrap();
}
