//! The body of a request, taken in whole before its call takes a place among those being answered.
//!
//! A request is a few hundred bytes and mostly there at once. One whose body does not end costs its connection a stream and the gateway
//! what it has said so far, and both are bounded: by time, by number and by bytes. Beyond a bound the oldest one gives way, so that
//! whoever opens many such requests takes nobody's place but his own.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;

use crate::error::{Error, Reason};
use crate::stats::Limit;

/// Bytes before a message on the wire: one says whether it is compressed, four how long it is.
const MESSAGE_HEAD_BYTES: usize = 5;

/// Bounds of requests that are being received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReceiveLimits {
    /// From a request's headers to the end of its body.
    pub(super) time: Duration,
    /// Bytes of a request.
    pub(super) request_bytes_max: usize,
    /// Requests whose body has not ended, of all callers.
    pub(super) unfinished_max: usize,
    /// Bytes of those together.
    pub(super) unfinished_bytes_max: usize,
}

/// Why a body was not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotReceived {
    /// It took too long.
    TooSlow,
    /// It is too long.
    TooLarge,
    /// It was the oldest of too many.
    GaveWay,
    /// Its caller went away.
    Broken,
}

impl NotReceived {
    /// The bound that was met, for the statistics.
    pub(super) const fn limit(self) -> Option<Limit> {
        match self {
            Self::TooSlow => Some(Limit::BodyTime),
            Self::GaveWay => Some(Limit::UnfinishedBodies),
            Self::TooLarge | Self::Broken => None,
        }
    }

    /// What the caller is told.
    pub(super) fn error(self, limits: &ReceiveLimits) -> Error {
        let ReceiveLimits {
            time,
            request_bytes_max,
            unfinished_max: _,
            unfinished_bytes_max: _,
        } = limits;
        match self {
            Self::TooSlow => Error::new(
                Reason::RequestInvalid,
                format!(
                    "the request did not end within {} s, nothing was done: send it whole and end the stream",
                    time.as_secs_f64()
                ),
            ),
            Self::TooLarge => Error::new(
                Reason::RequestInvalid,
                format!(
                    "the request cannot be read: it is longer than {request_bytes_max} bytes"
                ),
            ),
            Self::GaveWay => Error::new(
                Reason::Overloaded,
                "too many requests are unfinished and this one was the oldest, nothing was done: send it again, whole",
            )
            .retry_after(Duration::from_secs(1)),
            Self::Broken => Error::new(Reason::RequestInvalid, "the request broke off"),
        }
    }
}

/// Every request whose body has not ended.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) limits: ReceiveLimits,
    /// A lock, held for a few lookups; only requests that do not come at once take it.
    unfinished: Mutex<Unfinished>,
}

#[derive(Debug, Default)]
struct Unfinished {
    /// By the order in which they came.
    requests: BTreeMap<u64, Request>,
    next: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Request {
    bytes: usize,
    /// Dropping it tells the request to give way.
    _stays: oneshot::Sender<Infallible>,
}

impl Receiving {
    pub(super) fn new(limits: ReceiveLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            unfinished: Mutex::default(),
        })
    }

    /// Reads a body to its end.
    ///
    /// # Errors
    /// A bound was met, or the caller went away.
    pub(super) async fn whole<B>(self: &Arc<Self>, body: B) -> Result<Received, NotReceived>
    where
        B: Body<Data = Bytes>,
    {
        let mut body = pin!(body);
        let mut received = Received::default();
        let bytes_max = self.limits.request_bytes_max + MESSAGE_HEAD_BYTES;
        // What is there already is taken without further ado.
        let at_once = poll_fn(|cx| match received.take(body.as_mut(), cx, bytes_max) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending => Poll::Ready(None),
        });
        if let Some(ended) = at_once.await {
            return ended.map(|()| received);
        }
        let (place, mut gives_way) = self.enter(received.bytes);
        let rest = poll_fn(|cx| {
            if Pin::new(&mut gives_way).poll(cx).is_ready() {
                return Poll::Ready(Err(NotReceived::GaveWay));
            }
            let before = received.bytes;
            let ended = received.take(body.as_mut(), cx, bytes_max);
            if ended.is_pending() && received.bytes > before {
                place.grew(received.bytes - before);
                // It may have had to give way itself.
                if Pin::new(&mut gives_way).poll(cx).is_ready() {
                    return Poll::Ready(Err(NotReceived::GaveWay));
                }
            }
            ended
        });
        match tokio::time::timeout(self.limits.time, rest).await {
            Ok(ended) => ended.map(|()| received),
            Err(_) => Err(NotReceived::TooSlow),
        }
    }

    fn enter(self: &Arc<Self>, bytes: usize) -> (Place, oneshot::Receiver<Infallible>) {
        let (stays, gives_way) = oneshot::channel();
        let mut unfinished = self.unfinished();
        if unfinished.requests.len() >= self.limits.unfinished_max {
            unfinished.oldest_gives_way();
        }
        let id = unfinished.next;
        unfinished.next += 1;
        unfinished.requests.insert(
            id,
            Request {
                bytes: 0,
                _stays: stays,
            },
        );
        drop(unfinished);
        let place = Place {
            receiving: Arc::clone(self),
            id,
        };
        place.grew(bytes);
        (place, gives_way)
    }

    fn unfinished(&self) -> MutexGuard<'_, Unfinished> {
        self.unfinished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unfinished {
    fn oldest_gives_way(&mut self) -> bool {
        let oldest = self.requests.pop_first();
        if let Some((_, Request { bytes, .. })) = &oldest {
            self.bytes -= bytes;
        }
        oldest.is_some()
    }
}

/// A request's place among the unfinished ones, until it is dropped.
struct Place {
    receiving: Arc<Receiving>,
    id: u64,
}

impl Place {
    fn grew(&self, bytes: usize) {
        let mut unfinished = self.receiving.unfinished();
        let Some(request) = unfinished.requests.get_mut(&self.id) else {
            return;
        };
        request.bytes += bytes;
        unfinished.bytes += bytes;
        while unfinished.bytes > self.receiving.limits.unfinished_bytes_max
            && unfinished.oldest_gives_way()
        {}
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut unfinished = self.receiving.unfinished();
        if let Some(Request { bytes, .. }) = unfinished.requests.remove(&self.id) {
            unfinished.bytes -= bytes;
        }
    }
}

/// A body that is here.
#[derive(Debug, Default)]
pub(super) struct Received {
    data: VecDeque<Bytes>,
    bytes: usize,
}

impl Received {
    /// Takes what is there of a body. Ready when it has ended.
    fn take<B>(
        &mut self,
        mut body: Pin<&mut B>,
        cx: &mut Context<'_>,
        bytes_max: usize,
    ) -> Poll<Result<(), NotReceived>>
    where
        B: Body<Data = Bytes>,
    {
        loop {
            match body.as_mut().poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Ready(Some(Err(_))) => return Poll::Ready(Err(NotReceived::Broken)),
                // Requests have no trailers in gRPC.
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.bytes += data.len();
                        self.data.push_back(data);
                    }
                }
            }
            if self.bytes > bytes_max {
                return Poll::Ready(Err(NotReceived::TooLarge));
            }
        }
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.data.pop_front().map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.data.iter().map(|data| data.len() as u64).sum())
    }
}
