//! What breaks: the link to IB, connections, TWS itself, and every scripted fault.

use super::super::fault::Fault;
use super::{Control, Done};

/// How a restart of TWS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// How much lower each client's next valid id is afterwards.
    pub roll_back_ids: u32,
    /// Whether transmitted orders and executions are still known.
    pub keep_orders: bool,
}

impl Default for Restart {
    /// Ids and transmitted orders are kept; staged orders never are.
    fn default() -> Self {
        Self {
            roll_back_ids: 0,
            keep_orders: true,
        }
    }
}

impl Control {
    /// TWS loses IB (1100): orders and cancels wait in TWS.
    pub async fn lose_ib(&self) -> Done {
        self.run(|exchange, now| exchange.lose_ib(1100, now)).await
    }

    /// TWS loses its server (2110): the same to an order.
    pub async fn lose_server(&self) -> Done {
        self.run(|exchange, now| exchange.lose_ib(2110, now)).await
    }

    /// TWS has IB back, with 1101 when `data_lost`, else 1102; what waited goes out.
    pub async fn restore_ib(&self, data_lost: bool) -> Done {
        self.run(move |exchange, now| exchange.restore_ib(data_lost, now))
            .await
    }

    /// Closes every connection now.
    pub async fn drop_connections(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.close_all()).await
    }

    /// From now on requests are processed and nothing is sent, to old connections and new.
    pub async fn mute(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.shaping.mute = true)
            .await
    }

    /// Ends muteness. What was not sent is lost.
    pub async fn unmute(&self) -> Done {
        self.run(|exchange, _| exchange.sessions.shaping.mute = false)
            .await
    }

    /// New connections are accepted and closed at once, or no longer.
    pub async fn refuse_connections(&self, refuse: bool) -> Done {
        self.run(move |exchange, _| exchange.conditions.refuse = refuse)
            .await
    }

    /// TWS stops and starts again: connections close, staged orders are gone.
    pub async fn restart(&self, how: Restart) -> Done {
        self.run(move |exchange, _| exchange.restart(how.roll_back_ids, how.keep_orders))
            .await
    }

    /// Sends bytes as they are to everyone.
    pub async fn inject(&self, bytes: &[u8]) -> Done {
        let bytes = bytes.to_owned();
        self.run(move |exchange, _| exchange.inject(&bytes)).await
    }

    /// Sets a fault, as in the configuration. Those that wait for the n-th order count from now.
    pub async fn set_fault(&self, fault: Fault) -> Done {
        self.run(move |exchange, _| exchange.set_fault(fault)).await
    }

    /// Ends every fault that lasts or waits, muteness and refusal included.
    pub async fn clear_faults(&self) -> Done {
        self.run(|exchange, _| exchange.clear_faults()).await
    }
}
