//! Time requests: heartbeats, and the proof that TWS has read what was sent.
//!
//! One is in flight at a time. TWS answers them in order, but an answer does not say which request it belongs to, and `ibapi` gives a request up
//! when any error without an id arrives meanwhile. So what was asked stands in line, and each answer is counted for whoever stands first.
//! An answer that an error made us miss costs another request; it is never taken for the answer to a later one.

use std::collections::VecDeque;
use std::time::Duration;

use ibapi::Error;
use tokio::time::{Instant, sleep_until, timeout};

use super::finding::Finding;
use super::session::{End, Session};
use crate::domain::Timestamp;

/// Answers that may be missing before the session is given up: each came after an error that ended `ibapi`'s wait.
const UNANSWERED_MAX: usize = 16;
/// After an error that ended the wait, the next request follows so much later, and later still when that is ended too.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(20);
/// The longest of these delays.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);

/// Asks TWS for its time at once, at each heartbeat and whenever the gateway wants to, until TWS does not answer.
pub(super) async fn run(session: &Session<'_>) -> End {
    let mut line: VecDeque<Vec<u64>> = VecDeque::new();
    let mut next = Instant::now();
    let mut retry = RETRY_DELAY_MIN;
    loop {
        tokio::select! {
            biased;
            () = session.ask.notified() => {}
            () = sleep_until(next) => {}
        }
        line.push_back(session.asked.take());
        match timeout(session.write_limit(), session.client.server_time()).await {
            Ok(Ok(time)) => {
                let tokens = line.pop_front().unwrap_or_default();
                let tws_time = Timestamp::from(time);
                // Fails only when the session is over.
                let _ = session
                    .findings
                    .send(Finding::Time { tokens, tws_time })
                    .await;
                retry = RETRY_DELAY_MIN;
                next = Instant::now();
                // A token that stands behind an answer which never came is brought forward by another request.
                if line.iter().all(Vec::is_empty) {
                    next += session.settings.heartbeat_interval;
                }
            }
            Ok(Err(Error::Notice(notice))) => {
                tracing::debug!(session = session.number, %notice, "an error ended the wait for TWS's time");
                next = Instant::now() + retry;
                retry = (retry * 2).min(RETRY_DELAY_MAX);
            }
            Err(_) | Ok(Err(Error::Timeout)) => {
                return End::Over(format!(
                    "TWS is silent: a time request was not answered within {:?}",
                    session.settings.heartbeat_timeout
                ));
            }
            // The reader knows better why the connection is over.
            Ok(Err(_)) if !session.client.is_connected() => std::future::pending().await,
            Ok(Err(error)) => {
                return End::Over(format!("TWS's time could not be read: {error}"));
            }
        }
        if line.len() > UNANSWERED_MAX {
            return End::Over("TWS's answers to time requests are out of step".to_owned());
        }
    }
}
