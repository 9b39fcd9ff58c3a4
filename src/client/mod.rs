//! A typed client of a running gateway: the same operations, inputs and outcomes as the gateway itself.

mod account;
mod failure;
mod options;
mod risk;
mod watch;

use std::time::Duration;

use tonic::Request;
use tonic::codegen::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use crate::domain::{
    BracketIn, BracketOut, CancelIn, GetIn, GetOut, HealthIn, HealthOut, Limits, ListIn, ListOut,
    OrderDetail, OrderError, OrderKey, OrderState, PlaceIn, PlaceOut, PreviewIn, PreviewOut,
    ReplaceIn, ReplaceOut, TransmitIn, ValidateIn, ValidateOut, Violation, WatchIn, check,
    check_bracket,
};
use crate::error::Error;
use crate::outcome;
use crate::request_id::new_request_id;
use crate::wire::pb::account_service_client::AccountServiceClient;
use crate::wire::pb::order_service_client::OrderServiceClient;
use crate::wire::pb::risk_service_client::RiskServiceClient;
use crate::wire::{
    answered_order, bracket_to_wire, order_to_wire, place_bracket_request, place_request,
    preview_request, replace_request, restore_bracket_inputs, restore_change_inputs,
    restore_inputs,
};

pub use account::AccountStream;
use failure::{Effect, failed};
use options::{Bearer, endpoint};
pub use options::{ClientIdentity, ClientOptions, Token};
pub use watch::WatchStream;

/// How much longer than the operation's own timeout a call may take before the client gives up on the gateway.
const DEADLINE_BEYOND_TIMEOUT: Duration = Duration::from_secs(5);
/// Deadline of calls that wait for nothing but the gateway itself.
const READ_DEADLINE: Duration = Duration::from_secs(10);

type Stub = OrderServiceClient<InterceptedService<Channel, Bearer>>;
type AccountStub = AccountServiceClient<InterceptedService<Channel, Bearer>>;
type RiskStub = RiskServiceClient<InterceptedService<Channel, Bearer>>;

/// A connection to a running gateway. Cloning is cheap and shares it.
///
/// It reconnects by itself and repeats nothing: whether to ask again is the caller's to decide. Watches have a connection of their
/// own, so that one nobody reads does not hold up other calls.
#[derive(Debug, Clone)]
pub struct Client {
    calls: Stub,
    watches: Stub,
    accounts: AccountStub,
    account_watches: AccountStub,
    risk: RiskStub,
    url: String,
}

impl Client {
    /// Connects to a gateway, for example `http://127.0.0.1:50051`.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for an address or options that cannot be, `GATEWAY_UNAVAILABLE` when nothing answers there.
    pub async fn connect(url: impl Into<String>, options: ClientOptions) -> Result<Self, Error> {
        let url = url.into();
        let endpoint = endpoint(&url, &options)?;
        let channel = endpoint
            .connect()
            .await
            .map_err(|error| failure::unreachable(&url, &error))?;
        Ok(Self::over(url, channel, &endpoint, options))
    }

    /// Like [`Client::connect`], but connects when the first call is made: never fails for a gateway that is away.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for an address or options that cannot be.
    pub fn connect_lazy(url: impl Into<String>, options: ClientOptions) -> Result<Self, Error> {
        let url = url.into();
        let endpoint = endpoint(&url, &options)?;
        let channel = endpoint.connect_lazy();
        Ok(Self::over(url, channel, &endpoint, options))
    }

    fn over(url: String, calls: Channel, endpoint: &Endpoint, options: ClientOptions) -> Self {
        let bearer = Bearer::new(options.token);
        let stub = |channel| OrderServiceClient::with_interceptor(channel, bearer.clone());
        let account_stub =
            |channel| AccountServiceClient::with_interceptor(channel, bearer.clone());
        let watches = endpoint.connect_lazy();
        let risk = RiskServiceClient::with_interceptor(calls.clone(), bearer.clone());
        Self {
            risk,
            accounts: account_stub(calls.clone()),
            account_watches: account_stub(watches.clone()),
            calls: stub(calls),
            watches: stub(watches),
            url,
        }
    }

