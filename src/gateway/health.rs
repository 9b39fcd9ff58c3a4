//! Health.

use tokio::time::{Instant, timeout_at};

use super::limits::seconds;
use super::{Gateway, LinkStatus};
use crate::domain::{HealthIn, HealthOut};
use crate::error::Error;
use crate::store::StoreError;

impl Gateway {
    /// Says whether orders can be placed. Waits, up to the timeout, only for the first attempt to connect to end.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for a timeout that is none. A TWS that is away is no error: that is what the outcome tells.
    pub async fn health(&self, input: HealthIn) -> Result<HealthOut, Error> {
        let HealthIn { timeout } = input;
        let timeout = seconds("timeout", timeout)?;
        let mut link = self.link();
        // Both an end of the wait and an end of the engine show in the status.
        let deadline = Instant::now() + timeout;
        let _ = timeout_at(deadline, link.wait_for(|link| link.attempted)).await;
        let status = link.borrow().clone();
        let mut health = health(&status, self.shared.reader.lost(), self.shared.client_id);
        if let Some(problem) = self.shared.followed.problem() {
            let problem =
                format!("the limits file is not used, those before stay in force: {problem}");
            health.detail = Some(match health.detail {
                Some(detail) => format!("{detail}; {problem}"),
                None => problem,
            });
        }
        Ok(health)
    }
}

fn health(status: &LinkStatus, lost: Option<StoreError>, client_id: i32) -> HealthOut {
    let LinkStatus {
        connected,
        ib_connected,
        session,
        refused,
        failure,
        detail,
        attempted: _,
        next_order_id,
        tws_time,
        store_ok,
        unknown_orders,
        halted,
        halted_for_some,
    } = status;
    let session = session.as_deref();
    let error = if let Some(failure) = failure {
        Some(failure.clone())
    } else if !connected {
        Some(crate::error::COULD_NOT_CONNECT.to_owned())
    } else if let Some(refused) = refused {
        Some(refused.message.clone())
    } else if let Some(lost) = &lost {
        Some(lost.to_string())
    } else if !store_ok {
        Some("the store cannot be written: free some space on its disk, or give the gateway write access".to_owned())
    } else if !ib_connected {
        Some(
            "TWS has lost its connection to IB: new orders are refused until it is back".to_owned(),
        )
    } else {
        halted.clone()
    };
    HealthOut {
        connected: *connected,
        next_valid_id: *next_order_id,
        error,
        detail: match (detail, halted_for_some) {
            (Some(detail), Some(halted)) => Some(format!("{detail}; {halted}")),
            (detail, halted) => detail.clone().or_else(|| halted.clone()),
        },
        server_version: session.map(|session| session.server_version),
        accounts: session.map_or_else(Vec::new, |session| session.accounts.clone()),
        paper: session.map(|session| {
            session
                .accounts
                .iter()
                .all(|account| crate::engine::is_paper(account))
        }),
        client_id,
        tws_time: *tws_time,
        ib_connected: *ib_connected,
        store_ok: *store_ok && lost.is_none(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        unknown_orders: u32::try_from(*unknown_orders).unwrap_or(u32::MAX),
    }
}
