//! The lines of a table.
//!
//! ```text
//! > placeOrder A BUY 1 LMT lmtPrice=15.53 -order.tif transmit=true     a request about order A
//! < pair A PreSubmitted whyHeld=trigger x3                            openOrder and orderStatus, three times
//! < error A 202 errorMsg="Order Canceled - reason:"                   a message; `-` instead of A: about no order
//! ! fill A 80                                                         what the exchange does meanwhile
//! ```

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::schema::{SCHEMA, Side};
use crate::values::{Template, letter};

/// Fields and what is said of them.
pub(crate) type Said = BTreeMap<String, Template>;

/// One line.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    Send(Request),
    Expect(Group),
    Act(Vec<String>),
}

/// A request of the client.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) word: String,
    pub(crate) order: Option<char>,
    pub(crate) fields: Said,
}

/// One message, or the pair, so many times.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) messages: Vec<Wanted>,
    pub(crate) times: usize,
}

/// A message that a table expects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) word: String,
    pub(crate) order: Option<char>,
    pub(crate) fields: Said,
    /// Whether these are all the fields there were.
    pub(crate) whole: bool,
}

/// What `shapes.toml` says of a kind of message.
#[derive(Debug)]
struct Shape {
    word: Option<String>,
    within: Vec<String>,
    fields: Vec<(String, String)>,
}

static SHAPES: LazyLock<toml::Table> =
    LazyLock::new(|| include_str!("shapes.toml").parse().unwrap());

impl Shape {
    fn of(kind: &str) -> Self {
        let table = SHAPES
            .get(kind)
            .unwrap_or_else(|| panic!("no shape of {kind} in shapes.toml"));
        let list = |name: &str| -> Vec<String> {
            let entries = table.get(name).and_then(|value| value.as_array());
            entries.map_or_else(Vec::new, |entries| {
                entries.iter().map(|e| e.as_str().unwrap().into()).collect()
            })
        };
        let mut fields = Vec::new();
        if let Some(base) = table.get("like") {
            fields = Self::of(base.as_str().unwrap()).fields;
            let without = list("without");
            fields.retain(|(path, _)| !without.contains(path));
        }
        fields.extend(read_fields(table.get("fields")));
        Self {
            word: table.get("word").map(|word| word.as_str().unwrap().into()),
            within: list("within"),
            fields,
        }
    }
}

fn read_fields(table: Option<&toml::Value>) -> Vec<(String, String)> {
    let entries = table
        .and_then(|table| table.as_table())
        .into_iter()
        .flatten();
    let plain = entries.map(|(path, value)| {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        (path.clone(), text)
    });
    plain.collect()
}

/// Reads a script. With `presence` each message has the fields of its shape, otherwise only those that its line names.
pub(crate) fn read(script: &str, presence: bool) -> Vec<Line> {
    let lines = script.lines().map(str::trim).filter(|l| !l.is_empty());
    let mut lines: Vec<Line> = lines.map(|line| read_line(line, presence)).collect();
    describe(&mut lines);
    lines
}

/// What a request says of its order stands in the messages that follow it, up to the next request about that order.
fn describe(lines: &mut [Line]) {
    const DESCRIBED: [&str; 4] = ["action", "totalQuantity", "orderType", "tif"];
    let mut known: BTreeMap<Template, Template> = BTreeMap::new();
    for line in lines {
        match line {
            Line::Send(request) => {
                let Some(order) = request.order else { continue };
                for name in DESCRIBED {
                    if let Some(said) = request.fields.get(&format!("order.{name}")) {
                        let named = Template::read(&format!("@{name}"), Some(order));
                        known.insert(named, said.clone());
                    }
                }
            }
            Line::Expect(group) => {
                let fields = group
                    .messages
                    .iter_mut()
                    .flat_map(|m| m.fields.values_mut());
                for template in fields {
                    if let Some(said) = known.get(template) {
                        *template = said.clone();
                    }
                }
            }
            Line::Act(_) => {}
        }
    }
}

fn read_line(line: &str, presence: bool) -> Line {
    let words = split(line);
    match words[0].as_str() {
        ">" => Line::Send(read_request(&words[1..])),
        "<" => Line::Expect(read_group(&words[1..], presence)),
        "!" => Line::Act(words[1..].to_vec()),
        _ => panic!("not a line of a script: {line}"),
    }
}