    /// Whether orders can be placed.
    ///
    /// # Errors
    /// When the gateway does not answer; a TWS that is away is no error.
    pub async fn health(&self, input: HealthIn) -> Result<HealthOut, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.calls.clone().health(request).await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// Checks an order against the gateway's limits.
    ///
    /// # Errors
    /// When the gateway does not answer; an invalid order is no error.
    pub async fn validate(&self, input: ValidateIn) -> Result<ValidateOut, Error> {
        let ValidateIn { order, transmit } = input;
        let Some(message) = order_to_wire(&order) else {
            return Ok(outcome::validated(check(
                order,
                transmit,
                &Limits::default(),
            )));
        };
        let request = crate::wire::pb::ValidateRequest {
            order: Some(message),
            transmit,
        };
        let answer = self
            .calls
            .clone()
            .validate(within(READ_DEADLINE, request))
            .await;
        let mut out = ValidateOut::try_from(self.read(answer, Effect::None)?)?;
        restore_inputs(
            &order,
            out.errors.iter_mut().flatten().filter_map(violation),
        );
        Ok(out)
    }

    /// Places an order. Without a request id one is made for this call. Nothing is repeated by the client itself.
    ///
    /// # Errors
    /// Those of the operation. `GATEWAY_UNAVAILABLE` leaves open whether the order was placed, says so, and names the request id under
    /// which the same call answers it without a second order.
    pub async fn place(&self, mut input: PlaceIn) -> Result<PlaceOut, Error> {
        let Some(message) = order_to_wire(&input.order) else {
            // It cannot be valid: the check says why. Were it valid after all, the gateway could still not be told of it.
            return match check(input.order, input.transmit, &Limits::default()) {
                Err(violations) => Err(violations.into()),
                Ok(_) => Err(failure::not_carried()),
            };
        };
        let typed = input.order.clone();
        let effect = if input.dry_run {
            Effect::None
        } else {
            let request_id = input.request_id.get_or_insert_with(new_request_id);
            Effect::Place(request_id.clone())
        };
        let request = timed(input.timeout, place_request(message, input));
        let answer = self.calls.clone().place(request).await;
        self.read(answer, effect)
            .map_err(|mut error| {
                restore_inputs(&typed, &mut error.violations);
                error
            })?
            .try_into()
    }

    /// Places an entry with its exits, all of them or none. Without a request id one is made for this call.
    ///
    /// # Errors
    /// Those of the operation. `GATEWAY_UNAVAILABLE` leaves open whether the bracket was placed, says so, and names the request id under
    /// which the same call answers it without a second bracket.
    pub async fn place_bracket(&self, mut input: BracketIn) -> Result<BracketOut, Error> {
        let name = input.request_id.clone().unwrap_or_else(new_request_id);
        let Some(message) = bracket_to_wire(&input.bracket) else {
            // It cannot be valid: the check says why. Were it valid after all, the gateway could still not be told of it.
            return match check_bracket(input.bracket, &name, &Limits::default()) {
                Err(violations) => Err(violations.into()),
                Ok(_) => Err(failure::not_carried()),
            };
        };
        let typed = input.bracket.clone();
        let effect = if input.dry_run {
            Effect::None
        } else {
            input.request_id = Some(name.clone());
            Effect::Place(name)
        };
        let request = timed(input.timeout, place_bracket_request(message, input));
        let answer = self.calls.clone().place_bracket(request).await;
        self.read(answer, effect)
            .map_err(|mut error| {
                restore_bracket_inputs(&typed, &mut error.violations);
                error
            })?
            .try_into()
    }

    /// Releases a staged order and waits `timeout` seconds at most: [`Self::transmit_with`] without a request id.
    ///
    /// # Errors
    /// As there.
    pub async fn transmit(&self, order: OrderKey, timeout: f64) -> Result<OrderState, Error> {
        self.transmit_with(TransmitIn::within(order, timeout)).await
    }

