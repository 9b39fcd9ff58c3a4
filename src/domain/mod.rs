//! Plain data and pure functions: what an order is, when it is valid and how its state changes.
//!
//! Nothing here reads a clock, an environment, a socket or a disk.

mod account;
mod audit;
mod bracket;
mod caller;
mod check;
mod decimal;
mod digest;
mod draft;
mod enums;
mod event;
mod fill;
mod instruction;
pub mod lifecycle;
#[cfg(feature = "gateway")]
pub mod limits;
mod operations;
mod order;
mod preview;
mod record;
mod replace;
mod report;
#[cfg(test)]
pub(crate) mod report_fixtures;
#[cfg(feature = "gateway")]
mod restart_window;
mod state;
mod terms;
mod ticket;
mod timestamp;
mod violation;
#[cfg(feature = "gateway")]
mod zone;

pub use account::{
    AccountFreshness, AccountIn, AccountOut, AccountReport, AccountUpdate, AccountValue,
    BASE_CURRENCY, DAILY_PNL, Market, PortfolioReport, Position, PositionReport, PositionsIn,
    PositionsOut, ValueReport, WatchAccountIn,
};
pub use audit::{AuditKind, AuditRecord, AuditedSettings};
pub use bracket::{BRACKET_REF_CHARS_MAX, Bracket, check_bracket};
pub use caller::{CALLER_NAME_BYTES_MAX, Caller, CallerName, Role};
pub use check::{Limits, Order, check, check_change};
pub use decimal::{Amount, AmountError, DIGITS_MAX};
pub(crate) use draft::order_fields;
pub use draft::{OrderDraft, OrderInput};
pub use enums::{
    Action, InstructionKind, InstructionState, OcaType, OrderType, SecType, Status, TimeInForce,
    UnknownWord,
};
pub use event::{EventKind, LinkChange, LinkState, StoredEvent, WatchEvent, WatchUpdate};
pub use fill::{Commission, Fill};
pub use instruction::{Instruction, InstructionOutcome};
pub use operations::{
    BracketDraft, BracketIn, BracketInput, BracketOut, CancelAllIn, CancelAllOut, CancelIn,
    CancelResult, DEFAULT_POLL_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS, GetIn, GetOut, Halt,
    HaltIn, HaltOut, HealthIn, HealthOut, LegDraft, LimitLeft, LimitsOut, ListIn, ListOut, Margins,
    OrderDetail, OrderKey, PlaceIn, PlaceOut, PreviewIn, PreviewOut, ResumeIn, ResumeOut, StopLoss,
    TakeProfit, TradingState, TransmitIn, ValidateIn, ValidateOut, WAIT_SECONDS_MAX, WatchIn,
    WatchOut,
};
pub use order::OrderRequest;
pub use preview::{PreviewReport, PreviewVerdict};
pub use record::OrderRecord;
pub use replace::{
    ChangeDraft, ReplaceIn, ReplaceOut, Replacement, ReplacementStatus, TermsChange,
};
pub use report::{
    CommissionReport, CompletedReport, ErrorReport, ExecutionReport, OpenOrderReport, OrderReport,
    Origin, ReportedContract, ReportedTerms, StatusReport,
};
#[cfg(feature = "gateway")]
pub use restart_window::{QUIET_BEFORE_RESTART, RestartWindow};
pub use state::{OrderIdentity, OrderState};
pub use terms::{
    Contract, MismatchedPrices, Oca, OrderTerms, PriceFields, Pricing, Trail, WorkingTerms,
};
pub(crate) use terms::{gather_terms, spread_terms};
pub use ticket::{OrderPayload, OrderTicket};
pub use timestamp::Timestamp;
pub use violation::{OrderError, RuleViolation, Violation, Violations};
#[cfg(feature = "gateway")]
pub use zone::{Day, Zone};
