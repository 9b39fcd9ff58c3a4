//! Waiting with a limit.

use std::time::Duration;

/// The longest anything may take that a test waits for. It ends a test that hangs and is no statement about speed, so it leaves room
/// for a machine that does much else.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Time between two looks at what nothing announces.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `check` holds; for what nothing announces.
///
/// # Panics
///
/// When it does not hold within [`LIMIT`].
pub async fn eventually(what: &str, mut check: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(LIMIT, async {
        while !check().await {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    });
    waited
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen in time"));
}
