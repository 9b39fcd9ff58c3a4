//! The handlers: each reads a request and tells the simulator.

use rust_decimal::Decimal;
use tonic::{Request, Response, Status};

use super::pb;
use super::pb::set_mode_request::Mode as WireMode;
use super::pb::simulator_control_server::SimulatorControl;
use super::read::{any_decimal, decimal, key, refusal, status};
use crate::simulator::{Control, OrderView, View};

/// The service over a simulator's control.
#[derive(Clone, Debug)]
pub(super) struct ControlDoor {
    control: Control,
}

impl ControlDoor {
    pub(super) fn new(control: Control) -> Self {
        Self { control }
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl SimulatorControl for ControlDoor {
    async fn set_mode(&self, request: Request<pb::SetModeRequest>) -> Answer<pb::SetModeResponse> {
        let pb::SetModeRequest { mode } = request.into_inner();
        let explicit = match WireMode::try_from(mode) {
            Ok(WireMode::Automatic) => false,
            Ok(WireMode::Explicit) => true,
            Ok(WireMode::Unspecified) | Err(_) => {
                return Err(Status::invalid_argument(
                    "mode: give MODE_AUTOMATIC or MODE_EXPLICIT",
                ));
            }
        };
        self.control.set_explicit(explicit).await.map_err(status)?;
        Ok(Response::new(pb::SetModeResponse {}))
    }

    async fn fill(&self, request: Request<pb::FillRequest>) -> Answer<pb::FillResponse> {
        let pb::FillRequest {
            order,
            quantity,
            price,
        } = request.into_inner();
        let key = key(order)?;
        let read =
            |field: &str, text: Option<String>| text.map(|text| decimal(field, &text)).transpose();
        let (quantity, price) = (read("quantity", quantity)?, read("price", price)?);
        self.control
            .fill_part(key, quantity, price)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::FillResponse {}))
    }

