//! Waiting with a limit.

use std::time::Duration;

/// The longest anything may take that is waited for.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Waits until `check` holds; for what nothing announces.
pub(crate) async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !check().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen in time"));
}
