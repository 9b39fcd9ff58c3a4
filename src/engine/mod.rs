//! One task that owns every live order.
//!
//! It takes whatever waits (callers, TWS, timers), applies each input with a synchronous [`step`] to copies, commits the batch as one
//! transaction, and only then answers, sends and shows. So a burst costs one fsync, and nothing is told or sent before it is on disk.

mod audit;
mod batch;
mod clocks;
mod core;
mod deadlines;
mod driver;
mod engine_state;
mod halts;
mod handle;
mod input;
#[cfg(feature = "internals")]
pub(crate) mod internals;
mod journaling;
mod link;
mod live_order;
mod losses;
mod order_cache;
mod overview;
mod pacer;
mod queue;
mod risk;
mod rows;
mod step;
#[cfg(test)]
mod tests;

pub(crate) use self::core::Settings;
pub(crate) use driver::HaltStored;
pub(crate) use halts::HaltChange;
pub(crate) use handle::{Ended, Engine, TwsLink};
pub(crate) use input::{
    Answer, BracketCommand, Command, OrderCommand, PlaceCommand, PreviewCommand, RefusedCommand,
    ReplaceCommand,
};
pub(crate) use journaling::JournalLink;
pub use link::LinkStatus;
pub(crate) use overview::CancelPlan;
pub(crate) use step::{is_paper, terms_for};
