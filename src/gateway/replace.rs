//! Replace.

use std::sync::Arc;

use super::Gateway;
use super::limits::{key, request_id, seconds};
use crate::domain::{OrderPayload, OrderTicket, ReplaceIn, ReplaceOut, check_change};
use crate::engine::{Answer, Command, ReplaceCommand, terms_for};
use crate::error::{Error, Reason};
use crate::request_id::new_request_id;
use crate::tws;

impl Gateway {
    /// Asks TWS for other terms of an order that it holds, and answers when TWS has decided, or with the order's state at `timeout`: its
    /// `replacement` says what became of it. The same request id with the same change answers the order as it now is.
    ///
    /// # Errors
    /// `REQUEST_INVALID` (nothing is to change), `ORDER_INVALID`, `ORDER_NOT_FOUND`, `ORDER_STATE`, `ORDER_CHANGED`, `INSTRUCTION_PENDING`,
    /// `REQUEST_ID_REUSED`, `TWS_UNAVAILABLE`, `IB_UNAVAILABLE`, `LIVE_ACCOUNT`, `STORE_MISMATCH`, `PACING`, `OVERLOADED`, `STORE`,
    /// `SHUTTING_DOWN`: nothing was sent. `INTERNAL`: the outcome is unknown.
    pub async fn replace(&self, input: ReplaceIn) -> Result<ReplaceOut, Error> {
        let ReplaceIn {
            order,
            change,
            expected_revision,
            request_id: given,
            timeout,
            dry_run,
        } = input;
        let timeout = seconds("timeout", timeout)?;
        key(&order)?;
        if let Some(id) = &given {
            request_id(id)?;
        }
        let limits = &self.shared.limits;
        let change = match check_change(change, limits) {
            Ok(change) => change,
            Err(violations) if dry_run => return Err(violations.into()),
            Err(violations) => {
                let error = violations.into();
                let refused = self.refused("REPLACE", given.as_deref(), Some(&order), error);
                return Err(refused.await);
            }
        };
        if change.is_empty() {
            return Err(Error::new(
                Reason::RequestInvalid,
                "nothing is to change: give quantity, a price or tif",
            ));
        }
        if dry_run {
            let mut state = self.get(order).await?.order;
            let wanted = terms_for(&state, &change, expected_revision, None)?;
            state.terms.set_working(wanted);
            let payload = tws::payload(&OrderTicket::from(&state));
            let OrderPayload { contract, order } = payload;
            return Ok(ReplaceOut {
                order: None,
                dry_run: true,
                contract: Some(contract),
                order_payload: Some(order),
                errors: None,
                error: None,
                request_id: given,
                replayed: false,
            });
        }
        let request_id_given = given.is_some();
        let request_id = given.unwrap_or_else(new_request_id);
        let command = ReplaceCommand {
            key: order,
            change,
            expected_revision,
            request_id: request_id.clone(),
            request_id_given,
        };
        let command = Command::Replace(Arc::new(command));
        let Answer {
            state,
            replayed,
            warnings: _,
            ..
        } = self.ask(command, timeout).await?;
        Ok(ReplaceOut {
            order: Some(state),
            dry_run: false,
            contract: None,
            order_payload: None,
            errors: None,
            error: None,
            request_id: Some(request_id),
            replayed,
        })
    }
}
