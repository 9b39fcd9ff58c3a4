//! Stores of tests: how one is opened, and how orders get into it.

use std::path::Path;

use ibkr_orders::domain::OrderRecord;
use ibkr_orders::store::{OpenStore, Store, StoreSettings};

use crate::records::order_event;

pub const CLIENT: i32 = 7;

pub fn settings(path: &Path) -> StoreSettings {
    StoreSettings {
        path: path.to_owned(),
        client_id: CLIENT,
        address: Some("127.0.0.1:50051".to_owned()),
    }
}

pub async fn open(path: &Path) -> OpenStore {
    Store::open(settings(path)).await.unwrap()
}

/// A new order and its event, in one commit.
pub async fn insert(store: &Store, row: &OrderRecord) {
    let row = row.clone();
    store
        .transact(move |t| {
            t.insert_order(&row)?;
            t.append_event(&order_event(&row))
        })
        .await
        .unwrap();
}
