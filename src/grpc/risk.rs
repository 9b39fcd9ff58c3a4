//! The handlers of `RiskService`.

use tonic::{Request, Response, Status};

use super::deadline::effective_timeout;
use super::service::for_caller;
use crate::domain::{CancelAllIn, HaltIn, ResumeIn};
use crate::gateway::Gateway;
use crate::wire::pb::risk_service_server::RiskService;
use crate::wire::{pb, status_from_error};

/// The service over a gateway.
#[derive(Clone)]
pub(super) struct Risk(pub(super) Gateway);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl RiskService for Risk {
    async fn get_limits(
        &self,
        request: Request<pb::GetLimitsRequest>,
    ) -> Answer<pb::GetLimitsResponse> {
        let pb::GetLimitsRequest {} = request.into_inner();
        let out = self.0.limits().await.map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }

    async fn halt(&self, request: Request<pb::HaltRequest>) -> Answer<pb::HaltResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = HaltIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let gateway = for_caller(&self.0, &extensions);
        let out = gateway.halt(input).await.map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }

    async fn resume(&self, request: Request<pb::ResumeRequest>) -> Answer<pb::ResumeResponse> {
        let (_, extensions, message) = request.into_parts();
        let gateway = for_caller(&self.0, &extensions);
        let out = gateway
            .resume(ResumeIn::try_from(message).map_err(status_from_error)?)
            .await
            .map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }

    async fn cancel_all(
        &self,
        request: Request<pb::CancelAllRequest>,
    ) -> Answer<pb::CancelAllResponse> {
        let (metadata, extensions, message) = request.into_parts();
        let mut input = CancelAllIn::try_from(message).map_err(status_from_error)?;
        input.timeout = effective_timeout(input.timeout, &metadata);
        let gateway = for_caller(&self.0, &extensions);
        let out = gateway.cancel_all(input).await.map_err(status_from_error)?;
        Ok(Response::new(out.into()))
    }
}
