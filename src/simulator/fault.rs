//! What can be made to go wrong, and how it is written on a command line.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

use super::OddRow;

/// A fault. "The n-th order" counts the placeOrder messages that arrive after the fault was set, from 1, staged and
/// modifying ones included. Each such fault happens once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `drop-before-order=N`: the n-th order is not read; its connection is closed.
    DropBeforeOrder(u32),
    /// `drop-after-order=N`: the n-th order is processed, and its connection is closed before any answer to it.
    DropAfterOrder(u32),
    /// `mute-after-order=N`: the n-th order is processed, and from then on nothing is sent to anyone.
    MuteAfterOrder(u32),
    /// `mute`: requests are processed and nothing is sent, not even the version.
    Mute,
    /// `slow=200ms`: everything that is sent waits this long.
    Slow(Duration),
    /// `refuse`: new connections are accepted and closed at once.
    Refuse,
    /// `half-frame-after-order=N`: half of the first answer to the n-th order, then the connection is closed.
    HalfFrameAfterOrder(u32),
    /// `garbage-after-order=N`: after the answers to the n-th order, a frame whose body is not protobuf.
    GarbageAfterOrder(u32),
    /// `bad-length-after-order=N`: after the answers to the n-th order, a frame length of 4 GiB.
    BadLengthAfterOrder(u32),
    /// `duplicate`: every report on an order is sent twice.
    Duplicate,
    /// `reorder`: the reports that one request causes are sent in reverse.
    Reorder,
    /// `lose-statuses`: no live orderStatus is sent; answers to queries are whole.
    LoseStatuses,
    /// `lose-open-orders`: no live openOrder is sent; answers to queries are whole.
    LoseOpenOrders,
    /// `lose-executions`: no live execution and no commission report is sent; answers to queries are whole.
    LoseExecutions,
    /// `lose-executions-end`: answers to queries for executions are whole but for their end mark, as was seen of IB Gateway.
    LoseExecutionsEnd,
    /// `unanswered=open-orders`, `unanswered=completed-orders` or `unanswered=executions`: such queries get no answer.
    Unanswered(Query),
    /// `odd-row=KIND`: answers about everybody's open orders, completed orders and executions have one more row, of another
    /// client, that is hard to read.
    OddRow(OddRow),
    /// `ib-lost-after-order=N` or `ib-lost-after-order=N:500ms`: after the n-th order TWS loses IB (1100), and has it
    /// back (1102) after the time, when one is given.
    IbLostAfterOrder(u32, Option<Duration>),
    /// `ib-data-lost-after-order=N:500ms`: the same, but the return is a 1101.
    IbDataLostAfterOrder(u32, Duration),
    /// `rollback-ids=N`: at the next login the next valid id is N lower, once.
    RollbackIds(u32),
    /// `restart-after-order=N`: after the n-th order TWS restarts: connections close, staged orders are gone.
    RestartAfterOrder(u32),
    /// `reject-order=N`: the n-th order ends Inactive with 201.
    RejectOrder(u32),
    /// `held-for-locate=N`: the n-th order is held with 404 and whyHeld "locate".
    HeldForLocate(u32),
    /// `size-reduced=N`: the n-th order is taken, and then reduced (481) to seven tenths of its size.
    SizeReduced(u32),
    /// `preview-becomes-order=N`: the n-th order, when it is a preview, is answered, and then works.
    PreviewBecomesOrder(u32),
}

/// A query that can stay unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Query {
    /// reqOpenOrders and reqAllOpenOrders.
    OpenOrders,
    /// reqCompletedOrders.
    CompletedOrders,
    /// reqExecutions.
    Executions,
    /// reqPositions and reqPositionsMulti.
    Positions,
    /// reqAccountUpdates and reqAccountUpdatesMulti.
    AccountUpdates,
    /// reqAccountSummary.
    AccountSummary,
}

impl Query {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("open-orders", Self::OpenOrders),
        ("completed-orders", Self::CompletedOrders),
        ("executions", Self::Executions),
        ("positions", Self::Positions),
        ("account-updates", Self::AccountUpdates),
        ("account-summary", Self::AccountSummary),
    ];
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, query)| query == self);
        f.write_str(word.map_or("", |(word, _)| word))
    }
}

