//! A watcher of all orders that resumes after every kill.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ibkr_orders::domain::{WatchEvent, WatchIn};
use tokio::sync::watch;

use crate::RETRY_DELAY;
use crate::clients::Line;

/// Watches every order through all the kills and notes each event's sequence.
pub(crate) async fn watch_all(
    address: watch::Receiver<SocketAddr>,
    seen: Arc<Mutex<Vec<u64>>>,
    stop: Arc<AtomicBool>,
) {
    let mut line = Line::new(address);
    let mut cursor = 0;
    let mut snapshot_seen = false;
    while !stop.load(Ordering::Relaxed) {
        let spec = WatchIn {
            after_sequence: cursor,
            poll_interval: 0.2,
            ..WatchIn::new(0)
        };
        let Ok(mut stream) = line.client().watch(spec).await else {
            tokio::time::sleep(RETRY_DELAY).await;
            continue;
        };
        while let Some(Ok(update)) = stream.next().await {
            let stored = matches!(update.event, WatchEvent::Order(_) | WatchEvent::Fill(_));
            snapshot_seen |= matches!(update.event, WatchEvent::SnapshotEnd {});
            if snapshot_seen {
                cursor = update.sequence;
                if stored {
                    seen.lock().unwrap().push(update.sequence);
                }
            }
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}
