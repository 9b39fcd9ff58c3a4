//! Bytes to paths and values, and back: a walker of protobuf that knows only what `fields.toml` tells it.

use std::collections::BTreeMap;
use std::fmt;

use crate::schema::{Kind, SCHEMA};

/// A value as it was on the wire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    Double(f64),
    Bool(bool),
    Text(String),
    /// Bytes whose meaning nobody here knows, or a message without fields.
    Bytes(Vec<u8>),
}

/// The fields of a message by path, in the order of their names.
pub(crate) type Fields = BTreeMap<String, Value>;

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// The fields in a message's body.
pub(crate) fn decode(message: &str, body: &[u8]) -> Fields {
    let mut all = Fields::new();
    walk(message, body, "", &mut all);
    all
}

fn walk(message: &str, mut body: &[u8], within: &str, all: &mut Fields) {
    while !body.is_empty() {
        let key = varint(&mut body);
        let number = key >> 3;
        let known = SCHEMA.fields(message).iter().find(|f| f.number == number);
        let name = known.map_or_else(|| format!("#{number}"), |field| field.name.clone());
        let path = format!("{within}{name}");
        let kind = known.map_or(Kind::Bytes, |field| field.kind.clone());
        let value = match key & 7 {
            0 => {
                let number = varint(&mut body).cast_signed();
                match kind {
                    Kind::Bool => Value::Bool(number != 0),
                    _ => Value::Int(number),
                }
            }
            1 => Value::Double(f64::from_le_bytes(take(&mut body, 8).try_into().unwrap())),
            2 => {
                let size = usize::try_from(varint(&mut body)).unwrap();
                let bytes = take(&mut body, size);
                match kind {
                    Kind::Message(inner) if !bytes.is_empty() => {
                        walk(&inner, bytes, &format!("{path}."), all);
                        continue;
                    }
                    Kind::Text => Value::Text(String::from_utf8(bytes.to_vec()).unwrap()),
                    _ => Value::Bytes(bytes.to_vec()),
                }
            }
            other => panic!("wire type {other} in {message}"),
        };
        all.insert(path, value);
    }
}

fn varint(body: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(body, 1)[0];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
    }
    panic!("a varint of more than ten bytes")
}

fn take<'a>(body: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = body.split_at(count);
    *body = rest;
    taken
}

/// The body of a message with these fields.
pub(crate) fn encode(message: &str, fields: &Fields) -> Vec<u8> {
    let mut out = Vec::new();
    for field in SCHEMA.fields(message) {
        let inner: Fields = fields
            .iter()
            .filter_map(|(path, value)| {
                let rest = path.strip_prefix(field.name.as_str())?.strip_prefix('.')?;
                Some((rest.to_owned(), value.clone()))
            })
            .collect();
        if let (Kind::Message(message), false) = (&field.kind, inner.is_empty()) {
            put_bytes(&mut out, field.number, &encode(message, &inner));
        }
        match fields.get(&field.name) {
            None => {}
            Some(Value::Int(number)) => put_varint(&mut out, field.number, number.cast_unsigned()),
            Some(Value::Bool(truth)) => put_varint(&mut out, field.number, u64::from(*truth)),
            Some(Value::Double(number)) => {
                push(&mut out, field.number << 3 | 1);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Some(Value::Text(text)) => put_bytes(&mut out, field.number, text.as_bytes()),
            Some(Value::Bytes(bytes)) => put_bytes(&mut out, field.number, bytes),
        }
    }
    out
}

fn put_varint(out: &mut Vec<u8>, number: u64, value: u64) {
    push(out, number << 3);
    push(out, value);
}

fn put_bytes(out: &mut Vec<u8>, number: u64, bytes: &[u8]) {
    push(out, number << 3 | 2);
    push(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

/// A whole frame: length, number with the 200 of protobuf, body.
pub(crate) fn frame(number: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(body.len() + 4)
        .unwrap()
        .to_be_bytes()
        .to_vec();
    bytes.extend_from_slice(&(number + 200).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Number without the 200 and body of a frame, which may come with its length in front.
pub(crate) fn unframe(frame: &[u8]) -> (u32, &[u8]) {
    let number = u32::from_be_bytes(frame[..4].try_into().unwrap());
    (number.wrapping_sub(200), &frame[4..])
}

#[test]
fn what_is_encoded_is_decoded_the_same() {
    let fields: Fields = [
        ("orderId", Value::Int(7)),
        ("contract.symbol", Value::Text("AAPL".into())),
        ("contract.strike", Value::Double(0.0)),
        ("order.exemptCode", Value::Int(-1)),
        ("order.dontUseAutoPriceForHedge", Value::Bool(true)),
    ]
    .into_iter()
    .map(|(path, value)| (path.to_owned(), value))
    .collect();
    assert_eq!(decode("OpenOrder", &encode("OpenOrder", &fields)), fields);
}
