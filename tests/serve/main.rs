//! The built program as an operator runs it: `serve --simulate` as a process, signals, exit codes, log lines.

#![allow(clippy::unwrap_used)]

mod begin;
mod end;
mod records;
mod tokens;
#[cfg(feature = "otlp")]
mod traces;

use test_support::process::served as process;
