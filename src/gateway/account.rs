//! Positions and account values.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::limits::{poll_interval, seconds};
use super::{AccountWatch, Gateway};
use crate::account::Snapshot;
use crate::domain::{AccountIn, AccountOut, PositionsIn, PositionsOut, WatchAccountIn};
use crate::error::Error;

impl Gateway {
    /// Positions as TWS last said them. Waits, up to the timeout, only until TWS has said them for the first time; after that, and while TWS is away, what is
    /// known is answered at once and `stale` says whether it may be old.
    ///
    /// # Errors
    /// `REQUEST_INVALID`: a timeout that is none, or an account that the login does not have.
    pub async fn positions(&self, input: PositionsIn) -> Result<PositionsOut, Error> {
        let PositionsIn { account, timeout } = input;
        let deadline = Instant::now() + seconds("timeout", timeout)?;
        let mut source = self.accounts();
        let known = |snapshot: &Arc<Snapshot>| snapshot.positions_freshness(None).known;
        // What is known is answered, however the wait ends.
        let _ = timeout_at(deadline, source.wait_for(known)).await;
        let snapshot = source.borrow().clone();
        let account = account.as_deref();
        if let Some(account) = account {
            is_of_login(account, &snapshot)?;
        }
        let freshness = snapshot.positions_freshness(account);
        Ok(PositionsOut {
            positions: snapshot.positions(account),
            as_of: freshness.as_of,
            stale: !freshness.current,
        })
    }

    /// The values of an account as TWS last said them. Waits as [`Gateway::positions`] does.
    ///
    /// # Errors
    /// `REQUEST_INVALID`: a timeout that is none, an account that the login does not have, or none where it has several.
    pub async fn account(&self, input: AccountIn) -> Result<AccountOut, Error> {
        let AccountIn { account, timeout } = input;
        let deadline = Instant::now() + seconds("timeout", timeout)?;
        let mut source = self.accounts();
        let decided = |snapshot: &Arc<Snapshot>| match self.account_of(account.as_deref(), snapshot)
        {
            Ok(account) => snapshot.values_freshness(&account).known,
            Err(_) => true,
        };
        let _ = timeout_at(deadline, source.wait_for(decided)).await;
        let snapshot = source.borrow().clone();
        let account = self.account_of(account.as_deref(), &snapshot)?;
        let freshness = snapshot.values_freshness(&account);
        Ok(AccountOut {
            values: snapshot.values(&account),
            as_of: freshness.as_of,
            stale: !freshness.current,
            account,
        })
    }

    /// Watches positions and values of one account, or of every account of the login, without end.
    ///
    /// # Errors
    /// `REQUEST_INVALID`: an interval or a wait that is none, or an account that the login does not have.
    pub fn watch_account(&self, input: WatchAccountIn) -> Result<AccountWatch, Error> {
        let WatchAccountIn {
            account,
            poll_interval: interval,
            max_wait,
        } = input;
        let interval = poll_interval(interval)?;
        let max_wait = max_wait
            .map(|max_wait| seconds("max_wait", max_wait))
            .transpose()?;
        let source = self.accounts();
        if let Some(account) = &account {
            is_of_login(account, &source.borrow())?;
        }
        Ok(AccountWatch::new(source, account, interval, max_wait))
    }

    /// What is known of the accounts, now and from now on.
    pub(crate) fn accounts(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.shared.engine.accounts()
    }

    /// The account that is meant; empty while nothing is known of any.
    fn account_of(&self, account: Option<&str>, snapshot: &Snapshot) -> Result<String, Error> {
        if let Some(account) = account {
            is_of_login(account, snapshot)?;
            return Ok(account.to_owned());
        }
        if let Some(account) = &snapshot.subscribed {
            return Ok(account.clone());
        }
        if snapshot.accounts.is_empty() {
            return Ok(self.shared.limits.account.clone().unwrap_or_default());
        }
        let names = snapshot.accounts.join(", ");
        let why = format!("the login has several accounts: name one of {names}");
        Err(Error::request_field("account", why, Value::Null))
    }
}

/// Before the first session no account is known not to be of the login.
fn is_of_login(account: &str, snapshot: &Snapshot) -> Result<(), Error> {
    let accounts = &snapshot.accounts;
    if accounts.is_empty() || accounts.iter().any(|known| known == account) {
        return Ok(());
    }
    let why = format!("the login has {}: name one of them", accounts.join(", "));
    Err(Error::request_field("account", why, json!(account)))
}
