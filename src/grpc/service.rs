//! The handlers: each unpacks a request, calls the gateway once and converts its answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Extensions, Request, Response, Status};
use tracing::Span;

use crate::domain::{
    BracketIn, Caller, CancelIn, GetIn, HealthIn, ListIn, OrderKey, OrderState, PlaceIn, PreviewIn,
    ReplaceIn, TransmitIn, ValidateIn, WatchIn, WatchUpdate,
};
use crate::error::{Error, Reason};
use crate::feed::Watch;
use crate::gateway::{CallerStream, Gateway};
use crate::wire::pb::order_service_server::OrderService;
use crate::wire::{pb, require_bracket_request_id, require_request_id, status_from_error};

use super::deadline::{effective_timeout, until_deadline};

/// The service over a gateway.
#[derive(Clone)]
pub(super) struct Orders {
    gateway: Gateway,
    stopping: CancellationToken,
    /// Takes a Place that transmits, and a PlaceBracket, without a request id.
    allow_unnamed_place: bool,
}

impl Orders {
    pub(super) fn new(
        gateway: Gateway,
        stopping: CancellationToken,
        allow_unnamed_place: bool,
    ) -> Self {
        Self {
            gateway,
            stopping,
            allow_unnamed_place,
        }
    }
}

type Answer<T> = Result<Response<T>, Status>;

/// The gateway as the caller of a request has it.
pub(super) fn for_caller(gateway: &Gateway, extensions: &Extensions) -> Gateway {
    match extensions.get::<Arc<Caller>>() {
        Some(caller) => gateway.on_behalf_of(Arc::clone(caller)),
        // Every call that needs a role has its caller.
        None => gateway.clone(),
    }
}

/// Writes an order's names on the call's span, so that they stand in each of its log lines.
fn note(order: &OrderState) {
    let span = Span::current();
    span.record("order_id", order.order_id);
    span.record("request_id", order.request_id.as_str());
}

fn note_key(key: &OrderKey) {
    let span = Span::current();
    match key {
        OrderKey::OrderId(order_id) => span.record("order_id", order_id),
        OrderKey::RequestId(request_id) => span.record("request_id", request_id.as_str()),
    };
}

#[tonic::async_trait]
impl OrderService for Orders {
    async fn health(&self, request: Request<pb::HealthRequest>) -> Answer<pb::HealthResponse> {
        let (metadata, _, message) = request.into_parts();
        let mut input = HealthIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let health = self
            .gateway
            .health(input)
            .await
            .map_err(status_from_error)?;
        Ok(Response::new(health.into()))
    }

    async fn validate(
        &self,
        request: Request<pb::ValidateRequest>,
    ) -> Answer<pb::ValidateResponse> {
        let input = ValidateIn::try_from(request.into_inner()).map_err(status_from_error)?;
        Ok(Response::new(self.gateway.validate(input).into()))
    }

    async fn place(&self, request: Request<pb::PlaceRequest>) -> Answer<pb::PlaceResponse> {
        let (metadata, extensions, message) = request.into_parts();
        if !self.allow_unnamed_place {
            require_request_id(&message).map_err(status_from_error)?;
        }
        let mut input = PlaceIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        if let Some(request_id) = &input.request_id {
            Span::current().record("request_id", request_id.as_str());
        }
        let gateway = for_caller(&self.gateway, &extensions);
        let out = gateway.place(input).await.map_err(status_from_error)?;
        out.state.as_ref().inspect(|state| note(state));
        Ok(Response::new(out.into()))
    }

    async fn place_bracket(
        &self,
        request: Request<pb::PlaceBracketRequest>,
    ) -> Answer<pb::PlaceBracketResponse> {
        let (metadata, extensions, message) = request.into_parts();
        if !self.allow_unnamed_place {
            require_bracket_request_id(&message).map_err(status_from_error)?;
        }
        let mut input = BracketIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        if let Some(request_id) = &input.request_id {
            Span::current().record("request_id", request_id.as_str());
        }
        let gateway = for_caller(&self.gateway, &extensions);
        let out = gateway
            .place_bracket(input)
            .await
            .map_err(status_from_error)?;
        out.entry.as_ref().inspect(|entry| note(entry));
        Ok(Response::new(out.into()))
    }

    type WatchStream = Updates;

