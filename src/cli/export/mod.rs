//! `export`: whole tables of the store, in the order in which they grew, to standard output.

mod csv;
mod rows;

use std::path::Path;

use serde_json::Value;

use super::args::{ExportArgs, ExportFormat, ExportWhat};
use super::checked::Local;
use super::exit::Exit;
use super::output::Output;
use super::stderr;
use crate::domain::Timestamp;
use crate::store::{Reader, StoreError};
use rows::Row;

/// Rows read at once. The next page is read while this one is written.
const PAGE_ROWS: usize = 2_048;

pub(super) async fn export(args: ExportArgs, local: Local, output: &mut Output) -> Exit {
    let ExportArgs {
        what,
        since,
        until,
        format,
        store: _,
    } = args;
    let span = Span { since, until };
    match write(&local.config.order_db_path, what, span, format, output).await {
        Ok(()) => Exit::Success,
        Err(error) => {
            stderr::say(error);
            Exit::Failed
        }
    }
}

/// What is exported: from `since` on, before `until`.
#[derive(Debug, Clone, Copy)]
struct Span {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Span {
    /// Whether a time lies within. A row whose time nobody knows always does: it must not get lost.
    fn has(self, time: Option<Timestamp>) -> bool {
        time.is_none_or(|time| {
            self.since.is_none_or(|since| since <= time)
                && self.until.is_none_or(|until| time < until)
        })
    }
}

async fn write(
    path: &Path,
    what: ExportWhat,
    span: Span,
    format: ExportFormat,
    output: &mut Output,
) -> Result<(), StoreError> {
    let reader = Reader::open(path).await?;
    let columns = rows::columns(what);
    if format == ExportFormat::Csv {
        output.bytes(&csv::header(&columns));
    }
    let mut next = read(reader.clone(), what, rows::START);
    loop {
        let page = next
            .await
            .map_err(|error| StoreError::Panicked(error.to_string()))??;
        let Some(last) = page.last().map(|row| row.cursor) else {
            return Ok(());
        };
        next = read(reader.clone(), what, last);
        let mut text = Vec::new();
        for Row {
            cursor: _,
            time,
            document,
        } in page
        {
            if span.has(time) {
                line(&mut text, &document, format, &columns)?;
            }
        }
        output.bytes(&text);
        if output.is_closed() || output.failure().is_some() {
            // What went wrong is said when the process ends.
            return Ok(());
        }
    }
}

fn read(
    reader: Reader,
    what: ExportWhat,
    after: i64,
) -> tokio::task::JoinHandle<Result<Vec<Row>, StoreError>> {
    tokio::spawn(async move { rows::after(&reader, what, after, PAGE_ROWS).await })
}

fn line(
    text: &mut Vec<u8>,
    document: &rows::Document,
    format: ExportFormat,
    columns: &[rows::Column],
) -> Result<(), StoreError> {
    let failed = |error: serde_json::Error| StoreError::Damaged(error.to_string());
    match format {
        ExportFormat::Jsonl => {
            serde_json::to_writer(&mut *text, document).map_err(failed)?;
            text.push(b'\n');
        }
        ExportFormat::Csv => {
            let value: Value = serde_json::to_value(document).map_err(failed)?;
            csv::line(text, &value, columns);
        }
    }
    Ok(())
}
