//! Questions about the past and the present: orders, executions, contracts.

mod contracts;
mod executions;
mod odd;
mod orders;

use super::super::clock::Now;
use super::super::session::ConnectionId;
use super::Exchange;
use super::place::READ_ONLY;
use super::reports::invalid_request;

impl Exchange {
    /// In read-only mode TWS refuses even requests that change nothing: for ids, and for orders that it would bind.
    pub(super) fn refuse_read_only(&mut self, connection: ConnectionId, now: Now) -> bool {
        if self.config.read_only {
            self.error_to(connection, -1, 321, &invalid_request(READ_ONLY), now);
        }
        self.config.read_only
    }
}