fn read_request(words: &[String]) -> Request {
    let word = words[0].clone();
    let (order, rest) = match words.get(1) {
        Some(text) if text.len() == 1 => (Some(letter(text)), &words[2..]),
        _ => (None, &words[1..]),
    };
    let mut fields = Said::new();
    if let Some(base) = SHAPES["requests"].get(&word) {
        for (path, text) in read_fields(Some(base)) {
            fields.insert(path, Template::read(&text, order));
        }
    }
    let (_, message) = SCHEMA.message(Side::Client, &word);
    let within = ["order", "contract"].map(str::to_owned);
    let mut bare = rest.iter().filter(|text| !is_field(text));
    if word == "placeOrder" {
        for path in ["order.action", "order.totalQuantity", "order.orderType"] {
            let text = bare
                .next()
                .expect("a side, a quantity and a type of an order");
            fields.insert(path.to_owned(), Template::read(text, order));
        }
    }
    assert!(bare.next().is_none(), "too many words: {words:?}");
    apply(&mut fields, message, &within, rest, order);
    Request {
        word,
        order,
        fields,
    }
}

fn read_group(words: &[String], presence: bool) -> Group {
    let (order, mut rest) = match words.get(1).map(String::as_str) {
        Some("-") => (None, words[2..].to_vec()),
        Some(text) if text.len() == 1 && text != "*" => (Some(letter(text)), words[2..].to_vec()),
        _ => (None, words[1..].to_vec()),
    };
    let times = match rest.last().and_then(|last| last.strip_prefix('x')) {
        Some(times) if times.bytes().all(|b| b.is_ascii_digit()) => {
            rest.pop();
            words.last().unwrap()[1..].parse().unwrap()
        }
        _ => 1,
    };
    let messages = if words[0] == "pair" {
        let (status, echo): (Vec<String>, Vec<String>) = rest
            .into_iter()
            .partition(|text| SCHEMA.kind_at("OrderStatus", path_of(text)).is_some());
        // What both messages carry stands in both.
        let (parents, mut echo): (Vec<String>, Vec<String>) = (
            status
                .iter()
                .filter(|text| text.starts_with("parentId="))
                .cloned()
                .collect(),
            echo,
        );
        let mut status = status;
        if let Some(word) = echo.first().filter(|text| !is_field(text)).cloned() {
            status.insert(0, word);
            if !presence {
                echo.remove(0);
            }
        }
        echo.extend(parents);
        vec![
            read_wanted("openOrder", order, &echo, presence),
            read_wanted("orderStatus", order, &status, presence),
        ]
    } else {
        vec![read_wanted(&words[0], order, &rest, presence)]
    };
    Group { messages, times }
}

fn read_wanted(kind: &str, order: Option<char>, words: &[String], presence: bool) -> Wanted {
    let shape = Shape::of(kind);
    let (_, message) = SCHEMA.message(Side::Server, kind);
    let mut fields = Said::new();
    for (path, text) in &shape.fields {
        // What says whose message it is stands in every recording.
        let names_it = matches!(
            path.as_str(),
            "orderId"
                | "id"
                | "execId"
                | "permId"
                | "order.permId"
                | "execution.orderId"
                | "execution.execId"
        );
        if !presence && !names_it {
            continue;
        }
        // A message about no order, as a notice of the farms, has id -1.
        let text = if order.is_none() && text == "@id" {
            "-1"
        } else {
            text
        };
        fields.insert(path.clone(), Template::read(text, order));
    }
    let mut words = words;
    if let (Some(first), Some(path)) = (words.first(), &shape.word)
        && !is_field(first)
    {
        fields.insert(path.clone(), Template::read(first, order));
        words = &words[1..];
    }
    apply(&mut fields, message, &shape.within, words, order);
    Wanted {
        word: kind.to_owned(),
        order,
        fields,
        whole: presence,
    }
}

/// Adds `path=value`, and takes away `-path`.
fn apply(
    fields: &mut Said,
    message: &str,
    within: &[String],
    words: &[String],
    order: Option<char>,
) {
    for text in words.iter().filter(|text| is_field(text)) {
        if let Some(path) = text.strip_prefix('-') {
            fields
                .remove(path)
                .unwrap_or_else(|| panic!("{path} is not in the shape"));
            continue;
        }
        let (path, value) = text.split_once('=').expect("path=value");
        let path = std::iter::once(path.to_owned())
            .chain(within.iter().map(|outer| format!("{outer}.{path}")))
            .find(|path| SCHEMA.kind_at(message, path).is_some())
            .unwrap_or_else(|| panic!("{message} has no {path}"));
        fields.insert(path, Template::read(value, order));
    }
}

fn is_field(text: &str) -> bool {
    text.contains('=') || (text.starts_with('-') && text.len() > 2)
}

fn path_of(text: &str) -> &str {
    text.split_once('=').map_or("", |(path, _)| path)
}

/// Splits at blanks, but for what stands between double quotes; `\n` is a line break.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let word = words.last_mut().unwrap();
        match character {
            '"' => quoted = !quoted,
            '\\' => {
                assert_eq!(characters.next(), Some('n'), "only \\n is known");
                word.push('\n');
            }
            ' ' if !quoted => words.push(String::new()),
            other => word.push(other),
        }
    }
    assert!(!quoted, "an open quote in {line}");
    words.retain(|word| !word.is_empty());
    words
}
