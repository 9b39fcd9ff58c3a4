//! What a side said, beside a table: each difference in words that stand in a document.

use std::collections::{BTreeMap, BTreeSet};

use crate::align::{Entry, Item, Step, align, items};
use crate::schema::{Kind, SCHEMA, Side};
use crate::script::{Line, Wanted};
use crate::table::Table;
use crate::values::{Bindings, Mismatch, Name, Part, Template, plain};
use crate::wire::Fields;

/// A message as it came, and the order it is about.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) word: String,
    pub(crate) order: Option<char>,
    pub(crate) fields: Fields,
}

/// In what respect two sides differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aspect {
    /// Which messages come, and in which order.
    Order,
    /// Which fields a message has.
    Fields,
    /// How often a message comes, and which values come again.
    Repeats,
    /// Which value a field always has.
    Constants,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Difference {
    pub(crate) aspect: Aspect,
    pub(crate) text: String,
}

impl Entry for Wanted {
    fn kind(&self) -> &str {
        &self.word
    }

    fn word(&self) -> String {
        let field = self.fields.get(word_field(&self.word));
        let literal = field.and_then(Template::literal);
        literal.unwrap_or_default().to_owned()
    }

    fn is_same(&self, other: &Self) -> bool {
        self == other
    }
}

impl Entry for Got {
    fn kind(&self) -> &str {
        &self.word
    }

    fn word(&self) -> String {
        self.fields
            .get(word_field(&self.word))
            .map(plain)
            .unwrap_or_default()
    }

