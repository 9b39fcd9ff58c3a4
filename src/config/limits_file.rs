//! The text of a limits file.
//!
//! It is TOML: `[default]`, `[account.NAME]` and `[caller.NAME]` with rules, and at the end an empty `[end]`, so that a file of which
//! only a part was written is never taken for a whole one.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::domain::Amount;
use crate::domain::limits::{
    CALLER_RULES, Cents, INSTRUCTIONS_KEPT_MAX, Limits, Rule, Rules, Scope, Shares, Table,
};

/// The largest limits file that is read, in bytes.
pub const LIMITS_FILE_BYTES_MAX: u64 = 1 << 20;

/// Everything that is wrong with a limits file; never empty. Prints on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitsFileError(pub Vec<String>);

impl fmt::Display for LimitsFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for LimitsFileError {}

/// The text of a limits file. Blocks on the disk.
///
/// # Errors
/// It cannot be read, is no text, or is too large.
pub fn read_limits_file(path: &Path) -> Result<String, LimitsFileError> {
    let wrong = |error: String| LimitsFileError(vec![format!("{}: {error}", path.display())]);
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut text = String::new();
    file.take(LIMITS_FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| wrong(error.to_string()))?;
    if text.len() as u64 > LIMITS_FILE_BYTES_MAX {
        return Err(wrong("is larger than 1 MiB".to_owned()));
    }
    Ok(text)
}

/// Reads the text of a limits file.
///
/// # Errors
/// Everything that is wrong with it at once.
pub fn parse_limits(text: &str) -> Result<Limits, LimitsFileError> {
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| line_of(text, span.start));
        let at = line
            .map(|line| format!("line {line}: "))
            .unwrap_or_default();
        LimitsFileError(vec![format!("{at}{}", error.message().trim_end())])
    })?;
    let mut reading = Reading {
        text,
        problems: Vec::new(),
    };
    let mut limits = Limits {
        hash: Some(Sha256::digest(text).into()),
        ..Limits::default()
    };
    let mut last = None;
    for (name, value) in root.get_ref() {
        let (key, from) = (name.get_ref().as_ref(), name.span().start);
        last = last.max(Some((ends_at(value).max(from), key)));
        match (key, value.get_ref()) {
            ("default", DeValue::Table(table)) => {
                limits.default = reading.table(&Scope::Default, table);
            }
            ("account", DeValue::Table(tables)) => {
                for (scope, table) in reading.tables(tables, Scope::Account) {
                    limits.accounts.insert(scope, table);
                }
            }
            ("caller", DeValue::Table(tables)) => {
                for (scope, table) in reading.tables(tables, Scope::Caller) {
                    limits.callers.insert(scope, table);
                }
            }
            ("end", DeValue::Table(table)) if table.is_empty() => {}
            ("end", _) => reading.problem(from, "[end] must be empty"),
            (_, _) => reading.problem(
                from,
                format!("{key} is no table of a limits file: use [default], [account.NAME], [caller.NAME] and [end]"),
            ),
        }
    }
    if last.is_none_or(|(_, key)| key != "end") {
        let unfinished =
            "the last table must be an empty [end]: without it the file may not be whole";
        reading.problems.push((usize::MAX, unfinished.to_owned()));
    }
    reading.problems.sort();
    match reading.problems {
        problems if problems.is_empty() => Ok(limits),
        problems => Err(LimitsFileError(
            problems.into_iter().map(|(_, problem)| problem).collect(),
        )),
    }
}

/// Where the last key below a value stands. The span of a table is that of its header alone.
fn ends_at(value: &Spanned<DeValue<'_>>) -> usize {
    let own = value.span().end;
    match value.get_ref() {
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| ends_at(value).max(key.span().end))
            .fold(own, usize::max),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => own,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

struct Reading<'a> {
    text: &'a str,
    /// Each with its line.
    problems: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn problem(&mut self, offset: usize, message: impl fmt::Display) {
        let line = line_of(self.text, offset);
        self.problems
            .push((line, format!("line {line}: {message}")));
    }

    fn tables(&mut self, tables: &DeTable<'_>, scope: fn(String) -> Scope) -> Vec<(String, Table)> {
        let mut found = Vec::new();
        for (name, value) in tables {
            let key = name.get_ref().to_string();
            let scope = scope(key.clone());
            match value.get_ref() {
                DeValue::Table(table) => found.push((key, self.table(&scope, table))),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => self.problem(
                    name.span().start,
                    format!("{scope} must be a table with rules"),
                ),
            }
        }
        found
    }

    fn table(&mut self, scope: &Scope, rules: &DeTable<'_>) -> Table {
        let mut table = Table::default();
        for (name, value) in rules {
            let (key, at) = (name.get_ref().as_ref(), name.span().start);
            if key == "trust_reference_price" && !matches!(scope, Scope::Caller(_)) {
                match value.get_ref().as_bool() {
                    Some(trusted) => table.trust_reference_price = trusted,
                    None => self.problem(at, format!("{key} must be true or false")),
                }
                continue;
            }
            let (word, rules) = match key.strip_prefix("warn_") {
                Some(word) => (word, &mut table.warn),
                None => (key, &mut table.refuse),
            };
            let Ok(rule) = word.parse::<Rule>() else {
                self.problem(at, format!("{key} is no rule"));
                continue;
            };
            if matches!(scope, Scope::Caller(_)) && !CALLER_RULES.contains(&rule) {
                let known: Vec<_> = CALLER_RULES.iter().map(|rule| rule.as_str()).collect();
                self.problem(
                    at,
                    format!(
                        "a caller's table may have {} only, not {key}",
                        known.join(", ")
                    ),
                );
                continue;
            }
            if let Err(wanted) = set(rules, rule, value.get_ref()) {
                self.problem(at, format!("{key} must be {wanted}"));
            }
        }
        table
    }
}

