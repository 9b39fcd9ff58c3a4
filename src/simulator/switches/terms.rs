//! Switches about an order's terms.

use super::choices;

choices! {
    /// What becomes of an order whose time in force is there and empty, as clients of the text protocol send it unless
    /// told otherwise. One whose time in force is absent is always refused (10052), as was seen.
    EmptyTimeInForce {
        /// TWS fills in DAY and says so (10349), before it reports the order (ib_async #191 and #217).
        PresetWithNotice = "preset-with-notice",
        /// TWS fills in DAY and says nothing, as older ones did (ib_insync #64).
        Preset = "preset",
        /// It is refused like an absent one.
        Refused = "refused",
    }
}
