//! The updates of a watch as they come.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::{Stream, StreamExt};
use tonic::Streaming;

use crate::domain::WatchUpdate;
use crate::error::Error;
use crate::wire::pb;

use super::failure::{Effect, failed};

/// The updates of a watch, in order. It ends after the order's terminal state, or with an error as its last item.
#[derive(Debug)]
pub struct WatchStream {
    updates: Streaming<pb::WatchResponse>,
    url: String,
    ended: bool,
}

impl WatchStream {
    pub(super) fn new(updates: Streaming<pb::WatchResponse>, url: String) -> Self {
        Self {
            updates,
            url,
            ended: false,
        }
    }

    /// The next update; `None` at the end. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<WatchUpdate, Error>> {
        StreamExt::next(self).await
    }
}

impl Stream for WatchStream {
    type Item = Result<WatchUpdate, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = match std::task::ready!(Pin::new(&mut self.updates).poll_next(cx)) {
            Some(Ok(update)) => Some(WatchUpdate::try_from(update)),
            Some(Err(status)) => Some(Err(failed(&status, &self.url, &Effect::None))),
            None => None,
        };
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}