/// Sets a rule, or says what its value should have been.
fn set(rules: &mut Rules, rule: Rule, value: &DeValue<'_>) -> Result<(), &'static str> {
    const NUMBER: &str = "a number that is not negative, in digits";
    const COUNT: &str = "a whole number that is not negative";
    let number = || amount(value).ok_or(NUMBER);
    let count = || whole(value).ok_or(COUNT);
    match rule {
        Rule::MaxOrderQuantity => rules.max_order_quantity = Some(Shares::of(number()?.value())),
        Rule::MaxOrderNotional => rules.max_order_notional = Some(Cents::of(number()?.value())),
        Rule::MaxOpenOrders => rules.max_open_orders = Some(count()?),
        Rule::MaxOrdersPerMinute => {
            let most = count()?;
            if most as usize > INSTRUCTIONS_KEPT_MAX {
                return Err("at most 100000");
            }
            rules.max_orders_per_minute = Some(most);
        }
        Rule::MaxDailyNotional => rules.max_daily_notional = Some(Cents::of(number()?.value())),
        Rule::MaxPosition => rules.max_position = Some(Shares::of(number()?.value())),
        Rule::AllowedSymbols => rules.allowed_symbols = Some(symbols(value)?),
        Rule::DeniedSymbols => rules.denied_symbols = Some(symbols(value)?),
        Rule::MaxPriceDeviationPercent => {
            rules.max_price_deviation_percent = Some(number()?.value());
        }
        Rule::DuplicateWindowSeconds => {
            let seconds = count()?;
            if seconds == 0 {
                return Err("at least 1; leave it out to allow duplicates");
            }
            rules.duplicate_window_seconds = Some(seconds);
        }
        Rule::SelfTrade => {
            rules.refuse_self_trade = match value.as_str() {
                Some("refuse") => true,
                Some("allow") => false,
                Some(_) | None => return Err("\"refuse\" or \"allow\""),
            };
        }
        Rule::MaxConsecutiveRejections => {
            let most = count()?;
            if most == 0 {
                return Err("at least 1; leave it out to allow any number");
            }
            rules.max_consecutive_rejections = Some(most);
        }
        Rule::MaxDailyLoss => rules.max_daily_loss = Some(Cents::of(number()?.value())),
    }
    Ok(())
}

/// A number, or a text of one, read from its digits and never through a double.
fn amount(value: &DeValue<'_>) -> Option<Amount> {
    let text = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        DeValue::String(text) => text,
        DeValue::Integer(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => return None,
    };
    Amount::parse(text)
        .ok()
        .filter(|amount| amount.is_positive() || amount.is_zero())
}

fn whole(value: &DeValue<'_>) -> Option<u32> {
    amount(value)?.to_string().parse().ok()
}

fn symbols(value: &DeValue<'_>) -> Result<BTreeSet<String>, &'static str> {
    const WANTED: &str = "a list of symbols in capitals, for example [\"AAPL\", \"MSFT\"]";
    let symbol = |value: &Spanned<DeValue<'_>>| {
        let text = value.get_ref().as_str()?;
        let plain = !text.is_empty() && text == text.trim() && text == text.to_uppercase();
        plain.then(|| text.to_owned())
    };
    value
        .as_array()
        .and_then(|list| list.iter().map(symbol).collect())
        .ok_or(WANTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
# What may go through this gateway.
[default]
max_order_quantity = 1_000
max_order_notional = 250000.50
max_open_orders = 20
max_orders_per_minute = 60
max_daily_notional = "1000000"
max_position = 5000
denied_symbols = ["GME"]
max_price_deviation_percent = 5
duplicate_window_seconds = 10
self_trade = "refuse"
max_consecutive_rejections = 5
max_daily_loss = 10000
trust_reference_price = true
warn_max_order_quantity = 500

[account.DU1]
self_trade = "allow"
max_position = 100

[caller."algo-1"]
max_orders_per_minute = 10
allowed_symbols = ["AAPL", "BRK B"]

[end]
"#;

    fn problems(text: &str) -> Vec<String> {
        parse_limits(text)
            .err()
            .map(|error| error.0)
            .unwrap_or_default()
    }

    #[test]
    fn every_rule_of_every_table_is_read() {
        let limits = parse_limits(WHOLE).unwrap();
        let values = |rules: &Rules| {
            let set = rules.set();
            let values = set.map(|rule| (rule.as_str(), rules.value(rule).unwrap()));
            values
                .map(|(rule, value)| format!("{rule}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            values(&limits.default.refuse),
            [
                "max_order_quantity=1000",
                "max_order_notional=250000.5",
                "max_open_orders=20",
                "max_orders_per_minute=60",
                "max_daily_notional=1000000",
                "max_position=5000",
                "denied_symbols=GME",
                "max_price_deviation_percent=5",
                "duplicate_window_seconds=10",
                "self_trade=refuse",
                "max_consecutive_rejections=5",
                "max_daily_loss=10000",
            ]
        );
        assert!(limits.default.trust_reference_price);
        assert_eq!(values(&limits.default.warn), ["max_order_quantity=500"]);
        assert_eq!(values(&limits.accounts["DU1"].refuse), ["max_position=100"]);
        assert_eq!(
            values(&limits.callers["algo-1"].refuse),
            ["max_orders_per_minute=10", "allowed_symbols=AAPL, BRK B"]
        );
        let digest: [u8; 32] = Sha256::digest(WHOLE).into();
        assert_eq!(limits.hash, Some(digest));
        assert_eq!(limits.hash_text().map(|text| text.len()), Some(64));
    }

    #[test]
    fn a_file_that_was_cut_anywhere_is_refused() {
        let whole = parse_limits(WHOLE).unwrap();
        for cut in 0..WHOLE.trim_end().len() {
            assert!(parse_limits(&WHOLE[..cut]).is_err(), "cut at {cut}");
        }
        let trimmed = parse_limits(WHOLE.trim_end()).unwrap();
        assert_eq!(
            (trimmed.default, trimmed.accounts),
            (whole.default, whole.accounts)
        );
    }

    #[test]
    fn end_must_be_the_last_table_and_empty() {
        let last = "the last table must be an empty [end]: without it the file may not be whole";
        assert_eq!(problems(""), [last]);
        assert_eq!(problems("[end]\n[default]\nmax_open_orders = 1\n"), [last]);
        assert_eq!(problems("[end]\n[account.DU1]\n"), [last]);
        assert_eq!(
            problems("[default]\n[end]\nmax_open_orders = 1\n"),
            ["line 2: [end] must be empty"]
        );
        assert_eq!(problems("[end]\n# nothing more\n"), Vec::<String>::new());
    }

    #[test]
    fn everything_wrong_is_named_at_once_with_its_line() {
        let text = r#"
[default]
max_order_quantity = -1
max_order_notional = 1e6
max_open_orders = 1.5
max_orders_per_minute = 100001
allowed_symbols = ["aapl"]
self_trade = true
max_positon = 5
duplicate_window_seconds = 0
trust_reference_price = "yes"
max_daily_notional = 0x10
[account]
DU1 = 5
[caller.algo]
max_position = 5
trust_reference_price = true
[limits]
[end]
"#;
        assert_eq!(
            problems(text),
            [
                "line 3: max_order_quantity must be a number that is not negative, in digits",
                "line 4: max_order_notional must be a number that is not negative, in digits",
                "line 5: max_open_orders must be a whole number that is not negative",
                "line 6: max_orders_per_minute must be at most 100000",
                "line 7: allowed_symbols must be a list of symbols in capitals, for example [\"AAPL\", \"MSFT\"]",
                "line 8: self_trade must be \"refuse\" or \"allow\"",
                "line 9: max_positon is no rule",
                "line 10: duplicate_window_seconds must be at least 1; leave it out to allow duplicates",
                "line 11: trust_reference_price must be true or false",
                "line 12: max_daily_notional must be a number that is not negative, in digits",
                "line 14: account.DU1 must be a table with rules",
                "line 16: a caller's table may have max_order_quantity, max_order_notional, max_orders_per_minute, allowed_symbols only, not max_position",
                "line 17: trust_reference_price is no rule",
                "line 18: limits is no table of a limits file: use [default], [account.NAME], [caller.NAME] and [end]",
            ]
        );
    }

    #[test]
    fn what_is_no_toml_names_its_line() {
        let found = problems("[default]\nmax_open_orders = \n[end]\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("line 2: "), "{found:?}");
        assert!(
            problems("[default]\nmax_open_orders = 1\nmax_open_orders = 2\n[end]\n")[0]
                .starts_with("line 3: ")
        );
    }
}
