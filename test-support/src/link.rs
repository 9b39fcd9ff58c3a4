//! Waiting for a gateway in this process to stand with TWS as a test needs it.

use ibkr_orders::gateway::Gateway;

use crate::waiting::{LIMIT, eventually};

/// Waits until the session with TWS stands as said.
///
/// # Panics
///
/// When it does not within [`LIMIT`].
pub async fn connected(gateway: &Gateway, connected: bool) {
    let mut link = gateway.link();
    tokio::time::timeout(LIMIT, link.wait_for(|link| link.connected == connected))
        .await
        .expect("the link did not change in time")
        .expect("the engine runs");
}

/// Waits until the gateway is connected and the reconcile of its first session has ended, well or not; a login that is refused has none.
/// From then on TWS is asked only for what the test causes: who looks earlier may find what that reconcile brings, or may not.
///
/// # Panics
///
/// When it does not happen within [`LIMIT`].
pub async fn settled(gateway: &Gateway) {
    connected(gateway, true).await;
    eventually("the reconcile of the first session", async || {
        let stats = gateway.stats();
        let ended = stats.reconcile_seconds.read().count + stats.reconcile_failures.get();
        ended > 0 || gateway.link().borrow().refused.is_some()
    })
    .await;
}

/// The number of the session that is up or, while none is, of the last one.
#[must_use]
pub fn sessions(gateway: &Gateway) -> u64 {
    gateway.stats().tws_sessions.get()
}

/// Waits for a session after the first `before` ones. A wait for the end of the old session may miss it: the next one can be up before
/// the test looks.
///
/// # Panics
///
/// When there is none within [`LIMIT`].
pub async fn session_after(gateway: &Gateway, before: u64) {
    eventually("a new session", async || sessions(gateway) > before).await;
    connected(gateway, true).await;
}
