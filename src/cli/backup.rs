//! `backup`: a copy of the store.

use serde::Serialize;

use super::args::BackupArgs;
use super::checked::Local;
use super::exit::Exit;
use super::output::Output;
use crate::store::{self, Backup};

/// What `backup` prints. Part of the contract: fields keep their names, meanings and order; one without a value is `null`.
#[derive(Debug, Serialize)]
struct BackupDocument {
    /// The copy.
    file: Option<String>,
    /// Its size.
    bytes: Option<u64>,
    /// Orders in it.
    orders: Option<u64>,
    /// Sequence of the last event in it.
    head_sequence: Option<u64>,
    /// Why there is none.
    error: Option<String>,
}

pub(super) async fn backup(args: BackupArgs, local: Local, output: &mut Output) -> Exit {
    let BackupArgs { file, store: _ } = args;
    let made = store::backup(local.config.order_db_path, file.clone()).await;
    let exit = Exit::of(made.is_ok());
    let document = match made {
        Ok(Backup {
            bytes,
            orders,
            head_sequence,
        }) => BackupDocument {
            file: Some(file.display().to_string()),
            bytes: Some(bytes),
            orders: Some(orders),
            head_sequence: Some(head_sequence),
            error: None,
        },
        Err(error) => BackupDocument {
            file: None,
            bytes: None,
            orders: None,
            head_sequence: None,
            error: Some(error.to_string()),
        },
    };
    output.json(&document);
    exit
}
