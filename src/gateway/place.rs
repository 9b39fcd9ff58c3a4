//! Validate and Place.

use std::sync::Arc;

use time::OffsetDateTime;

use super::Gateway;
use super::limits::{limits, request_id, seconds};
use crate::config::Config;
use crate::domain::limits::{Limits as RiskLimits, Proposal, Verdict, check_alone};
use crate::domain::{
    Caller, Limits, Order, OrderPayload, OrderRequest, OrderTicket, PlaceIn, PlaceOut,
    RuleViolation, ValidateIn, ValidateOut, check,
};
use crate::engine::{Answer, Command, PlaceCommand};
use crate::error::{Error, Reason};
use crate::request_id::new_request_id;
use crate::{outcome, tws};

/// Checks an order, and holds it against the limits of a configuration as far as they concern it by itself. Needs no gateway.
pub fn validate(config: &Config, input: ValidateIn) -> ValidateOut {
    match risk_limits(config) {
        Ok(risk) => validate_within(&limits(config), &risk, &Caller::LOCAL, input),
        Err(error) => outcome::validate_failed(error),
    }
}

/// A Place that stops after check and limits and answers what would be sent. Needs no gateway, no TWS and no store: limits that only a
/// running gateway can hold it against are named as unchecked.
///
/// # Errors
/// `ORDER_INVALID`, `RISK_LIMIT`, `REQUEST_INVALID`.
pub fn dry_run(config: &Config, input: PlaceIn) -> Result<PlaceOut, Error> {
    let (limits, risk) = (limits(config), risk_limits(config)?);
    dry_run_within(&limits, input, |order| {
        Ok(check_alone(
            &proposal(order, &limits, &Caller::LOCAL),
            &risk,
        ))
    })
}

pub(super) fn risk_limits(config: &Config) -> Result<RiskLimits, Error> {
    config.risk_limits().map_err(|error| {
        Error::new(
            Reason::RequestInvalid,
            format!("LIMITS_FILE cannot be used: {error}. Nothing was sent"),
        )
    })
}

/// An order as limits see it where nothing is known of a login.
fn proposal(order: &Order, limits: &Limits, caller: &Caller) -> Proposal {
    Proposal::place(order, configured_account(order, limits), caller.key())
}

/// The account that an order goes to as far as it and the configuration say; empty where they do not.
pub(super) fn configured_account<'a>(order: &'a Order, limits: &'a Limits) -> &'a str {
    let account = order.request().account.as_ref().or(limits.account.as_ref());
    account.map_or("", String::as_str)
}

impl Gateway {
    /// Checks an order, and holds it against the limits as far as they concern it by itself; the others are named. Without TWS and without
    /// storing anything.
    pub fn validate(&self, input: ValidateIn) -> ValidateOut {
        let risk = self.shared.followed.now();
        validate_within(&self.shared.limits, &risk, &self.caller, input)
    }

    /// What the limits say of an order now, all of them.
    async fn verdict(&self, order: &Order) -> Result<Verdict, Error> {
        let (order, caller) = (order.clone(), self.caller.key());
        let engine = &self.shared.engine;
        engine
            .inspect(move |core, now| core.verdict(&order, caller, now))
            .await
    }

    /// Stores an order, sends it to TWS and answers with TWS's first word about it, or with its state at `timeout`. The same
    /// request id with the same order answers the first order as it now is, whatever the limits, the account or the link are by then.
    ///
    /// # Errors
    /// `ORDER_INVALID`, `REQUEST_INVALID`, `REQUEST_ID_REUSED`, `RISK_LIMIT`, `HALTED`, `TWS_RESTARTING`, `TWS_UNAVAILABLE`, `IB_UNAVAILABLE`, `LIVE_ACCOUNT`,
    /// `STORE_MISMATCH`, `PACING`, `OVERLOADED`, `STORE`, `SHUTTING_DOWN`: nothing was sent. `INTERNAL`: the outcome is unknown.
    pub async fn place(&self, input: PlaceIn) -> Result<PlaceOut, Error> {
        if input.dry_run {
            let limits = &self.shared.limits;
            let order = check(input.order.clone(), input.transmit, limits)?;
            let verdict = self.verdict(&order).await?;
            return dry_run_within(limits, input, |_| Ok(verdict));
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
        // Not for which account: a known request is answered whatever the gateway is for by now.
        let order = match check(order, transmit, &Limits::default()) {
            Ok(order) => order,
            Err(violations) => {
                let error = violations.into();
                return Err(self.refused("PLACE", given.as_deref(), None, error).await);
            }
        };
        let command = PlaceCommand {
            digest: order.digest(),
            order,
            request_id_given: given.is_some(),
            request_id: given.unwrap_or_else(new_request_id),
        };
        let answer = self.ask(Command::Place(Arc::new(command)), timeout).await?;
        let Answer {
            state,
            replayed,
            warnings,
            ..
        } = answer;
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
            warnings: listed(warnings),
            unchecked: None,
        })
    }
}

/// Whether an order is well formed and breaks nothing but limits.
pub(crate) fn only_breaks_limits(config: &Config, input: &PlaceIn) -> bool {
    dry_run(config, input.clone()).is_err_and(|error| error.reason == Reason::RiskLimit)
}

fn validate_within(
    limits: &Limits,
    risk: &RiskLimits,
    caller: &Caller,
    input: ValidateIn,
) -> ValidateOut {
    let ValidateIn { order, transmit } = input;
    let checked = check(order, transmit, limits).and_then(|order| {
        order
            .in_time(OffsetDateTime::now_utc().into())
            .map(|()| order)
    });
    let order = match checked {
        Ok(order) => order,
        Err(violations) => return outcome::validated(Err(violations)),
    };
    let verdict = check_alone(&proposal(&order, limits, caller), risk);
    if !verdict.broken.is_empty() {
        return outcome::validate_failed(broken(&verdict));
    }
    ValidateOut {
        warnings: listed(verdict.warnings.iter().map(Into::into).collect()),
        unchecked: unchecked(&verdict),
        ..outcome::validated(Ok(order))
    }
}

pub(super) fn broken(verdict: &Verdict) -> Error {
    Error::risk_limit(verdict.broken.iter().map(Into::into).collect())
}

pub(super) fn listed(warnings: Vec<RuleViolation>) -> Option<Vec<RuleViolation>> {
    (!warnings.is_empty()).then_some(warnings)
}

/// The limits that only a running gateway can hold an order against.
pub(super) fn unchecked(verdict: &Verdict) -> Option<Vec<String>> {
    let rules = &verdict.unchecked;
    (!rules.is_empty()).then(|| rules.iter().map(|rule| rule.as_str().to_owned()).collect())
}

fn dry_run_within(
    limits: &Limits,
    input: PlaceIn,
    verdict: impl FnOnce(&Order) -> Result<Verdict, Error>,
) -> Result<PlaceOut, Error> {
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
    order.in_time(OffsetDateTime::now_utc().into())?;
    let verdict = verdict(&order)?;
    if !verdict.broken.is_empty() {
        return Err(broken(&verdict));
    }
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
        warnings: listed(verdict.warnings.iter().map(Into::into).collect()),
        unchecked: unchecked(&verdict),
    })
}

/// What would be sent; the id is not known, and the account only where the order or the configuration names one.
pub(super) fn ticket(order: &Order, limits: &Limits, request_id: Option<&str>) -> OrderTicket {
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
