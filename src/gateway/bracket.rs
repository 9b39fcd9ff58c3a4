//! PlaceBracket.

use std::sync::Arc;

use super::Gateway;
use super::limits::{limits, request_id, seconds};
use super::place::{broken, configured_account, listed, risk_limits, ticket, unchecked};
use crate::config::Config;
use crate::domain::limits::{Proposal, Verdict, check_alone};
use crate::domain::{
    Bracket, BracketIn, BracketOut, Caller, Limits, Order, OrderPayload, OrderState, check_bracket,
};
use crate::engine::{Answer, BracketCommand, Command};
use crate::error::Error;
use crate::request_id::new_request_id;
use crate::tws;

impl Gateway {
    /// Stores an entry with its exits, sends them to TWS as one family that its last frame releases, and answers with TWS's first word about the entry, or with
    /// its state at `timeout`. The same request id with the same bracket answers the first one as it now is.
    ///
    /// # Errors
    /// As [`Gateway::place`]: nothing was sent. A bracket that TWS refuses before its release is no error: its orders say so, and none of them works.
    pub async fn place_bracket(&self, input: BracketIn) -> Result<BracketOut, Error> {
        let BracketIn {
            bracket,
            dry_run,
            timeout,
            request_id: given,
        } = input;
        let timeout = seconds("timeout", timeout)?;
        if let Some(id) = &given {
            request_id(id)?;
        }
        let limits = &self.shared.limits;
        let name = given.clone().unwrap_or_else(new_request_id);
        if dry_run {
            let bracket = check_bracket(bracket, &name, limits)?;
            let verdict = self.verdict_on_bracket(&bracket).await?;
            return constructed(&bracket, limits, given, &verdict);
        }
        // Not for which account: a known request is answered whatever the gateway is for by now.
        let bracket = match check_bracket(bracket, &name, &Limits::default()) {
            Ok(bracket) => bracket,
            Err(violations) => {
                let error = violations.into();
                return Err(self
                    .refused("PLACE_BRACKET", given.as_deref(), None, error)
                    .await);
            }
        };
        let command = BracketCommand {
            digest: bracket.digest(),
            bracket,
            request_id: name,
            request_id_given: given.is_some(),
        };
        let answer = self
            .ask(Command::PlaceBracket(Arc::new(command)), timeout)
            .await?;
        let Answer {
            state,
            replayed,
            warnings,
            ..
        } = answer;
        let legs = self.legs(state.order_id).await?;
        let exit = |suffix: &str| {
            legs.iter()
                .find(|leg| leg.order_id != state.order_id && leg.order_ref.ends_with(suffix))
                .cloned()
        };
        Ok(BracketOut {
            submitted: true,
            dry_run: false,
            take_profit: exit(".tp"),
            stop_loss: exit(".sl"),
            request_id: Some(state.request_id.clone()),
            entry: Some(state),
            entry_payload: None,
            take_profit_payload: None,
            stop_loss_payload: None,
            errors: None,
            error: None,
            replayed,
            warnings: listed(warnings),
            unchecked: None,
        })
    }

    /// What the limits say of a bracket now, all of them.
    async fn verdict_on_bracket(&self, bracket: &Bracket) -> Result<Verdict, Error> {
        let (bracket, caller) = (bracket.clone(), self.caller.key());
        let engine = &self.shared.engine;
        engine
            .inspect(move |core, now| core.verdict_on_bracket(&bracket, caller, now))
            .await
    }

    /// The orders of a bracket as they are stored, its entry first; none where the id is no entry's.
    ///
    /// # Errors
    /// `STORE`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn legs(&self, bracket_id: i32) -> Result<Vec<OrderState>, Error> {
        Ok(self.shared.reader.bracket(bracket_id).await?)
    }
}

/// A PlaceBracket that stops after check and limits and answers what would be sent. Needs no gateway, no TWS and no store: limits that only
/// a running gateway can hold it against are named as unchecked.
///
/// # Errors
/// `ORDER_INVALID`, `RISK_LIMIT`, `REQUEST_INVALID`.
pub fn bracket_dry_run(config: &Config, input: BracketIn) -> Result<BracketOut, Error> {
    let BracketIn {
        bracket,
        dry_run: _,
        timeout,
        request_id: given,
    } = input;
    seconds("timeout", timeout)?;
    if let Some(id) = &given {
        request_id(id)?;
    }
    let (limits, risk) = (limits(config), risk_limits(config)?);
    let name = given.clone().unwrap_or_else(new_request_id);
    let bracket = check_bracket(bracket, &name, &limits)?;
    let account = configured_account(bracket.entry(), &limits);
    let proposal = Proposal::bracket(&bracket, account, Caller::LOCAL.key());
    constructed(&bracket, &limits, given, &check_alone(&proposal, &risk))
}

/// What would be sent, but for the ids.
///
/// # Errors
/// `RISK_LIMIT`.
fn constructed(
    bracket: &Bracket,
    limits: &Limits,
    given: Option<String>,
    verdict: &Verdict,
) -> Result<BracketOut, Error> {
    if !verdict.broken.is_empty() {
        return Err(broken(verdict));
    }
    let payload = |order: &Order, releases: bool| -> OrderPayload {
        let mut ticket = ticket(order, limits, given.as_deref());
        ticket.transmit = releases;
        tws::payload(&ticket)
    };
    let stops = bracket.stop_loss().is_some();
    Ok(BracketOut {
        submitted: false,
        dry_run: true,
        entry: None,
        take_profit: None,
        stop_loss: None,
        entry_payload: Some(payload(bracket.entry(), false)),
        take_profit_payload: bracket.take_profit().map(|order| payload(order, !stops)),
        stop_loss_payload: bracket.stop_loss().map(|order| payload(order, true)),
        errors: None,
        error: None,
        request_id: given,
        replayed: false,
        warnings: listed(verdict.warnings.iter().map(Into::into).collect()),
        unchecked: unchecked(verdict),
    })
}
