//! An answer on its way out, watched to its end: only there stands how the call went.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use hyper::body::{Body, Frame, SizeHint};
use tokio_util::task::task_tracker::TaskTrackerToken;
use tonic::{Code, Status};
use tracing::{Span, error, info};

use super::callers::Place;
use crate::error::{Error, Reason};
use crate::stats::{CODES, Stats};
use crate::wire::status_from_error;

/// Ends when a caller's token is no longer admitted.
pub(super) type Revoked = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call from its arrival to the end of its answer. When it is dropped the call is over, whoever ended it.
pub(super) struct Call {
    pub(super) span: Span,
    /// Its span goes to a collector.
    pub(super) exported: bool,
    pub(super) method: usize,
    pub(super) arrived: Instant,
    pub(super) stats: Arc<Stats>,
    /// How it ended; until then as if the caller had gone away.
    pub(super) code: Code,
    /// Its caller's place; `None` before it has one, and for a probe.
    pub(super) place: Option<Place>,
    /// Ends when its caller may not go on with it; `None` for a call that is over soon anyway.
    pub(super) revoked: Option<Revoked>,
    /// Keeps the shutdown waiting; `None` for calls that are nobody's work.
    pub(super) _in_flight: Option<TaskTrackerToken>,
}

impl Call {
    /// Takes the code from headers or trailers that have one.
    pub(super) fn read_code(&mut self, headers: &HeaderMap<HeaderValue>) {
        if let Some(code) = headers.get(Status::GRPC_STATUS) {
            self.code = Code::from_bytes(code.as_bytes());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let seconds = self.arrived.elapsed().as_secs_f64();
        let code = self.code as usize;
        self.stats.calls.in_flight.add(-1);
        self.stats.calls.ended(self.method, code, seconds);
        // The codes that OpenTelemetry's conventions call a server's own failure.
        if self.exported
            && matches!(
                self.code,
                Code::Unknown
                    | Code::DeadlineExceeded
                    | Code::Unimplemented
                    | Code::Internal
                    | Code::Unavailable
                    | Code::DataLoss
            )
        {
            self.span.record("otel.status_code", "ERROR");
        }
        let _entered = self.span.enter();
        let (code, ms) = (CODES[code], (seconds * 1e6).round() / 1e3);
        match self.code {
            Code::Internal | Code::Unknown | Code::DataLoss => error!(code, ms, "call failed"),
            _ => info!(code, ms, "call"),
        }
    }
}

/// The body of an answer with the call it answers.
pub(super) struct Observed<B> {
    pub(super) body: B,
    pub(super) call: Option<Call>,
    /// It was ended before its body was: nothing more is sent.
    pub(super) over: bool,
}

impl<B> Observed<B> {
    /// Ends an answer whose caller's token was taken away.
    fn end_revoked<E>(&mut self) -> Option<Result<Frame<Bytes>, E>> {
        let mut call = self.call.take()?;
        call.revoked = None;
        let status = status_from_error(Error::new(
            Reason::Unauthenticated,
            "the token was revoked, or its role was lowered: watch again with one that is admitted, with the last sequence seen as after_sequence",
        ));
        call.code = status.code();
        let mut trailers = HeaderMap::new();
        // A status of ours is text that headers can carry.
        status.add_header(&mut trailers).ok()?;
        self.over = true;
        Some(Ok(Frame::trailers(trailers)))
    }
}

impl<B> Body for Observed<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(None);
        }
        let revoked = this.call.as_mut().and_then(|call| call.revoked.as_mut());
        if revoked.is_some_and(|revoked| revoked.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(this.end_revoked());
        }
        let frame = {
            // What the handler's stream does is part of its call's span.
            let _entered = this.call.as_ref().map(|call| call.span.enter());
            ready!(Pin::new(&mut this.body).poll_frame(cx))
        };
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(call), Some(trailers)) = (&mut this.call, frame.trailers_ref()) {
                    call.read_code(trailers);
                    this.call = None;
                }
            }
            Some(Err(_)) | None => this.call = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