    fn is_same(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

/// The field by which messages of a kind are told apart.
fn word_field(kind: &str) -> &str {
    match kind {
        "orderStatus" => "status",
        "error" => "errorCode",
        "accountSummary" => "tag",
        _ => "",
    }
}

/// All differences between a table and what was said, each once.
pub(crate) fn differences(
    table: &Table,
    got: &[Got],
    bindings: &mut Bindings,
) -> BTreeSet<Difference> {
    let mut wanted: Vec<Wanted> = Vec::new();
    for line in &table.recorded {
        if let Line::Expect(group) = line {
            for _ in 0..group.times {
                wanted.extend(group.messages.iter().cloned());
            }
        }
    }
    let mut found = BTreeSet::new();
    compare_firsts(&wanted, got, &mut found);
    let subjects: BTreeSet<Option<char>> = wanted
        .iter()
        .map(|m| m.order)
        .chain(got.iter().map(|m| m.order))
        .collect();
    for subject in subjects {
        let ours: Vec<Wanted> = wanted
            .iter()
            .filter(|m| m.order == subject)
            .cloned()
            .collect();
        let theirs: Vec<Got> = got.iter().filter(|m| m.order == subject).cloned().collect();
        let (ours, theirs) = (items(&ours, &table.lists), items(&theirs, &table.lists));
        let agree = |wanted: &Item<Wanted>, got: &Item<Got>| agrees(wanted, got, bindings);
        for step in align(&ours, &theirs, agree) {
            match step {
                Step::Wanted(at) => note(
                    &mut found,
                    Aspect::Order,
                    format!("{} is missing", ours[at].key),
                ),
                Step::Got(at) => note(
                    &mut found,
                    Aspect::Order,
                    format!("{} is not in the recording", theirs[at].key),
                ),
                Step::Both(left, right) => {
                    compare_items(&ours[left], &theirs[right], bindings, &mut found);
                }
            }
        }
    }
    found
}

fn note(found: &mut BTreeSet<Difference>, aspect: Aspect, text: String) {
    found.insert(Difference { aspect, text });
}

/// In which order the orders, and the messages about none, are first heard of.
fn compare_firsts(wanted: &[Wanted], got: &[Got], found: &mut BTreeSet<Difference>) {
    let first = |name: String, all: &mut Vec<String>| {
        if !all.contains(&name) {
            all.push(name);
        }
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for message in wanted {
        first(subject(message.order, message), &mut ours);
    }
    for message in got {
        first(subject(message.order, message), &mut theirs);
    }
    let both = |these: &[String], those: &[String]| -> Vec<String> {
        let common = these.iter().filter(|name| those.contains(name));
        common.cloned().collect()
    };
    if both(&ours, &theirs) != both(&theirs, &ours) {
        let text = "orders and messages are first heard of in another order";
        note(found, Aspect::Order, text.to_owned());
    }
}

fn subject(order: Option<char>, message: &impl Entry) -> String {
    match order {
        Some(order) => order.to_string(),
        None => format!("{} {}", message.kind(), message.word()),
    }
}

/// Whether no constant of the two differs.
fn agrees(wanted: &Item<Wanted>, got: &Item<Got>, bindings: &Bindings) -> bool {
    let mut trial = bindings.clone();
    let mut found = BTreeSet::new();
    compare_items(wanted, got, &mut trial, &mut found);
    !found
        .iter()
        .any(|difference| difference.aspect == Aspect::Constants)
}

fn compare_items(
    wanted: &Item<Wanted>,
    got: &Item<Got>,
    bindings: &mut Bindings,
    found: &mut BTreeSet<Difference>,
) {
    if wanted.times != got.times {
        let text = format!("{} comes {}× for {}×", wanted.key, got.times, wanted.times);
        note(found, Aspect::Repeats, text);
    }
    if wanted.messages.len() == got.messages.len() {
        for (wanted, got) in wanted.messages.iter().zip(&got.messages) {
            compare_fields(wanted, got, bindings, found);
        }
    } else {
        compare_rows(wanted, got, found);
    }
}

/// Rows of a list: which fields any of them has, and, of account values, whether those that the table names come in its order.
fn compare_rows(wanted: &Item<Wanted>, got: &Item<Got>, found: &mut BTreeSet<Difference>) {
    let ours: BTreeSet<&String> = wanted
        .messages
        .iter()
        .flat_map(|m| m.fields.keys())
        .collect();
    let theirs: BTreeSet<&String> = got.messages.iter().flat_map(|m| m.fields.keys()).collect();
    if wanted.key == "accountValue" {
        compare_order(wanted, got, found);
    }
    for path in ours.difference(&theirs) {
        note(
            found,
            Aspect::Fields,
            format!("{}: {path} is in no row", wanted.key),
        );
    }
    for path in theirs.difference(&ours) {
        note(
            found,
            Aspect::Fields,
            format!("{}: {path} is in a row", wanted.key),
        );
    }
}

/// Each row of the table has one among the others, behind that of the row before, with the same fields and constants.
fn compare_order(wanted: &Item<Wanted>, got: &Item<Got>, found: &mut BTreeSet<Difference>) {
    let mut rest = got.messages.as_slice();
    for row in &wanted.messages {
        let is_it = |got: &Got| {
            row.fields.keys().eq(got.fields.keys())
                && row.fields.iter().all(|(path, template)| {
                    let literal = template.literal();
                    literal.is_none_or(|literal| plain(&got.fields[path]) == literal)
                })
        };
        match rest.iter().position(is_it) {
            Some(at) => rest = &rest[at + 1..],
            None => {
                let words: Vec<&str> = row.fields.values().filter_map(Template::literal).collect();
                let text = format!("{} {} is missing or elsewhere", row.word, words.join(" "));
                note(found, Aspect::Order, text);
            }
        }
    }
}

fn compare_fields(
    wanted: &Wanted,
    got: &Got,
    bindings: &mut Bindings,
    found: &mut BTreeSet<Difference>,
) {
    let word = &wanted.word;
    let (_, message) = SCHEMA.message(Side::Server, word);
    for (path, template) in &wanted.fields {
        let kind = SCHEMA.kind_at(message, path).unwrap_or(&Kind::Bytes);
        let Some(value) = got.fields.get(path) else {
            note(found, Aspect::Fields, format!("{word}: {path} is absent"));
            continue;
        };
        match bindings.check(template, kind, value) {
            Ok(()) => {}
            Err(Mismatch::Constant { wanted, got }) => {
                let text = format!("{word}: {path} is {got:?} for {wanted:?}");
                note(found, Aspect::Constants, text);
            }
            Err(Mismatch::Repeat { .. }) => {
                let text = format!("{word}: {path} is not {}", named(template));
                note(found, Aspect::Repeats, text);
            }
        }
    }
    // A recording that was rewritten as text does not say which fields were there.
    if !wanted.whole {
        return;
    }
    for path in got
        .fields
        .keys()
        .filter(|path| !wanted.fields.contains_key(*path))
    {
        note(
            found,
            Aspect::Fields,
            format!("{word}: {path} is not in the recording"),
        );
    }
}

fn named(template: &Template) -> String {
    match template {
        Template::Parts(parts) => match parts.as_slice() {
            [Part::Name(Name { order: _, name })] => format!("the {name} seen before"),
            _ => "what was seen before".to_owned(),
        },
        Template::Any => "anything".to_owned(),
    }
}

/// How many exchanges show a difference in which respect.
pub(crate) type Found = BTreeMap<String, BTreeSet<Difference>>;

/// Gives messages to orders: by the id they carry, or by the execution that a commission names.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    executions: BTreeMap<String, char>,
}

impl Sorter {
    pub(crate) fn sort(&mut self, word: &str, fields: Fields, bindings: &Bindings) -> Got {
        let by_id = |path: &str| {
            let id = fields.get(path).map(plain)?;
            bindings.letter_with("id", &id)
        };
        let execution = |path: &str| fields.get(path).map(plain).unwrap_or_default();
        let order = match word {
            "openOrder" | "orderStatus" => by_id("orderId"),
            "error" => by_id("id"),
            "completedOrder" => by_id("order.orderId"),
            "execDetails" => {
                let order = by_id("execution.orderId");
                if let Some(order) = order {
                    self.executions.insert(execution("execution.execId"), order);
                }
                order
            }
            "commissionReport" => self.executions.get(&execution("execId")).copied(),
            _ => None,
        };
        Got {
            word: word.to_owned(),
            order,
            fields,
        }
    }
}
