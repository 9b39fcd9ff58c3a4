//! The bare tonic service that Validate is measured against: the same messages, and nothing done with them.

use std::net::SocketAddr;
use std::pin::Pin;

use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::pb::order_service_server::{OrderService, OrderServiceServer};
use super::pb::{
    CancelRequest, CancelResponse, GetRequest, GetResponse, HealthRequest, HealthResponse,
    ListRequest, ListResponse, PlaceBracketRequest, PlaceBracketResponse, PlaceRequest,
    PlaceResponse, PreviewRequest, PreviewResponse, ReplaceRequest, ReplaceResponse,
    TransmitRequest, TransmitResponse, ValidateRequest, ValidateResponse, WatchRequest,
    WatchResponse,
};

type WatchStream =
    Pin<Box<dyn tokio_stream::Stream<Item = Result<WatchResponse, Status>> + Send + 'static>>;

struct Echo;

#[tonic::async_trait]
impl OrderService for Echo {
    async fn validate(
        &self,
        request: Request<ValidateRequest>,
    ) -> Result<Response<ValidateResponse>, Status> {
        Ok(Response::new(ValidateResponse {
            valid: true,
            order_request: request.into_inner().order,
            ..ValidateResponse::default()
        }))
    }

    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        Ok(Response::new(HealthResponse::default()))
    }

    async fn place(&self, _: Request<PlaceRequest>) -> Result<Response<PlaceResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    type WatchStream = WatchStream;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<WatchStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn transmit(
        &self,
        _: Request<TransmitRequest>,
    ) -> Result<Response<TransmitResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn cancel(&self, _: Request<CancelRequest>) -> Result<Response<CancelResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn replace(
        &self,
        _: Request<ReplaceRequest>,
    ) -> Result<Response<ReplaceResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn place_bracket(
        &self,
        _: Request<PlaceBracketRequest>,
    ) -> Result<Response<PlaceBracketResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn preview(
        &self,
        _: Request<PreviewRequest>,
    ) -> Result<Response<PreviewResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn get(&self, _: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn list(&self, _: Request<ListRequest>) -> Result<Response<ListResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }
}

/// Serves until it is killed. Says where on standard output.
pub(crate) async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    super::say_ready(listener.local_addr()?)?;
    tonic::transport::Server::builder()
        .tcp_nodelay(true)
        .add_service(OrderServiceServer::new(Echo))
        .serve_with_incoming(TcpListenerStream::new(listener))
        .await?;
    Ok(())
}
