//! Switches about the session: the clock, answers to queries.

use super::choices;

choices! {
    /// Which requests for the time are answered. TWS and IB Gateway leave one unanswered that comes within a second of
    /// another that was answered (ib_insync #479 and #604); ibkr-go keeps them 4.25 s apart.
    TimeRequests {
        /// None within a second of another that was answered.
        OnceASecond = "once-a-second",
        /// None within 4.25 s of another that was answered.
        Every4250Ms = "every-4250ms",
        /// Each one.
        Always = "always",
    }

    /// How requests for the time in milliseconds are treated. No source says.
    MillisRequests {
        /// As if they were requests for the time in seconds: one of either kind silences both.
        WithSeconds = "with-seconds",
        /// In the same way, and apart from the others.
        Apart = "apart",
        /// Each one is answered.
        Always = "always",
    }
}
