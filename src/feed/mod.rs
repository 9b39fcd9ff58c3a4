//! Shows every watcher what happened, each event once and in order.
//!
//! A watcher subscribes, reads the store up to its head, skips what is older and goes live. What happens now comes from memory: one
//! channel per watched order and one for those who watch all, made on demand and removed with their last watcher, so that nobody is
//! woken for the orders of others. A watcher that is too slow for its channel reads the store again from where it is; the engine never
//! waits for anybody. A watcher without a thing to do is one waiting future: no task, no buffer.
//!
//! The engine publishes after the commit, so whatever a channel ever carried is in the store already. That is why the hand-over loses
//! nothing: what the store did not yet have when it was read comes through the channel that was subscribed to before.
//!
//! Of an execution the fill's event comes first, the order's event that counts it follows.

mod completion;
mod hub;
mod update;
mod watch;
mod watcher;

pub use hub::{Feed, FeedLimits};
pub use update::{FeedEvent, FeedUpdate};
pub use watch::{Watch, WatchSpec};