    /// Releases a staged order.
    ///
    /// # Errors
    /// Those of the operation. It can be repeated safely.
    pub async fn transmit_with(&self, input: TransmitIn) -> Result<OrderState, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.calls.clone().transmit(request).await;
        answered_order(self.read(answer, Effect::Repeatable)?.order)
    }

    /// Cancels an order and waits `timeout` seconds at most: [`Self::cancel_with`] without a request id.
    ///
    /// # Errors
    /// As there.
    pub async fn cancel(&self, order: OrderKey, timeout: f64) -> Result<OrderState, Error> {
        self.cancel_with(CancelIn::within(order, timeout)).await
    }

    /// Cancels an order.
    ///
    /// # Errors
    /// Those of the operation. It can be repeated safely.
    pub async fn cancel_with(&self, input: CancelIn) -> Result<OrderState, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.calls.clone().cancel(request).await;
        answered_order(self.read(answer, Effect::Repeatable)?.order)
    }

    /// Changes the terms of an order. Without a request id one is made for this call.
    ///
    /// # Errors
    /// Those of the operation. `GATEWAY_UNAVAILABLE` leaves open whether the change was made, and names the request id under which the same
    /// call answers it without changing anything twice.
    pub async fn replace(&self, mut input: ReplaceIn) -> Result<ReplaceOut, Error> {
        let effect = if input.dry_run {
            Effect::None
        } else {
            let request_id = input.request_id.get_or_insert_with(new_request_id);
            Effect::Place(request_id.clone())
        };
        let timeout = input.timeout;
        let typed = input.change.clone();
        let Some(request) = replace_request(input) else {
            return Err(failure::not_carried());
        };
        let answer = self.calls.clone().replace(timed(timeout, request)).await;
        self.read(answer, effect)
            .map_err(|mut error| {
                restore_change_inputs(&typed, &mut error.violations);
                error
            })?
            .try_into()
    }

    /// Asks what TWS would make of an order. Nothing is placed.
    ///
    /// # Errors
    /// Those of the operation; an order that TWS would refuse is no error.
    pub async fn preview(&self, input: PreviewIn) -> Result<PreviewOut, Error> {
        let PreviewIn { order, timeout } = input;
        let Some(message) = order_to_wire(&order) else {
            // It cannot be valid: the check says why. Were it valid after all, the gateway could still not be told of it.
            return match check(order, true, &Limits::default()) {
                Err(violations) => Err(violations.into()),
                Ok(_) => Err(failure::not_carried()),
            };
        };
        let request = timed(timeout, preview_request(message, timeout));
        let answer = self.calls.clone().preview(request).await;
        self.read(answer, Effect::None)
            .map_err(|mut error| {
                restore_inputs(&order, &mut error.violations);
                error
            })?
            .try_into()
    }

    /// Reads one order and all its fills, in as many calls as they take.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, or when the gateway does not answer.
    pub async fn get(&self, key: OrderKey) -> Result<OrderDetail, Error> {
        let mut input = GetIn::new(key);
        let mut fills = Vec::new();
        loop {
            let page = self.get_page(input.clone()).await?;
            fills.extend(page.fills);
            match page.next_page_token {
                Some(token) => input.page_token = token,
                None => {
                    return Ok(OrderDetail {
                        order: page.order,
                        fills,
                        legs: page.legs,
                    });
                }
            }
        }
    }

    /// Reads one order and a page of its fills.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `REQUEST_INVALID`, or when the gateway does not answer.
    pub async fn get_page(&self, input: GetIn) -> Result<GetOut, Error> {
        let answer = self
            .calls
            .clone()
            .get(within(READ_DEADLINE, input.into()))
            .await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// Reads a page of orders.
    ///
    /// # Errors
    /// `REQUEST_INVALID`, or when the gateway does not answer.
    pub async fn list(&self, input: ListIn) -> Result<ListOut, Error> {
        let answer = self
            .calls
            .clone()
            .list(within(READ_DEADLINE, input.into()))
            .await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// Watches one order to its end, or every order. Resume with the last sequence seen.
    ///
    /// # Errors
    /// When the watch cannot start; an error later on is an item of the stream.
    pub async fn watch(&self, input: WatchIn) -> Result<WatchStream, Error> {
        // The gateway ends a watch itself; a deadline would end it without a word about the order.
        let answer = self.watches.clone().watch(Request::new(input.into())).await;
        Ok(WatchStream::new(
            self.read(answer, Effect::None)?,
            self.url.clone(),
        ))
    }

    fn read<T>(
        &self,
        answer: Result<tonic::Response<T>, tonic::Status>,
        effect: Effect,
    ) -> Result<T, Error> {
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| failed(&status, &self.url, &effect))
    }
}

fn violation(error: &mut OrderError) -> Option<&mut Violation> {
    match error {
        OrderError::Violation(violation) => Some(violation),
        OrderError::Runtime { .. } => None,
    }
}

/// A request whose deadline lies beyond the operation's own timeout, so that the gateway answers first.
fn timed<T>(timeout: f64, message: T) -> Request<T> {
    let timeout = Duration::try_from_secs_f64(timeout).unwrap_or_default();
    within(timeout.saturating_add(DEADLINE_BEYOND_TIMEOUT), message)
}

fn within<T>(deadline: Duration, message: T) -> Request<T> {
    /// gRPC carries eight digits of hours at most; a day is long enough for anybody.
    const DEADLINE_MAX: Duration = Duration::from_secs(86_400);
    let mut request = Request::new(message);
    request.set_timeout(deadline.min(DEADLINE_MAX));
    request
}
