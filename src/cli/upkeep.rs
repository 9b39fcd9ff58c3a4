//! `prune` and `accounts`: what an operator does to a store while no gateway has it.

use serde::Serialize;

use super::args::{AccountsArgs, PruneArgs};
use super::checked::Local;
use super::exit::Exit;
use super::output::Output;
use crate::store::{self, Pruned, Store, StoreError, StoreSettings};

/// What `prune` prints. Part of the contract: fields keep their names, meanings and order; one without a value is `null`.
#[derive(Debug, Serialize)]
struct PruneDocument {
    /// The archive.
    archive: Option<String>,
    /// Orders that were taken out.
    orders: Option<u64>,
    /// Executions of theirs.
    executions: Option<u64>,
    /// Events of theirs.
    events: Option<u64>,
    /// Why nothing was.
    error: Option<String>,
}

/// What `accounts` prints. Part of the contract like the other.
#[derive(Debug, Serialize)]
struct AccountsDocument {
    /// The accounts that the store belongs to; `null`: those of the next login.
    accounts: Option<Vec<String>>,
    /// Why they could not be read or changed.
    error: Option<String>,
}

pub(super) async fn prune(args: PruneArgs, local: Local, output: &mut Output) -> Exit {
    let PruneArgs {
        before,
        archive,
        store: _,
    } = args;
    let pruned = store::prune(settings(&local), before, archive.clone()).await;
    let exit = Exit::of(pruned.is_ok());
    let document = match pruned {
        Ok(Pruned {
            orders,
            executions,
            events,
        }) => PruneDocument {
            archive: Some(archive.display().to_string()),
            orders: Some(orders),
            executions: Some(executions),
            events: Some(events),
            error: None,
        },
        Err(error) => PruneDocument {
            archive: None,
            orders: None,
            executions: None,
            events: None,
            error: Some(error.to_string()),
        },
    };
    output.json(&document);
    exit
}

pub(super) async fn accounts(args: AccountsArgs, local: Local, output: &mut Output) -> Exit {
    let AccountsArgs { pin, store: _ } = args;
    let found = match pin {
        None => pinned(&local).await,
        Some(accounts) => pin_anew(&local, accounts).await,
    };
    let exit = Exit::of(found.is_ok());
    let document = match found {
        Ok(accounts) => AccountsDocument {
            accounts,
            error: None,
        },
        Err(error) => AccountsDocument {
            accounts: None,
            error: Some(error.to_string()),
        },
    };
    output.json(&document);
    exit
}

fn settings(local: &Local) -> StoreSettings {
    StoreSettings {
        path: local.config.order_db_path.clone(),
        client_id: local.config.ib_client_id,
        address: None,
    }
}

async fn pinned(local: &Local) -> Result<Option<Vec<String>>, StoreError> {
    let reader = store::Reader::open(&local.config.order_db_path).await?;
    reader.pinned_accounts().await
}

async fn pin_anew(local: &Local, accounts: Vec<String>) -> Result<Option<Vec<String>>, StoreError> {
    // A store that is not there is not made by this.
    pinned(local).await?;
    let store = Store::open(settings(local)).await?.store;
    let accounts: Vec<String> = accounts.into_iter().filter(|a| !a.is_empty()).collect();
    let accounts = (!accounts.is_empty()).then_some(accounts);
    let wanted = accounts.clone();
    let changed = store
        .transact(move |tx| match &wanted {
            Some(accounts) => tx.pin_accounts(accounts),
            None => tx.unpin_accounts(),
        })
        .await;
    store.close().await?;
    changed.map(|()| accounts)
}
