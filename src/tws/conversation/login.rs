//! What TWS has said about a login so far.

use crate::tws::requests;

/// What TWS has said about the login. Both are known before anything else is sent.
#[derive(Debug, Default)]
pub(in crate::tws) struct Login {
    /// Accounts, once TWS has named them.
    pub(in crate::tws) accounts: Option<Vec<String>>,
    /// The next order id, once TWS has named one.
    pub(in crate::tws) next_valid_id: Option<i64>,
}

impl Login {
    pub(in crate::tws) fn is_whole(&self) -> bool {
        self.accounts
            .as_ref()
            .is_some_and(|accounts| !accounts.is_empty())
            && self.next_valid_id.is_some_and(requests::is_order_id)
    }

    /// Nothing that follows can change what comes of the login.
    pub(in crate::tws) fn is_decided(&self) -> bool {
        self.is_whole() || self.spent_id().is_some()
    }

    /// An id beyond those that orders may have.
    pub(in crate::tws) fn spent_id(&self) -> Option<i64> {
        self.next_valid_id
            .filter(|id| *id >= i64::from(requests::REQUEST_IDS_FROM))
    }

    /// Forgets what cannot be used: whether there was such an id, and such accounts.
    pub(in crate::tws) fn take_useless(&mut self) -> (bool, bool) {
        let id = self.next_valid_id.take_if(|id| !requests::is_order_id(*id));
        let accounts = self.accounts.take_if(|accounts| accounts.is_empty());
        (id.is_some(), accounts.is_some())
    }

    /// What TWS did not name, for people.
    pub(in crate::tws) fn missing(&self) -> String {
        let missing = match (&self.accounts, self.next_valid_id) {
            (None, None) => "accounts or a valid order id",
            (None, Some(_)) => "accounts",
            (Some(_), _) => "a valid order id",
        };
        format!("TWS did not name {missing}")
    }

    /// Accounts and id, when both are there.
    pub(in crate::tws) fn take(&mut self) -> Option<(Vec<String>, i32)> {
        let id = i32::try_from(self.next_valid_id?).ok()?;
        Some((self.accounts.take()?, id))
    }
}
