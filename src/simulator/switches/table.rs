//! All switches, with what they are set to unless somebody says otherwise.

use super::*;

macro_rules! switches {
    ($($(#[$doc:meta])* $name:literal $field:ident: $kind:ty = $default:expr;)+) => {
        /// What a TWS does where sources are silent or disagree. `docs/simulator.md` has the sources of each.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Switches {
            $($(#[$doc])* pub $field: $kind,)+
        }

        impl Default for Switches {
            /// The likeliest answer to each question.
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Switches {
            /// Each switch by chance: the same seed gives the same switches.
            pub fn drawn(seed: u64) -> Self {
                Self { $($field: draw($name, seed, $default),)+ }
            }

            /// Sets a switch by its name and the word of its value.
            ///
            /// # Errors
            /// There is no such switch, or it has no such value.
            pub fn set(&mut self, name: &str, value: &str) -> Result<(), SwitchError> {
                match name {
                    $($name => self.$field = read($name, value)?,)+
                    _ => return Err(SwitchError::Name(name.to_owned())),
                }
                Ok(())
            }

            /// All switches.
            pub fn states(&self) -> Vec<SwitchState> {
                vec![$(SwitchState {
                    name: $name,
                    value: self.$field.word(),
                    values: words::<$kind>(),
                },)+]
            }
        }
    };
}

switches! {
    /// Which requests for the time are answered.
    "time-requests" time_requests: TimeRequests = TimeRequests::OnceASecond;
    /// How requests for the time in milliseconds are treated.
    "millis-requests" millis_requests: MillisRequests = MillisRequests::WithSeconds;
    /// An answer about executions repeats their commission reports.
    "commission-replay" commission_replay: bool = true;
    /// Completed orders name their order id and client id.
    "completed-order-ids" completed_order_ids: bool = true;
    /// An orderStatus of each ended order of one's own comes before the completed orders.
    "completed-statuses" completed_statuses: bool = true;

    /// How an order that goes straight to the exchange is acknowledged.
    "acknowledgement" acknowledgement: Acknowledgement = Acknowledgement::Both;
    /// How often pairs of openOrder and orderStatus are repeated.
    "repeats" repeats: Repeats = Repeats::Captured;
    /// Pairs of openOrder and orderStatus of an order that goes to work come twice, others once more.
    "duplicate-reports" duplicate_reports: bool = false;
    /// What becomes of an order whose time in force is there and empty.
    "empty-time-in-force" empty_time_in_force: EmptyTimeInForce = EmptyTimeInForce::PresetWithNotice;
    /// A second Filled pair, with the commission, comes between the fill and its commission report.
    "second-filled-pair" second_filled_pair: bool = true;
    /// Where the 399 of an order comes that waits for the opening.
    "closed-warning" closed_warning: ClosedWarning = ClosedWarning::AfterPair;
    /// What is shown between a cancel and its confirmation.
    "pending-cancel" pending_cancel: PendingCancel = PendingCancel::Hidden;
    /// Orders whose limit is far beyond the market are cancelled by IB.
    "price-band" price_band: bool = true;
    /// When a refusal by IB comes.
    "refusals" refusals: Refusals = Refusals::AtOnce;
    /// Whether an id refused with 320 or 321 is spent.
    "refused-id" refused_id: RefusedId = RefusedId::Free;
    /// How the orderRef comes back.
    "order-ref-echo" order_ref_echo: OrderRefEcho = OrderRefEcho::Kept;
    /// Orders for a part of a share.
    "fractions" fractions: Fractions = Fractions::Taken;
    /// What a stop order that has triggered shows before it fills.
    "stop-fill" stop_fill: StopFill = StopFill::Submitted;
    /// The first echo of a stop or trailing order.
    "stop-echo" stop_echo: StopEcho = StopEcho::Zero;
    /// Prices that TWS computes.
    "computed-prices" computed_prices: ComputedPrices = ComputedPrices::Rounded;
    /// How the good-till date comes back.
    "good-till-echo" good_till_echo: GoodTillEcho = GoodTillEcho::TwsZone;
    /// What is said about an order for the close.
    "on-close-acknowledgement" on_close_acknowledgement: OnCloseAcknowledgement = OnCloseAcknowledgement::Reported;
    /// What an order is while a share to borrow is sought.
    "locate-status" locate_status: LocateStatus = LocateStatus::PreSubmitted;
    /// How a cancel of an order that is Inactive is answered.
    "inactive-cancel" inactive_cancel: InactiveCancel = InactiveCancel::Answered;
    /// What a cancel of a staged order says.
    "staged-cancel" staged_cancel: StagedCancel = StagedCancel::WithStatus;
    /// Which ended orders a global cancel names with 161.
    "global-cancel-ended" global_cancel_ended: GlobalCancelEnded = GlobalCancelEnded::Each;
    /// Whether a fill is reported by an execution.
    "executions" executions: Executions = Executions::Reported;
    /// Which order id an execution carries.
    "execution-order-id" execution_order_id: ExecutionOrderId = ExecutionOrderId::Own;
    /// The same shares are reported once more under another execution id.
    "execution-repeated" execution_repeated: Chance = Chance::Never;
    /// Whether a reduction of an order shows the new total.
    "size-reduction" size_reduction: SizeReduction = SizeReduction::Shown;
    /// What becomes of the ids of staged orders when TWS restarts.
    "restart-ids" restart_ids: RestartIds = RestartIds::Kept;

    /// What a preview is answered.
    "what-if-frames" what_if_frames: WhatIfFrames = WhatIfFrames::One;
    /// What a preview says about commission.
    "what-if-commission" what_if_commission: WhatIfCommission = WhatIfCommission::Amount;
    /// Whether the id of a preview is spent.
    "what-if-id" what_if_id: WhatIfId = WhatIfId::Spent;
    /// How a cancel of a preview is answered.
    "what-if-cancel" what_if_cancel: WhatIfCancel = WhatIfCancel::NotFound;

    /// What the echo of a replacement shows.
    "replace-status" replace_status: ReplaceStatus = ReplaceStatus::AsBefore;
    /// A replacement is ignored: no word, nothing changes.
    "replace-ignored" replace_ignored: Chance = Chance::Never;
    /// Pairs with the old values beside the echo of a replacement.
    "replace-stale" replace_stale: ReplaceStale = ReplaceStale::Absent;
    /// A replacement is echoed and then undone: the old values are shown again, and stand.
    "replace-reverted" replace_reverted: Chance = Chance::Never;
    /// A replacement while the exchange is closed.
    "replace-closed" replace_closed: ReplaceClosed = ReplaceClosed::Now;
    /// A replacement within 50 ms of the placement.
    "replace-too-soon" replace_too_soon: ReplaceTooSoon = ReplaceTooSoon::Taken;
    /// A replacement of an order that is being cancelled.
    "replace-pending-cancel" replace_pending_cancel: ReplacePendingCancel = ReplacePendingCancel::Processing;
    /// A replacement of an order that has filled.
    "replace-filled" replace_filled: ReplaceFilled = ReplaceFilled::Refused;
    /// A replacement of an order that has ended otherwise.
    "replace-ended" replace_ended: ReplaceEnded = ReplaceEnded::Duplicate;
    /// A replacement to a quantity that has filled already.
    "replace-below-filled" replace_below_filled: ReplaceBelowFilled = ReplaceBelowFilled::Refused;
    /// A replacement while TWS has lost IB becomes a second working order, with a permanent id of its own.
    "second-perm-id" second_perm_id: Chance = Chance::Never;

    /// Why a stop order is held that waits for its parent as well as for its price.
    "child-stop-hold" child_stop_hold: ChildStopHold = ChildStopHold::ChildTrigger;
    /// A child that comes within 50 ms of its parent.
    "child-too-soon" child_too_soon: ChildTooSoon = ChildTooSoon::Taken;
    /// A child whose parent has filled already.
    "child-of-filled" child_of_filled: ChildOfFilled = ChildOfFilled::Taken;
    /// What is said about children when their parent fills.
    "child-activation" child_activation: ChildActivation = ChildActivation::Silent;
    /// How large children are while their parent has filled in part.
    "child-size" child_size: ChildSize = ChildSize::Whole;
    /// What becomes of children whose parent ends after it has filled in part.
    "child-of-ended" child_of_ended: ChildOfEnded = ChildOfEnded::Stay;
    /// A replacement of a child that names its parent, after the parent has filled.
    "child-replace" child_replace: ChildReplace = ChildReplace::Taken;
    /// A replacement of a child that leaves its parent's id out.
    "child-without-parent-id" child_without_parent_id: ChildWithoutParentId = ChildWithoutParentId::Kept;
    /// What becomes of the sibling when one child of a bracket is cancelled.
    "sibling-cancel" sibling_cancel: SiblingCancel = SiblingCancel::Together;
    /// A cancel of a staged child by its id.
    "staged-child-cancel" staged_child_cancel: StagedChildCancel = StagedChildCancel::Answered;
    /// What becomes of the others when a member of a group of the client's own is cancelled.
    "oca-cancel" oca_cancel: OcaCancel = OcaCancel::Apart;
    /// What is shown of a member whose group has filled.
    "oca-end" oca_end: OcaEnd = OcaEnd::Cancelled;
    /// An order for a group of which a member has filled.
    "oca-ended-group" oca_ended_group: OcaEndedGroup = OcaEndedGroup::Taken;

    /// When a changed position is told to whoever subscribed to positions.
    "position-news" position_news: PositionNews = PositionNews::AfterFill;
    /// Which positions that were closed are still listed.
    "closed-positions" closed_positions: ClosedPositions = ClosedPositions::Kept;
    /// The exchange of a position's contract.
    "position-exchange" position_exchange: PositionExchange = PositionExchange::Listing;
    /// Whether bought currency is listed as a position too.
    "fx-positions" fx_positions: FxPositions = FxPositions::Hidden;
    /// When account values that a fill changed are told.
    "account-news" account_news: AccountNews = AccountNews::Soon;
    /// The first account values of a subscription are wrong, as AccountReady says; the right ones follow.
    "account-not-ready" account_not_ready: Chance = Chance::Never;
    /// The keys of values in each currency begin with `$LEDGER-`.
    "ledger-prefix" ledger_prefix: bool = false;
    /// Rows and end mark of an account summary come twice.
    "summary-doubled" summary_doubled: Chance = Chance::Never;
    /// What counts against the limit of two account summaries.
    "summary-limit" summary_limit: SummaryLimit = SummaryLimit::Ids;
    /// The id of the error that refuses an account summary.
    "summary-refusal-id" summary_refusal_id: SummaryRefusalId = SummaryRefusalId::Request;
}
