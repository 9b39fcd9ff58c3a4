//! Validate and Place.

use std::sync::Arc;

use super::Gateway;
use super::limits::{limits, request_id, seconds};
use crate::config::Config;
use crate::domain::{
    Limits, Order, OrderInput, OrderPayload, OrderRequest, OrderTicket, PlaceIn, PlaceOut,
    ValidateIn, ValidateOut, Violations, check,
};
use crate::engine::{Answer, Command, PlaceCommand};
use crate::error::Error;
use crate::request_id::new_request_id;
use crate::{outcome, tws};

/// Checks an order against the limits of a configuration. Needs no gateway.
pub fn validate(config: &Config, input: ValidateIn) -> ValidateOut {
    validate_within(&limits(config), input)
}

/// A Place that stops after check and limits and answers what would be sent. Needs no gateway, no TWS and no store.
///
/// # Errors
/// `ORDER_INVALID`, `REQUEST_INVALID`.
pub fn dry_run(config: &Config, input: PlaceIn) -> Result<PlaceOut, Error> {
    dry_run_within(&limits(config), input)
}

impl Gateway {
    /// Checks an order and applies the limits, without TWS and without storing anything.
    pub fn validate(&self, input: ValidateIn) -> ValidateOut {
        validate_within(&self.shared.limits, input)
    }

    /// Stores an order, sends it to TWS and answers with TWS's first word about it, or with its state at `timeout`. The same
    /// request id with the same order answers the first order as it now is, whatever the limits, the account or the link are by then.
    ///
    /// # Errors
    /// `ORDER_INVALID`, `REQUEST_INVALID`, `REQUEST_ID_REUSED`, `TWS_UNAVAILABLE`, `IB_UNAVAILABLE`, `LIVE_ACCOUNT`,
    /// `STORE_MISMATCH`, `PACING`, `OVERLOADED`, `STORE`, `SHUTTING_DOWN`: nothing was sent. `INTERNAL`: the outcome is unknown.
    pub async fn place(&self, input: PlaceIn) -> Result<PlaceOut, Error> {
        if input.dry_run {
            return dry_run_within(&self.shared.limits, input);
        }
        let PlaceIn {
            order,
            transmit,
            dry_run: _,
            timeout,
            request_id: given,
        } = input;
        let timeout = seconds("timeout", timeout)?;
        if let Some(id) = &given {
            request_id(id)?;
        }
        let limits = &self.shared.limits;
        let Checked {
            order,
            beyond_limits,
        } = checked(order, transmit, limits, given.is_some())?;
        let command = PlaceCommand {
            digest: order.digest(),
            order,
            beyond_limits,
            request_id_given: given.is_some(),
            request_id: given.unwrap_or_else(new_request_id),
        };
        let answer = self.ask(Command::Place(Arc::new(command)), timeout).await?;
        let Answer { state, replayed } = answer;
        let OrderPayload { contract, order } = tws::payload_in_short(&OrderTicket::from(&state));
        Ok(PlaceOut {
            submitted: true,
            dry_run: false,
            order_id: Some(state.order_id),
            request_id: Some(state.request_id.clone()),
            state: Some(state),
            contract: Some(contract),
            order_payload: Some(order),
            order_request: None,
            effective_order_ref: None,
            errors: None,
            error: None,
            replayed,
        })
    }
}

/// An order that is well formed.
struct Checked {
    order: Order,
    /// The limits that it breaks.
    beyond_limits: Option<Violations>,
}

/// Checks an order. One that is well formed and only breaks limits passes where its request may be known: a retry after a limit was
/// tightened must be answered with the order that the first call made, or its caller would take that order for one that was never sent.
fn checked(
    order: OrderInput,
    transmit: bool,
    limits: &Limits,
    request_may_be_known: bool,
) -> Result<Checked, Violations> {
    let limited = *limits != Limits::default();
    let again = (request_may_be_known && limited).then(|| order.clone());
    let violations = match check(order, transmit, limits) {
        Ok(order) => {
            return Ok(Checked {
                order,
                beyond_limits: None,
            });
        }
        Err(violations) => violations,
    };
    match again.map(|order| check(order, transmit, &Limits::default())) {
        Some(Ok(order)) => Ok(Checked {
            order,
            beyond_limits: Some(violations),
        }),
        // Every violation at once, those of the limits among them.
        Some(Err(_)) | None => Err(violations),
    }
}

/// Whether an order is well formed and breaks nothing but limits.
pub(crate) fn only_breaks_limits(config: &Config, input: &PlaceIn) -> bool {
    checked(input.order.clone(), input.transmit, &limits(config), true)
        .is_ok_and(|checked| checked.beyond_limits.is_some())
}

fn validate_within(limits: &Limits, input: ValidateIn) -> ValidateOut {
    let ValidateIn { order, transmit } = input;
    outcome::validated(check(order, transmit, limits))
}

fn dry_run_within(limits: &Limits, input: PlaceIn) -> Result<PlaceOut, Error> {
    let PlaceIn {
        order,
        transmit,
        dry_run: _,
        timeout,
        request_id: given,
    } = input;
    seconds("timeout", timeout)?;
    if let Some(id) = &given {
        request_id(id)?;
    }
    let order = check(order, transmit, limits)?;
    let ticket = ticket(&order, limits, given.as_deref());
    let OrderPayload {
        contract,
        order: payload,
    } = tws::payload(&ticket);
    Ok(PlaceOut {
        submitted: false,
        dry_run: true,
        order_id: None,
        state: None,
        contract: Some(contract),
        order_payload: Some(payload),
        effective_order_ref: order.effective_order_ref().map(str::to_owned),
        order_request: Some(order.into_request()),
        errors: None,
        error: None,
        request_id: given,
        replayed: false,
    })
}

/// What would be sent; the id is not known, and the account only where the order or the configuration names one.
fn ticket(order: &Order, limits: &Limits, request_id: Option<&str>) -> OrderTicket {
    let OrderRequest {
        terms,
        transmit,
        client_tag: _,
        order_ref: _,
        account,
    } = order.request();
    OrderTicket {
        order_id: 0,
        terms: terms.clone(),
        transmit: *transmit,
        order_ref: order
            .effective_order_ref()
            .or(request_id)
            .unwrap_or_default()
            .to_owned(),
        account: account
            .as_ref()
            .or(limits.account.as_ref())
            .cloned()
            .unwrap_or_default(),
        parent_order_id: None,
    }
}
