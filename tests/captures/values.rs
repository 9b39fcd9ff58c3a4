//! What a table says of a value, and which values it has named so far.

use std::collections::BTreeMap;

use crate::schema::Kind;
use crate::wire::Value;

/// What a table says of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Template {
    /// Present, whatever it is.
    Any,
    /// Text with the names of values in it: `${opening}`, `${A}` for the id of order A, `${A.perm}` for another value of it.
    /// A template that is one name and nothing else may stand for a number too.
    Parts(Vec<Part>),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Text(String),
    Name(Name),
}

/// A value's name: of the session, or of one order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) order: Option<char>,
    pub(crate) name: String,
}

impl Name {
    pub(crate) fn of(order: char, name: &str) -> Self {
        Self {
            order: Some(order),
            name: name.to_owned(),
        }
    }

    pub(crate) fn session(name: &str) -> Self {
        Self {
            order: None,
            name: name.to_owned(),
        }
    }
}

impl Template {
    /// Reads a table's text. `order` is the one that the line is about.
    pub(crate) fn read(text: &str, order: Option<char>) -> Self {
        if text == "*" {
            return Self::Any;
        }
        if let Some(name) = text.strip_prefix('@') {
            let order = order.unwrap_or_else(|| panic!("{text} in a line without an order"));
            return Self::Parts(vec![Part::Name(Name::of(order, name))]);
        }
        if let Some(name) = text.strip_prefix('$').filter(|name| !name.starts_with('{')) {
            return Self::Parts(vec![Part::Name(Name::session(name))]);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').expect("a closing brace");
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Name(match name.split_once('.') {
                Some((order, name)) => Name::of(letter(order), name),
                None if name.len() == 1 => Name::of(letter(name), "id"),
                None => Name::session(name),
            }));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        Self::Parts(parts)
    }

    /// The text, when it names nothing.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self {
            Self::Parts(parts) => match parts.as_slice() {
                [] => Some(""),
                [Part::Text(text)] => Some(text),
                _ => None,
            },
            Self::Any => None,
        }
    }
}

pub(crate) fn letter(text: &str) -> char {
    let mut letters = text.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => letter,
        _ => panic!("{text:?} is not the letter of an order"),
    }
}

/// How a value is not what a table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mismatch {
    /// A constant has another value.
    Constant { wanted: String, got: String },
    /// A value that was seen before under this name is another one now.
    Repeat { name: String },
}

/// Values by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bindings(BTreeMap<Name, String>);

impl Bindings {
    pub(crate) fn get(&self, name: &Name) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn set(&mut self, name: Name, value: impl ToString) {
        self.0.insert(name, value.to_string());
    }

    /// Takes the figures of a recording: `name = value` of the session, `A = { name = value }` of an order.
    pub(crate) fn set_sample(&mut self, sample: &toml::Table) {
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        for (name, value) in sample {
            match value {
                toml::Value::Table(of_order) => {
                    for (inner, value) in of_order {
                        self.set(Name::of(letter(name), inner), text(value));
                    }
                }
                other => self.set(Name::session(name), text(other)),
            }
        }
    }

    /// The letter whose value of this name this is.
    pub(crate) fn letter_with(&self, name: &str, value: &str) -> Option<char> {
        let mut found = self.0.iter();
        found.find_map(|(known, bound)| {
            (known.name == name && bound == value)
                .then_some(known.order)
                .flatten()
        })
    }

    /// Compares, and gives the first value seen its name.
    pub(crate) fn check(
        &mut self,
        template: &Template,
        kind: &Kind,
        got: &Value,
    ) -> Result<(), Mismatch> {
        let Template::Parts(parts) = template else {
            return Ok(());
        };
        let got = plain(got);
        if let [Part::Name(name)] = parts.as_slice() {
            let bound = self.0.entry(name.clone()).or_insert_with(|| got.clone());
            return if same(kind, bound, &got) {
                Ok(())
            } else {
                Err(Mismatch::Repeat {
                    name: name.name.clone(),
                })
            };
        }
        if let Some(wanted) = template.literal() {
            return if same(kind, wanted, &got) {
                Ok(())
            } else {
                Err(Mismatch::Constant {
                    wanted: wanted.to_owned(),
                    got,
                })
            };
        }
        self.check_parts(parts, &got)
    }

    /// Text with names in it, of which at most the last may be new.
    fn check_parts(&mut self, parts: &[Part], got: &str) -> Result<(), Mismatch> {
        let mut rest = got;
        let mut wanted = String::new();
        for (at, part) in parts.iter().enumerate() {
            let piece = match part {
                Part::Text(text) => text.clone(),
                Part::Name(name) => match self.0.get(name) {
                    Some(bound) => bound.clone(),
                    None => {
                        let end = match parts.get(at + 1) {
                            Some(Part::Text(next)) => rest.find(next.as_str()),
                            Some(Part::Name(_)) => panic!("two names without text between them"),
                            None => Some(rest.len()),
                        };
                        let value = rest[..end.unwrap_or(rest.len())].to_owned();
                        self.0.insert(name.clone(), value.clone());
                        value
                    }
                },
            };
            wanted.push_str(&piece);
            match rest.strip_prefix(piece.as_str()) {
                Some(after) => rest = after,
                None => {
                    return Err(Mismatch::Constant {
                        wanted: format!("{wanted}…"),
                        got: got.to_owned(),
                    });
                }
            }
        }
        if rest.is_empty() {
            Ok(())
        } else {
            Err(Mismatch::Constant {
                wanted,
                got: got.to_owned(),
            })
        }
    }

    /// The value that a template stands for; `None` where it may be anything or a name has no value.
    pub(crate) fn fill(&self, template: &Template, kind: &Kind) -> Option<Value> {
        let Template::Parts(parts) = template else {
            return None;
        };
        let mut text = String::new();
        for part in parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Name(name) => text.push_str(self.get(name)?),
            }
        }
        Some(match kind {
            Kind::Int => Value::Int(text.parse().unwrap()),
            Kind::Double => Value::Double(text.parse().unwrap()),
            Kind::Bool => Value::Bool(text == "true"),
            Kind::Text => Value::Text(text),
            Kind::Bytes | Kind::Message(_) => Value::Bytes(text.into_bytes()),
        })
    }
}

/// A value as a table would write it.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

fn same(kind: &Kind, wanted: &str, got: &str) -> bool {
    match (kind, wanted.parse::<f64>(), got.parse::<f64>()) {
        (Kind::Double, Ok(wanted), Ok(got)) => wanted == got,
        _ => wanted == got,
    }
}
