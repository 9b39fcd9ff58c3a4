//! What may differ between two runs of the same story: clocks, ids that TWS or the gateway makes up, and how far an order has come
//! when Place answers.

use serde_json::Value;

/// Fields that say when, number something from a start of their own, or tell what happened to the connection of this one gateway.
const OWN: &[&str] = &[
    "last_update",
    "created_at",
    "detail",
    "tws_time",
    "time",
    "perm_id",
    "exec_id",
    "sequence",
    "raw_state",
];

/// Statuses an accepted order passes through; which of them Place catches is chance.
const ON_ITS_WAY: &[&str] = &[
    "SUBMITTING",
    "API_PENDING",
    "PENDING_SUBMIT",
    "PRE_SUBMITTED",
    "SUBMITTED",
    "FILLED",
];

/// What is left of an order when chance is taken out.
const BY_CHANCE: &[&str] = &[
    "why_held",
    "filled",
    "remaining",
    "avg_fill_price",
    "commission",
    "terminal",
    "last_error",
    "last_error_code",
];

/// A document without what may differ.
pub fn normal(mut document: Value) -> Value {
    walk(&mut document);
    document
}

/// The document of a Place: even the end of an order that fills at once or not at all can be the first thing TWS says about it.
pub fn placed(document: Value) -> Value {
    passing(document, "state", &["CANCELLED"])
}

/// The document of a change, which answers at the first word of TWS.
pub fn changed(document: Value) -> Value {
    passing(document, "order", &[])
}

/// The document of a PlaceBracket.
pub fn placed_bracket(document: Value) -> Value {
    ["entry", "take_profit", "stop_loss"]
        .into_iter()
        .fold(document, |document, part| passing(document, part, &[]))
}

fn passing(mut document: Value, name: &str, further: &[&str]) -> Value {
    if let Some(Value::Object(order)) = document.get_mut(name) {
        let status = order["status"].as_str().unwrap_or_default().to_owned();
        let mut passed = ON_ITS_WAY.iter().chain(further);
        if passed.any(|passed| *passed == status) {
            order["status"] = "on its way".into();
            for field in BY_CHANCE {
                order[*field] = Value::Null;
            }
        }
    }
    normal(document)
}

fn walk(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                if OWN.contains(&name.as_str()) {
                    *value = Value::Null;
                } else if matches!(
                    name.as_str(),
                    "request_id" | "order_ref" | "next_page_token"
                ) && value
                    .as_str()
                    .is_some_and(|text| !text.starts_with("req-") && !text.starts_with("tag-"))
                {
                    *value = "made".into();
                } else {
                    walk(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(walk),
        Value::String(text) => *text = without_sequences(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A text whose long numbers, which are cursors of a store, are left out.
fn without_sequences(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let long = word.len() > 12 && word.bytes().all(|byte| byte.is_ascii_digit());
        if long { "N" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A document without what was given: a status of gRPC does not carry it back.
pub fn without_inputs(mut document: Value) -> Value {
    if let Some(Value::Array(errors)) = document.get_mut("errors") {
        for error in errors {
            if let Some(error) = error.as_object_mut() {
                error.remove("input");
            }
        }
    }
    document
}
