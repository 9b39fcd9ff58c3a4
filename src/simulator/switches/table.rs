//! All switches, with what they are set to unless somebody says otherwise.

use super::{
    Choice, EmptyTimeInForce, MillisRequests, SwitchError, SwitchState, TimeRequests, draw, read,
    words,
};

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
    "time-requests" time_requests: TimeRequests = TimeRequests::Always;
    /// How requests for the time in milliseconds are treated.
    "millis-requests" millis_requests: MillisRequests = MillisRequests::WithSeconds;
    /// An answer about executions repeats their commission reports.
    "commission-replay" commission_replay: bool = true;
    /// Completed orders name their order id and client id.
    "completed-order-ids" completed_order_ids: bool = false;
    /// Pairs of openOrder and orderStatus come twice, and two PendingCancel pairs come before a cancel.
    "duplicate-reports" duplicate_reports: bool = false;
    /// PreSubmitted and Submitted are both reported for an order that goes straight to the exchange.
    "double-acknowledgement" double_acknowledgement: bool = true;
    /// What becomes of an order whose time in force is there and empty.
    "empty-time-in-force" empty_time_in_force: EmptyTimeInForce = EmptyTimeInForce::PresetWithNotice;
    /// A second Filled pair, with the commission, comes between the fill and its commission report.
    "second-filled-pair" second_filled_pair: bool = true;
}
