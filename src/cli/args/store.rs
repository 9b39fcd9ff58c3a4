//! The arguments of commands that work on the store alone.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::SettingsArgs;
use crate::cli::values;
use crate::domain::Timestamp;

/// `export`
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// Which table
    #[arg(long, value_enum)]
    pub(in crate::cli) what: ExportWhat,
    /// Only what happened at this time or later; RFC 3339, for example 2026-11-22T09:30:00-05:00
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(in crate::cli) since: Option<Timestamp>,
    /// Only what happened before this time
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(in crate::cli) until: Option<Timestamp>,
    /// How a row is written
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) format: ExportFormat,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ExportWhat {
    /// Every order as it now is, by its id; its time is when it was placed
    Orders,
    /// Every execution in the order in which it was stored; its time is TWS's
    Executions,
    /// Everything that happened, by its sequence; its time is that of the order's update, or of the execution
    Events,
    /// What callers instructed, in the order in which it was stored; its time is when that was
    Instructions,
    /// Who was refused what, halts, other limits, logins, previews; its time is when it happened
    Audit,
}

/// How `export` writes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// One JSON object a line
    #[default]
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

/// `backup`
#[derive(Debug, Args)]
pub(in crate::cli) struct BackupArgs {
    /// The file to make; one that exists is left as it is
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// `prune`
#[derive(Debug, Args)]
pub(in crate::cli) struct PruneArgs {
    /// Orders that ended before this time; RFC 3339, for example 2026-01-01T00:00:00-05:00
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(in crate::cli) before: Timestamp,
    /// The file that they go to, a store of its own; one that exists is left as it is
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) archive: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// `accounts`
#[derive(Debug, Args)]
pub(in crate::cli) struct AccountsArgs {
    /// Pin these accounts, with commas between; with none, those of the next login
    #[arg(long, value_name = "ACCOUNTS", num_args = 0..=1, default_missing_value = "", value_delimiter = ',')]
    pub(in crate::cli) pin: Option<Vec<String>>,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// Which store, for a command that needs nothing else.
#[derive(Debug, Args)]
pub(in crate::cli) struct StoreArgs {
    /// The store of the built-in simulator (data/simulator.db)
    #[arg(long)]
    pub(in crate::cli) simulate: bool,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}
