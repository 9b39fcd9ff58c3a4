//! What the audit records: who was refused what and why, and who changed what is allowed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Timestamp;
use super::enums::words;

words! {
    /// What an audit record is about. More kinds may come.
    AuditKind {
        /// An instruction was refused before anything of it was sent. The body has `instruction`, `reason`, `message`, the rules that it
        /// breaks (`rules`) or what is wrong with it (`violations`), and what it asked for.
        Refused = "REFUSED",
        /// New orders were halted. The body is the halt, or `{"file": …}` for the halt file.
        Halt = "HALT",
        /// Halts were lifted. The body has the `caller` and `account` whose halts were, both `null` for all of them.
        Resume = "RESUME",
        /// Other limits are in force. The body has the `hash` of their file, that of the file `before`, and the limits that were removed or
        /// raised (`loosened`); or `problem`, where a new file is not used.
        Limits = "LIMITS",
        /// `IB_ALLOW_LIVE` is not what it was at the start before. The body has `allow_live`.
        Live = "LIVE",
        /// The gateway logged in to TWS. The body has the `accounts` and why orders are refused there (`refused`), if they are.
        Login = "LOGIN",
        /// TWS was asked for a preview. The body has the `order`.
        Preview = "PREVIEW",
        /// The last stream of a caller of `CANCEL_ON_DISCONNECT` has ended, and its entries are cancelled. The body has the `orders`.
        Disconnect = "DISCONNECT",
        /// Refused instructions that were counted and not recorded, because there were too many: `refused` says how many.
        Unrecorded = "UNRECORDED",
    }
}

/// One record of the audit. It is never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// Who did it: a name, else an address, else `local`; `None`: the gateway by itself.
    pub caller: Option<String>,
    /// The request id of the instruction, where it has one.
    pub request_id: Option<String>,
    /// The order it is about, where it is about one.
    pub order_id: Option<i32>,
    /// What else there is to know, by the kind.
    pub body: Value,
}

/// What the last records of the audit say of the settings, so that a change over a restart is recorded too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditedSettings {
    /// Whether live accounts were allowed.
    pub allow_live: bool,
    /// The hash of the limits file that was in force.
    pub limits_hash: Option<String>,
}