    async fn watch(&self, request: Request<pb::WatchRequest>) -> Answer<Updates> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = WatchIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        // The caller's deadline ends the watch like its own max_wait: with a word, and a little earlier.
        input.max_wait = match input.max_wait {
            Some(max_wait) => Some(effective_timeout(max_wait, &metadata)),
            None => until_deadline(&metadata),
        };
        input.order.as_ref().inspect(|key| note_key(key));
        let watch = self.gateway.watch(input).await.map_err(status_from_error)?;
        let caller = for_caller(&self.gateway, &extensions);
        Ok(Response::new(Updates {
            watch,
            _caller: caller.stream_begins(&self.stopping),
            stopping: Box::pin(self.stopping.clone().cancelled_owned()),
            ended: false,
        }))
    }

    async fn transmit(
        &self,
        request: Request<pb::TransmitRequest>,
    ) -> Answer<pb::TransmitResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = TransmitIn::try_from(message).map_err(status_from_error)?;
        note_key(&input.order);
        input.timeout = effective_timeout(input.timeout, &metadata);
        let order = for_caller(&self.gateway, &extensions)
            .transmit_with(input)
            .await
            .map_err(status_from_error)?;
        note(&order);
        Ok(Response::new(pb::TransmitResponse {
            order: Some(order.into()),
        }))
    }

    async fn cancel(&self, request: Request<pb::CancelRequest>) -> Answer<pb::CancelResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = CancelIn::try_from(message).map_err(status_from_error)?;
        note_key(&input.order);
        input.timeout = effective_timeout(input.timeout, &metadata);
        let order = for_caller(&self.gateway, &extensions)
            .cancel_with(input)
            .await
            .map_err(status_from_error)?;
        note(&order);
        Ok(Response::new(pb::CancelResponse {
            order: Some(order.into()),
        }))
    }

    async fn replace(&self, request: Request<pb::ReplaceRequest>) -> Answer<pb::ReplaceResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = ReplaceIn::try_from(message).map_err(status_from_error)?;
        note_key(&input.order);
        input.timeout = effective_timeout(input.timeout, &metadata);
        let out = for_caller(&self.gateway, &extensions)
            .replace(input)
            .await
            .map_err(status_from_error)?;
        out.order.as_ref().inspect(|order| note(order));
        Ok(Response::new(out.into()))
    }

    async fn preview(&self, request: Request<pb::PreviewRequest>) -> Answer<pb::PreviewResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = PreviewIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let out = for_caller(&self.gateway, &extensions)
            .preview(input)
            .await
            .map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }

    async fn get(&self, request: Request<pb::GetRequest>) -> Answer<pb::GetResponse> {
        let input = GetIn::try_from(request.into_inner()).map_err(status_from_error)?;
        note_key(&input.order);
        let out = self
            .gateway
            .get_page(input)
            .await
            .map_err(status_from_error)?;
        note(&out.order);
        Ok(Response::new(out.into()))
    }

    async fn list(&self, request: Request<pb::ListRequest>) -> Answer<pb::ListResponse> {
        let input = ListIn::try_from(request.into_inner()).map_err(status_from_error)?;
        let out = self.gateway.list(input).await.map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }
}

/// The updates of a watch as messages, until it ends or the gateway shuts down.
pub(super) struct Updates {
    watch: Watch,
    /// Ends with this where the caller is one whose entries do not outlive its streams.
    _caller: Option<CallerStream>,
    stopping: Pin<Box<WaitForCancellationFutureOwned>>,
    ended: bool,
}

impl Stream for Updates {
    type Item = Result<pb::WatchResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // First, so that a stream of events does not put the shutdown off.
        let item = if self.stopping.as_mut().poll(cx).is_ready() {
            Some(Err(status_from_error(Error::new(
                Reason::ShuttingDown,
                "the gateway is shutting down: watch again with the last sequence seen as after_sequence",
            ))))
        } else {
            match std::task::ready!(Pin::new(&mut self.watch).poll_next(cx)) {
                Some(Ok(update)) => Some(Ok(WatchUpdate::from(update).into())),
                Some(Err(error)) => Some(Err(status_from_error(error))),
                None => None,
            }
        };
        self.ended = !matches!(item, Some(Ok(_)));
        Poll::Ready(item)
    }
}
