//! Positions and account values of a running gateway.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Streaming};

use super::failure::{Effect, failed};
use super::{Client, timed};
use crate::domain::{
    AccountIn, AccountOut, AccountUpdate, PositionsIn, PositionsOut, WatchAccountIn,
};
use crate::error::Error;
use crate::wire::pb;

impl Client {
    /// Positions as TWS last said them.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for an account that the login does not have, or when the gateway does not answer; a TWS that is away is no error.
    pub async fn positions(&self, input: PositionsIn) -> Result<PositionsOut, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.accounts.clone().list_positions(request).await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// The values of an account as TWS last said them.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for an account that the login does not have, or when the gateway does not answer; a TWS that is away is no error.
    pub async fn account(&self, input: AccountIn) -> Result<AccountOut, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.accounts.clone().get_account(request).await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// Watches positions and values of one account, or of every account of the login.
    ///
    /// # Errors
    /// When the watch cannot start; an error later on is an item of the stream.
    pub async fn watch_account(&self, input: WatchAccountIn) -> Result<AccountStream, Error> {
        let request = Request::new(input.into());
        let answer = self.account_watches.clone().watch_account(request).await;
        Ok(AccountStream {
            updates: self.read(answer, Effect::None)?,
            url: self.url.clone(),
            ended: false,
        })
    }
}

/// The updates of a watch of accounts, in order. It ends with an error as its last item.
#[derive(Debug)]
pub struct AccountStream {
    updates: Streaming<pb::WatchAccountResponse>,
    url: String,
    ended: bool,
}

impl AccountStream {
    /// The next update; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<AccountUpdate, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for AccountStream {
    type Item = Result<AccountUpdate, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(Pin::new(&mut self.updates).poll_next(cx)) {
            Some(Ok(update)) => Some(AccountUpdate::try_from(update)),
            Some(Err(status)) => Some(Err(failed(&status, &self.url, &Effect::None))),
            None => None,
        };
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}