/// A fault's text could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown fault {text:?}: {hint}")]
pub struct FaultError {
    text: String,
    hint: String,
}

/// One way of writing each fault, for help texts and error messages.
pub const FAULT_FORMS: &[&str] = &[
    "drop-before-order=N",
    "drop-after-order=N",
    "mute-after-order=N",
    "mute",
    "slow=200ms",
    "refuse",
    "half-frame-after-order=N",
    "garbage-after-order=N",
    "bad-length-after-order=N",
    "duplicate",
    "reorder",
    "lose-statuses",
    "lose-open-orders",
    "lose-executions",
    "lose-executions-end",
    "unanswered=completed-orders",
    "odd-row=no-state",
    "ib-lost-after-order=N[:500ms]",
    "ib-data-lost-after-order=N:500ms",
    "rollback-ids=N",
    "restart-after-order=N",
    "reject-order=N",
    "held-for-locate=N",
    "size-reduced=N",
    "preview-becomes-order=N",
];

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |hint: &str| FaultError {
            text: text.to_owned(),
            hint: hint.to_owned(),
        };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let number = || -> Result<u32, FaultError> {
            let read = value.and_then(|value| value.parse().ok());
            read.filter(|&n| n > 0)
                .ok_or_else(|| fail("write it as NAME=N with a whole number from 1"))
        };
        let duration = |value: Option<&str>| {
            value
                .and_then(parse_duration)
                .ok_or_else(|| fail("write the time as 200ms, 2s or 1m"))
        };
        let number_and_time = || -> Result<(u32, Option<Duration>), FaultError> {
            let value = value.unwrap_or_default();
            let (number, time) = match value.split_once(':') {
                Some((number, time)) => (number, Some(duration(Some(time))?)),
                None => (value, None),
            };
            let number = number.parse().ok().filter(|&n| n > 0);
            Ok((
                number.ok_or_else(|| fail("write it as NAME=N or NAME=N:500ms"))?,
                time,
            ))
        };
        let alone = |fault: Self| match value {
            None => Ok(fault),
            Some(_) => Err(fail("it takes no value")),
        };
        match name {
            "drop-before-order" => number().map(Self::DropBeforeOrder),
            "drop-after-order" => number().map(Self::DropAfterOrder),
            "mute-after-order" => number().map(Self::MuteAfterOrder),
            "mute" => alone(Self::Mute),
            "slow" => duration(value).map(Self::Slow),
            "refuse" => alone(Self::Refuse),
            "half-frame-after-order" => number().map(Self::HalfFrameAfterOrder),
            "garbage-after-order" => number().map(Self::GarbageAfterOrder),
            "bad-length-after-order" => number().map(Self::BadLengthAfterOrder),
            "duplicate" => alone(Self::Duplicate),
            "reorder" => alone(Self::Reorder),
            "lose-statuses" => alone(Self::LoseStatuses),
            "lose-open-orders" => alone(Self::LoseOpenOrders),
            "lose-executions" => alone(Self::LoseExecutions),
            "lose-executions-end" => alone(Self::LoseExecutionsEnd),
            "ib-lost-after-order" => {
                number_and_time().map(|(n, time)| Self::IbLostAfterOrder(n, time))
            }
            "ib-data-lost-after-order" => {
                let (number, time) = number_and_time()?;
                let time = time.ok_or_else(|| fail("say when IB is back, as NAME=N:500ms"))?;
                Ok(Self::IbDataLostAfterOrder(number, time))
            }
            "unanswered" => {
                let word = value.unwrap_or_default();
                let found = Query::WORDS.iter().find(|(known, _)| *known == word);
                found
                    .map(|(_, query)| Self::Unanswered(*query))
                    .ok_or_else(|| {
                        fail(&format!(
                            "write it as NAME=QUERY, with one of {}",
                            words(Query::WORDS)
                        ))
                    })
            }
            "odd-row" => value
                .unwrap_or_default()
                .parse()
                .map(Self::OddRow)
                .map_err(|()| {
                    fail(&format!(
                        "write it as NAME=KIND, with one of {}",
                        words(OddRow::WORDS)
                    ))
                }),
            "rollback-ids" => number().map(Self::RollbackIds),
            "restart-after-order" => number().map(Self::RestartAfterOrder),
            "reject-order" => number().map(Self::RejectOrder),
            "held-for-locate" => number().map(Self::HeldForLocate),
            "size-reduced" => number().map(Self::SizeReduced),
            "preview-becomes-order" => number().map(Self::PreviewBecomesOrder),
            _ => Err(fail(&format!("known are {}", FAULT_FORMS.join(", ")))),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DropBeforeOrder(n) => write!(f, "drop-before-order={n}"),
            Self::DropAfterOrder(n) => write!(f, "drop-after-order={n}"),
            Self::MuteAfterOrder(n) => write!(f, "mute-after-order={n}"),
            Self::Mute => f.write_str("mute"),
            Self::Slow(time) => write!(f, "slow={}ms", time.as_millis()),
            Self::Refuse => f.write_str("refuse"),
            Self::HalfFrameAfterOrder(n) => write!(f, "half-frame-after-order={n}"),
            Self::GarbageAfterOrder(n) => write!(f, "garbage-after-order={n}"),
            Self::BadLengthAfterOrder(n) => write!(f, "bad-length-after-order={n}"),
            Self::Duplicate => f.write_str("duplicate"),
            Self::Reorder => f.write_str("reorder"),
            Self::LoseStatuses => f.write_str("lose-statuses"),
            Self::LoseOpenOrders => f.write_str("lose-open-orders"),
            Self::LoseExecutions => f.write_str("lose-executions"),
            Self::LoseExecutionsEnd => f.write_str("lose-executions-end"),
            Self::Unanswered(query) => write!(f, "unanswered={query}"),
            Self::OddRow(kind) => write!(f, "odd-row={kind}"),
            Self::IbLostAfterOrder(n, None) => write!(f, "ib-lost-after-order={n}"),
            Self::IbLostAfterOrder(n, Some(time)) => {
                write!(f, "ib-lost-after-order={n}:{}ms", time.as_millis())
            }
            Self::IbDataLostAfterOrder(n, time) => {
                write!(f, "ib-data-lost-after-order={n}:{}ms", time.as_millis())
            }
            Self::RollbackIds(n) => write!(f, "rollback-ids={n}"),
            Self::RestartAfterOrder(n) => write!(f, "restart-after-order={n}"),
            Self::RejectOrder(n) => write!(f, "reject-order={n}"),
            Self::HeldForLocate(n) => write!(f, "held-for-locate={n}"),
            Self::SizeReduced(n) => write!(f, "size-reduced={n}"),
            Self::PreviewBecomesOrder(n) => write!(f, "preview-becomes-order={n}"),
        }
    }
}

fn words<T>(values: &[(&str, T)]) -> String {
    let words: Vec<&str> = values.iter().map(|(word, _)| *word).collect();
    words.join(", ")
}

fn parse_duration(text: &str) -> Option<Duration> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    match &text[digits..] {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_help_text_is_read_and_written_back() {
        for form in FAULT_FORMS {
            let text = form.replace("[:500ms]", ":500ms").replace('N', "3");
            let fault: Fault = text.parse().unwrap();
            assert_eq!(fault.to_string(), text);
        }
        let lost: Fault = "ib-lost-after-order=2".parse().unwrap();
        assert_eq!(lost, Fault::IbLostAfterOrder(2, None));
        assert_eq!(lost.to_string(), "ib-lost-after-order=2");
    }

    #[test]
    fn a_wrong_text_is_refused_with_what_to_write_instead() {
        for text in [
            "",
            "drop",
            "drop-after-order",
            "drop-after-order=0",
            "drop-after-order=x",
            "slow=5",
            "mute=1",
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(
                error.contains("unknown fault") && error.len() > 30,
                "{error}"
            );
        }
    }
}