    async fn reject(&self, request: Request<pb::RejectRequest>) -> Answer<pb::RejectResponse> {
        let pb::RejectRequest { order, code, text } = request.into_inner();
        let (code, text) = refusal(code, text);
        self.control
            .reject(key(order)?, code, &text)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RejectResponse {}))
    }

    async fn reject_next(
        &self,
        request: Request<pb::RejectNextRequest>,
    ) -> Answer<pb::RejectNextResponse> {
        let pb::RejectNextRequest { code, text } = request.into_inner();
        let (code, text) = refusal(code, text);
        self.control
            .reject_next(code, &text, true)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RejectNextResponse {}))
    }

    async fn expire(&self, request: Request<pb::ExpireRequest>) -> Answer<pb::ExpireResponse> {
        let pb::ExpireRequest { order } = request.into_inner();
        self.control.expire(key(order)?).await.map_err(status)?;
        Ok(Response::new(pb::ExpireResponse {}))
    }

    async fn hold(&self, request: Request<pb::HoldRequest>) -> Answer<pb::HoldResponse> {
        let pb::HoldRequest {
            acknowledgements,
            cancels,
        } = request.into_inner();
        let done = if acknowledgements {
            self.control.hold_acknowledgements().await
        } else {
            self.control.release_acknowledgements().await
        };
        done.map_err(status)?;
        let done = if cancels {
            self.control.hold_cancels().await
        } else {
            self.control.release_cancels().await
        };
        done.map_err(status)?;
        Ok(Response::new(pb::HoldResponse {}))
    }

    async fn cut_link(&self, request: Request<pb::CutLinkRequest>) -> Answer<pb::CutLinkResponse> {
        let pb::CutLinkRequest { stay_down } = request.into_inner();
        // Refused first, so that nobody slips in between.
        self.control
            .refuse_connections(stay_down)
            .await
            .map_err(status)?;
        self.control.drop_connections().await.map_err(status)?;
        Ok(Response::new(pb::CutLinkResponse {}))
    }

    async fn restore_link(
        &self,
        request: Request<pb::RestoreLinkRequest>,
    ) -> Answer<pb::RestoreLinkResponse> {
        let pb::RestoreLinkRequest {} = request.into_inner();
        self.control
            .refuse_connections(false)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::RestoreLinkResponse {}))
    }

    async fn lose_ib(&self, request: Request<pb::LoseIbRequest>) -> Answer<pb::LoseIbResponse> {
        let pb::LoseIbRequest {} = request.into_inner();
        self.control.lose_ib().await.map_err(status)?;
        Ok(Response::new(pb::LoseIbResponse {}))
    }

    async fn restore_ib(
        &self,
        request: Request<pb::RestoreIbRequest>,
    ) -> Answer<pb::RestoreIbResponse> {
        let pb::RestoreIbRequest { data_lost } = request.into_inner();
        self.control.restore_ib(data_lost).await.map_err(status)?;
        Ok(Response::new(pb::RestoreIbResponse {}))
    }

    async fn move_price(
        &self,
        request: Request<pb::MovePriceRequest>,
    ) -> Answer<pb::MovePriceResponse> {
        let pb::MovePriceRequest { symbol, price } = request.into_inner();
        let price = decimal("price", &price)?;
        self.control
            .move_price(&symbol, price)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::MovePriceResponse {}))
    }

    async fn halt_exchange(
        &self,
        request: Request<pb::HaltExchangeRequest>,
    ) -> Answer<pb::HaltExchangeResponse> {
        let pb::HaltExchangeRequest {} = request.into_inner();
        self.control.close_exchange().await.map_err(status)?;
        Ok(Response::new(pb::HaltExchangeResponse {}))
    }

    async fn resume_exchange(
        &self,
        request: Request<pb::ResumeExchangeRequest>,
    ) -> Answer<pb::ResumeExchangeResponse> {
        let pb::ResumeExchangeRequest {} = request.into_inner();
        self.control.open_exchange().await.map_err(status)?;
        Ok(Response::new(pb::ResumeExchangeResponse {}))
    }

    async fn set_position(
        &self,
        request: Request<pb::SetPositionRequest>,
    ) -> Answer<pb::SetPositionResponse> {
        let pb::SetPositionRequest {
            account,
            symbol,
            quantity,
            average_cost,
        } = request.into_inner();
        let quantity = any_decimal("quantity", &quantity)?;
        let average_cost = match average_cost.as_str() {
            "" => Decimal::ZERO,
            text => any_decimal("average_cost", text)?,
        };
        if average_cost < Decimal::ZERO {
            return Err(Status::invalid_argument(
                "average_cost: give what one share cost, not below zero",
            ));
        }
        self.control
            .set_position(&account, &symbol, quantity, average_cost)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::SetPositionResponse {}))
    }

    async fn set_account_ready(
        &self,
        request: Request<pb::SetAccountReadyRequest>,
    ) -> Answer<pb::SetAccountReadyResponse> {
        let pb::SetAccountReadyRequest { ready } = request.into_inner();
        self.control
            .set_account_ready(ready)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::SetAccountReadyResponse {}))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Answer<pb::ListOrdersResponse> {
        let pb::ListOrdersRequest {} = request.into_inner();
        let orders = self
            .control
            .inspect(|view| {
                let orders = view.orders().into_iter();
                orders.map(|order| simulated(order, view)).collect()
            })
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ListOrdersResponse { orders }))
    }
}

fn simulated(order: OrderView, view: &View<'_>) -> pb::SimulatedOrder {
    let OrderView {
        client_id,
        order_id,
        perm_id,
        order_ref,
        account,
        symbol,
        action,
        quantity,
        filled,
        order_type,
        limit_price,
        stop_price,
        parent_id,
        why_held,
        status,
        transmitted,
        over,
        manual: _,
    } = order;
    let plain = |value: Decimal| value.normalize().to_string();
    pb::SimulatedOrder {
        order_id,
        client_id,
        perm_id,
        order_ref,
        account,
        symbol,
        action: action.to_owned(),
        quantity: plain(quantity),
        filled: plain(filled),
        order_type: order_type.to_owned(),
        limit_price: limit_price.map(plain),
        stop_price: stop_price.map(plain),
        parent_id,
        why_held,
        status: status.to_owned(),
        transmitted,
        over,
        place_messages: view.place_messages((client_id, order_id)),
    }
}
