//! What a step leaves in the audit.

use serde_json::{Value, json};

use super::super::input::{Command, PendingRequest};
use super::Step;
use crate::domain::limits::{Limits, Loosened, loosened};
use crate::domain::{AuditKind, AuditRecord, OrderKey};
use crate::error::{Error, Reason};

/// The longest body of a record, in bytes; a longer one is told without what was asked for.
const BODY_BYTES_MAX: usize = 16 << 10;
/// What is left of a message then.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// What a refused instruction asked for.
struct Asked<'a> {
    instruction: &'static str,
    request_id: Option<&'a str>,
    order_id: Option<i32>,
    /// In the fields of its request.
    values: Value,
}

impl Step<'_> {
    /// Adds a record.
    pub(super) fn audit(&mut self, kind: AuditKind, caller: Option<String>, body: Value) {
        self.batch.audit.push(AuditRecord {
            at: self.now.wall_time,
            kind,
            caller,
            request_id: None,
            order_id: None,
            body,
        });
    }

    /// Records that an instruction was refused. What was only shed because there was too much of it, or at the end, is not.
    pub(super) fn audit_refusal(&mut self, ask: &PendingRequest, error: &Error) {
        if matches!(error.reason, Reason::Overloaded | Reason::ShuttingDown) {
            return;
        }
        let now = self.now.monotonic;
        if !self.batch.engine_state.refusals.admit(now) {
            return;
        }
        let Asked {
            instruction,
            request_id,
            order_id,
            values,
        } = asked(&ask.what);
        let Error {
            reason,
            message,
            violations,
            broken,
            retry_after: _,
            tws: _,
            resume_after: _,
            leader: _,
        } = error;
        let mut body = json!({
            "instruction": instruction,
            "reason": reason.as_str(),
            "message": message,
            "rules": broken,
            "violations": violations,
            "asked": values,
        });
        // What was asked for may be anything.
        if body.to_string().len() > BODY_BYTES_MAX {
            let message: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
            body["message"] = message.into();
            body["violations"] = Value::Null;
            body["asked"] = Value::Null;
        }
        let record = AuditRecord {
            at: self.now.wall_time,
            kind: AuditKind::Refused,
            caller: Some(ask.caller.to_string()),
            request_id: request_id.map(str::to_owned),
            order_id,
            body,
        };
        self.batch.audit.push(record);
    }

    /// Whether what opens risk could be recorded were it refused; refuses it otherwise.
    pub(super) fn is_audited(&mut self, ask: &PendingRequest) -> bool {
        match self.core.audit.refusal() {
            None => true,
            Some(error) => {
                self.refuse(ask, error);
                false
            }
        }
    }

    /// Other limits are in force.
    pub(super) fn audit_limits(&mut self, before: &Limits, after: &Limits) {
        let loosened: Vec<Value> = loosened(before, after)
            .into_iter()
            .map(|change| {
                let Loosened {
                    scope,
                    what,
                    before,
                    after,
                } = change;
                json!({
                    "table": scope.to_string(),
                    "rule": what.to_string(),
                    "before": before,
                    "after": after,
                })
            })
            .collect();
        let body = json!({
            "hash": after.hash_text(),
            "before": before.hash_text(),
            "loosened": loosened,
        });
        self.audit(AuditKind::Limits, None, body);
    }
}

fn asked(command: &Command) -> Asked<'_> {
    let of_order = |instruction, key: &OrderKey, values: Value| {
        let (order_id, placed_as) = match key {
            OrderKey::OrderId(order_id) => (Some(*order_id), None),
            OrderKey::RequestId(placed_as) => (None, Some(placed_as.clone())),
        };
        let mut values = values;
        if let (Some(placed_as), Value::Object(values)) = (placed_as, &mut values) {
            values.insert("placed_as".to_owned(), placed_as.into());
        }
        Asked {
            instruction,
            request_id: None,
            order_id,
            values,
        }
    };
    match command {
        Command::Place(command) => Asked {
            instruction: "PLACE",
            request_id: Some(&command.request_id),
            order_id: None,
            values: json!({ "order": command.order.request() }),
        },
        Command::PlaceBracket(command) => {
            let of = |order: Option<&crate::domain::Order>| json!(order.map(|o| o.request()));
            let bracket = &command.bracket;
            Asked {
                instruction: "PLACE_BRACKET",
                request_id: Some(&command.request_id),
                order_id: None,
                values: json!({
                    "entry": of(Some(bracket.entry())),
                    "take_profit": of(bracket.take_profit()),
                    "stop_loss": of(bracket.stop_loss()),
                }),
            }
        }
        Command::Preview(command) => Asked {
            instruction: "PREVIEW",
            request_id: None,
            order_id: None,
            values: json!({ "order": command.order.request() }),
        },
        Command::Replace(command) => Asked {
            request_id: Some(&command.request_id),
            ..of_order("REPLACE", &command.key, json!({ "change": command.change }))
        },
        Command::Transmit(command) => Asked {
            request_id: command.request_id.as_deref(),
            ..of_order("TRANSMIT", &command.key, json!({}))
        },
        Command::Cancel(command) | Command::CancelWithSibling(command) => Asked {
            request_id: command.request_id.as_deref(),
            ..of_order("CANCEL", &command.key, json!({}))
        },
        Command::Refused(refused) => Asked {
            instruction: refused.instruction,
            request_id: refused.request_id.as_deref(),
            order_id: refused.order_id,
            values: refused.asked.clone(),
        },
    }
}
