//! The handlers of positions and account values.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::deadline::{effective_timeout, until_deadline};
use crate::domain::{AccountIn, PositionsIn, WatchAccountIn};
use crate::error::{Error, Reason};
use crate::gateway::{AccountWatch, Gateway};
use crate::wire::pb::account_service_server::AccountService;
use crate::wire::{pb, status_from_error};

/// Updates of one watch on their way out. What changes beyond that waits as its latest state, not as steps.
const UPDATES_BUFFERED: usize = 64;

/// The service over a gateway.
#[derive(Clone)]
pub(super) struct Accounts {
    gateway: Gateway,
    stopping: CancellationToken,
}

impl Accounts {
    pub(super) fn new(gateway: Gateway, stopping: CancellationToken) -> Self {
        Self { gateway, stopping }
    }
}

type Answer<T> = Result<Response<T>, Status>;
type Update = Result<pb::WatchAccountResponse, Status>;

#[tonic::async_trait]
impl AccountService for Accounts {
    async fn list_positions(
        &self,
        request: Request<pb::ListPositionsRequest>,
    ) -> Answer<pb::ListPositionsResponse> {
        let (metadata, _, message) = request.into_parts();
        let mut input = PositionsIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let out = self.gateway.positions(input).await;
        Ok(Response::new(out.map_err(status_from_error)?.into()))
    }

    async fn get_account(
        &self,
        request: Request<pb::GetAccountRequest>,
    ) -> Answer<pb::GetAccountResponse> {
        let (metadata, _, message) = request.into_parts();
        let mut input = AccountIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let out = self.gateway.account(input).await;
        Ok(Response::new(out.map_err(status_from_error)?.into()))
    }

    type WatchAccountStream = ReceiverStream<Update>;

    async fn watch_account(
        &self,
        request: Request<pb::WatchAccountRequest>,
    ) -> Answer<Self::WatchAccountStream> {
        let (metadata, _, message) = request.into_parts();
        let mut input = WatchAccountIn::try_from(message).map_err(status_from_error)?;
        // The caller's deadline ends the watch like its own max_wait: with a word, and a little earlier.
        input.max_wait = match input.max_wait {
            Some(max_wait) => Some(effective_timeout(max_wait, &metadata)),
            None => until_deadline(&metadata),
        };
        let watch = self.gateway.watch_account(input);
        let watch = watch.map_err(status_from_error)?;
        let (updates, receiver) = mpsc::channel(UPDATES_BUFFERED);
        tokio::spawn(show(watch, updates, self.stopping.clone()));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

/// Shows the updates of a watch until it ends, its reader is gone or the gateway shuts down.
async fn show(mut watch: AccountWatch, updates: mpsc::Sender<Update>, stopping: CancellationToken) {
    loop {
        let next = tokio::select! {
            biased;
            () = stopping.cancelled() => Some(Err(Error::new(
                Reason::ShuttingDown,
                "the gateway is shutting down: watch again when it is back",
            ))),
            () = updates.closed() => return,
            next = watch.next() => next,
        };
        let Some(next) = next else { return };
        let over = next.is_err();
        let update = next.map(Into::into).map_err(status_from_error);
        if updates.send(update).await.is_err() || over {
            return;
        }
    }
}
