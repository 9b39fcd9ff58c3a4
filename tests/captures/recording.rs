//! The files of ../shared/captures: what went over the wire, line by line. Their form is in the README beside them.

use std::path::{Path, PathBuf};

use crate::schema::{Kind, SCHEMA, Side};
use crate::table::Table;
use crate::values::plain;
use crate::wire::{self, Fields, Value};

/// A message of order entry, whoever sent it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) side: Side,
    pub(crate) word: String,
    pub(crate) fields: Fields,
    /// The frame as it was, where the recording has it. A message of market data has nothing but this, and no word.
    pub(crate) bytes: Option<Vec<u8>>,
}

impl Event {
    pub(crate) fn field(&self, path: &str) -> Option<String> {
        self.fields.get(path).map(plain)
    }
}

/// Where the recordings lie, when they are there.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CAPTURES")?);
    folder.is_dir().then_some(folder)
}

/// The messages of order entry in the recording that a table was made from, when it is in the folder.
pub(crate) fn of(table: &Table, folder: &Path) -> Option<Vec<Event>> {
    let mut events = whole(table, folder)?;
    events.retain(|event| !event.word.is_empty());
    Some(events)
}

/// All of it.
pub(crate) fn whole(table: &Table, folder: &Path) -> Option<Vec<Event>> {
    let source = Path::new(&table.source.path);
    let name = source.file_stem()?.to_str()?;
    let file = format!("{name}.sv{}.txt", table.source.server_version);
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    let head = text.lines().next()?;
    for part in [
        &table.source.repository,
        &table.source.path,
        &table.source.commit,
    ] {
        assert!(head.contains(part.as_str()), "{}: {head}", table.name);
    }
    Some(read(&text))
}

fn read(text: &str) -> Vec<Event> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(read_line).collect()
}

fn read_line(line: &str) -> Option<Event> {
    let (first, rest) = line.split_once(' ')?;
    let side = |word: &str| match word {
        "server" => Side::Server,
        "client" => Side::Client,
        other => panic!("not a side: {other}"),
    };
    match first {
        "raw" => {
            let (who, text) = rest.split_once(' ')?;
            let bytes = base64(text);
            let (number, body) = wire::unframe(&bytes[4..]);
            let side = side(who);
            let word = SCHEMA.word(side, number);
            let fields = word.map(|word| wire::decode(SCHEMA.message(side, word).1, body));
            Some(Event {
                side,
                word: word.unwrap_or_default().to_owned(),
                fields: fields.unwrap_or_default(),
                bytes: Some(bytes.clone()),
            })
        }
        "server" | "client" => {
            let (kind, json) = rest.split_once(' ')?;
            Some(read_text(
                side(first),
                kind,
                &serde_json::from_str(json).unwrap(),
            ))
        }
        _ => None,
    }
}

/// A message that the recording's author wrote down as JSON, with names of his own.
fn read_text(side: Side, kind: &str, json: &serde_json::Value) -> Event {
    let (word, within) = match kind {
        "managed_accounts" => ("managedAccounts", ""),
        "next_valid_id" => ("nextValidId", ""),
        "place_order" => ("placeOrder", "order."),
        "cancel_order" => ("cancelOrder", ""),
        "global_cancel" => ("reqGlobalCancel", ""),
        "open_order" => ("openOrder", "order."),
        "order_status" => ("orderStatus", ""),
        "execution_detail" => ("execDetails", "execution."),
        "commission_report" => ("commissionReport", ""),
        "api_error" => ("error", ""),
        other => panic!("no message {other} is known"),
    };
    let (_, message) = SCHEMA.message(side, word);
    let mut fields = Fields::new();
    for (name, value) in json.as_object().unwrap() {
        let path = match name.as_str() {
            "order_id" if within == "execution." => "execution.orderId".to_owned(),
            "order_id" => "orderId".to_owned(),
            "req_id" if word == "error" => "id".to_owned(),
            "code" => "errorCode".to_owned(),
            "message" => "errorMsg".to_owned(),
            "quantity" => "order.totalQuantity".to_owned(),
            "commission" => "commissionAndFees".to_owned(),
            "realized_pnl" => "realizedPNL".to_owned(),
            "status" if word == "openOrder" => "orderState.status".to_owned(),
            other => format!("{within}{}", camel(other)),
        };
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        // What cannot be placed, and a text form's empty field, says nothing of the frame.
        let Some(kind) = SCHEMA.kind_at(message, &path).filter(|_| !text.is_empty()) else {
            continue;
        };
        let value = match kind {
            Kind::Int => Value::Int(text.parse().unwrap()),
            Kind::Double => Value::Double(text.parse().unwrap()),
            Kind::Bool => Value::Bool(text == "true"),
            Kind::Text => Value::Text(text),
            Kind::Bytes | Kind::Message(_) => continue,
        };
        fields.insert(path, value);
    }
    Event {
        side,
        word: word.to_owned(),
        fields,
        bytes: None,
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        camel.push_str(&word[..1].to_uppercase());
        camel.push_str(&word[1..]);
    }
    camel
}

fn base64(text: &str) -> Vec<u8> {
    let digits = text.trim_end_matches('=').bytes().map(|byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("not base64: {other}"),
    });
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xff) as u8);
        }
    }
    bytes
}
