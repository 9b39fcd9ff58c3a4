//! The built program as an operator runs it: `serve --simulate` as a process, signals, exit codes, log lines.

#![allow(clippy::unwrap_used)]

mod begin;
mod end;
mod process;
mod records;
mod tokens;
