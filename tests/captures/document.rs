//! The two tables of docs/simulator.md that hold the comparison: how each exchange compares, and every difference with its reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::compare::{Aspect, Found};

const ASPECTS: [Aspect; 4] = [
    Aspect::Order,
    Aspect::Fields,
    Aspect::Repeats,
    Aspect::Constants,
];
/// A difference that more exchanges show than this is listed with their number.
const NAMED_MAX: usize = 6;

/// Fails when the document says anything else than what was found, and prints the tables as they should be.
pub(crate) fn check(found: &Found) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/simulator.md");
    let text = std::fs::read_to_string(path).unwrap();
    let exchanges = rows(&text, "| exchange |");
    let reasons = rows(&text, "| difference |");

    let without: BTreeSet<&str> = exchanges
        .iter()
        .filter(|row| row[1].starts_with("no counterpart"))
        .map(|row| row[0].as_str())
        .collect();
    for name in &without {
        let differences = found.get(*name).expect("an exchange of the tables");
        assert!(
            !differences.is_empty(),
            "{name} has a counterpart now: say how it compares"
        );
    }

    let mut wanted_exchanges = Vec::new();
    let mut by_difference: BTreeMap<(Aspect, &str), Vec<&str>> = BTreeMap::new();
    for (name, differences) in found {
        if without.contains(name.as_str()) {
            let row = exchanges.iter().find(|row| row[0] == *name).unwrap();
            wanted_exchanges.push(row.clone());
            continue;
        }
        let mut row = vec![name.clone()];
        for aspect in ASPECTS {
            let equal = !differences.iter().any(|d| d.aspect == aspect);
            row.push(if equal { "equal" } else { "explained" }.to_owned());
        }
        wanted_exchanges.push(row);
        for difference in differences {
            let key = (difference.aspect, difference.text.as_str());
            by_difference.entry(key).or_default().push(name);
        }
    }
    let wanted_differences: Vec<[String; 2]> = by_difference
        .into_iter()
        .map(|((_, text), names)| [format!("`{text}`"), shown(&names)])
        .collect();

    let listed: Vec<[String; 2]> = reasons
        .iter()
        .map(|row| [row[0].clone(), row[1].clone()])
        .collect();
    let mut complaints = String::new();
    for row in &wanted_exchanges {
        if !exchanges.contains(row) {
            complaints += &format!("exchange: | {} |\n", row.join(" | "));
        }
    }
    for row in exchanges
        .iter()
        .filter(|row| !wanted_exchanges.contains(row))
    {
        complaints += &format!("not so any more: {}\n", row.join(" | "));
    }
    for row in wanted_differences
        .iter()
        .filter(|row| !listed.contains(row))
    {
        complaints += &format!("difference: | {} | {} | |\n", row[0], row[1]);
    }
    for row in listed
        .iter()
        .filter(|row| !wanted_differences.contains(row))
    {
        complaints += &format!("not so any more: | {} | {} |\n", row[0], row[1]);
    }
    for row in &reasons {
        if row.get(2).is_none_or(String::is_empty) {
            complaints += &format!("without a reason: {}\n", row[0]);
        }
    }
    assert!(complaints.is_empty(), "docs/simulator.md:\n{complaints}");
    assert_eq!(exchanges.len(), found.len(), "rows of the exchanges");
}

fn shown(names: &[&str]) -> String {
    if names.len() > NAMED_MAX {
        format!("{} exchanges", names.len())
    } else {
        names.join(", ")
    }
}

/// The rows of the table whose head begins so, cell by cell; an exchange's name without its quotes.
fn rows(text: &str, head: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip_while(|line| !line.starts_with(head));
    let body = lines.skip(2).take_while(|line| line.starts_with('|'));
    let rows = body.map(|line| {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner
            .split('|')
            .map(|cell| cell.trim().to_owned())
            .collect()
    });
    rows.collect()
}
