//! Limits on what may be instructed: rules in tables, running totals to hold them against, and one pure function that decides.
//!
//! Money and shares are exact; nothing here reads a clock.

mod check;
mod exits;
mod exposure;
mod history;
mod loosened;
mod orders;
mod positions;
mod proposal;
mod quantity;
mod rejections;
mod rule;
mod tables;
#[cfg(test)]
mod tests;
mod totals;
mod value;

pub use check::{Broken, Verdict, check, check_alone};
pub use exits::{Exit, ExitClass, OpenOrder, exits};
pub use exposure::{ExclusiveSet, Instrument, Likeness, OpenExposure, OrderExposure, WorkingPrice};
pub use history::{PastExecution, PastInstruction, RiskHistory};
pub use loosened::{Loosened, loosened};
pub use orders::OrderNames;
pub use positions::{Known, Positions};
pub use proposal::{Clock, Proposal, ProposalKind, ProposedOrder, Replaced};
pub use quantity::{Cents, Shares};
pub use rejections::{PastVerdict, Rejections, TwsVerdict};
pub use rule::{Rule, Scope};
pub use tables::{CALLER_RULES, Limits, Rules, ScopeRef, Severity, Table};
pub use totals::{Executed, INSTRUCTIONS_KEPT_MAX, Money, OpenShares, Taker, Totals, View};
pub use value::{MarketPrice, OrderPrices, UnitValue, unit_value};
