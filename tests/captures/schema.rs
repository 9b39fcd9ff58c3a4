//! Names, numbers and types of messages and fields, from `fields.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    Double,
    Bool,
    Text,
    Bytes,
    /// Another message, by name.
    Message(String),
}

/// One field of a message.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) kind: Kind,
}

/// Messages by the name under which the tables know them.
#[derive(Debug)]
pub(crate) struct Schema {
    server: BTreeMap<String, (u32, String)>,
    client: BTreeMap<String, (u32, String)>,
    messages: BTreeMap<String, Vec<Field>>,
}

/// Who sends a message. The two sides number theirs apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

pub(crate) static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::read);

impl Schema {
    fn read() -> Self {
        let text: toml::Table = include_str!("fields.toml").parse().unwrap();
        let section = |name: &str| text[name].as_table().unwrap().clone();
        let numbered = |name: &str| {
            let entries = section(name).into_iter().map(|(word, value)| {
                let (number, message) = value.as_str().unwrap().split_once(' ').unwrap();
                (word, (number.parse().unwrap(), message.to_owned()))
            });
            entries.collect()
        };
        let messages = section("message").into_iter().map(|(name, fields)| {
            let fields = fields.as_str().unwrap().split_whitespace().map(Field::read);
            (name, fields.collect())
        });
        Self {
            server: numbered("server"),
            client: numbered("client"),
            messages: messages.collect(),
        }
    }

    fn side(&self, side: Side) -> &BTreeMap<String, (u32, String)> {
        match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
        }
    }

    /// The number of a message and the name of its definition.
    pub(crate) fn message(&self, side: Side, word: &str) -> (u32, &str) {
        let (number, message) = self
            .side(side)
            .get(word)
            .unwrap_or_else(|| panic!("no message {word:?} in fields.toml"));
        (*number, message)
    }

    /// The word of a message number, when it is one of order entry.
    pub(crate) fn word(&self, side: Side, number: u32) -> Option<&str> {
        let mut entries = self.side(side).iter();
        entries.find_map(|(word, (known, _))| (*known == number).then_some(word.as_str()))
    }

    pub(crate) fn fields(&self, message: &str) -> &[Field] {
        self.messages
            .get(message)
            .unwrap_or_else(|| panic!("no definition of {message} in fields.toml"))
    }

    /// What a path such as `order.lmtPrice` holds, starting at `message`.
    pub(crate) fn kind_at(&self, message: &str, path: &str) -> Option<&Kind> {
        let (first, rest) = match path.split_once('.') {
            Some((first, rest)) => (first, Some(rest)),
            None => (path, None),
        };
        let field = self.fields(message).iter().find(|f| f.name == first)?;
        match (rest, &field.kind) {
            (None, kind) => Some(kind),
            (Some(rest), Kind::Message(inner)) => self.kind_at(inner, rest),
            (Some(_), _) => None,
        }
    }
}

impl Field {
    fn read(text: &str) -> Self {
        let parts: Vec<&str> = text.split(':').collect();
        let [name, number, kind] = parts.as_slice() else {
            panic!("not a field: {text}")
        };
        let kind = match *kind {
            "int" => Kind::Int,
            "double" => Kind::Double,
            "bool" => Kind::Bool,
            "text" => Kind::Text,
            "bytes" => Kind::Bytes,
            message => Kind::Message(message.to_owned()),
        };
        Self {
            name: (*name).to_owned(),
            number: number.parse().unwrap(),
            kind,
        }
    }
}
