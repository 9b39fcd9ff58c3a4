//! The arguments of commands that read or follow.

use clap::{ArgGroup, Args};

use super::shared::{DoorArgs, Format, KeyArgs, SettingsArgs, TimeoutArg};
use crate::cli::values;
use crate::domain::Status;

/// `watch`
#[derive(Debug, Args)]
pub(in crate::cli) struct WatchArgs {
    #[command(flatten)]
    pub(in crate::cli) order: WatchedArgs,
    /// Of an order of a bracket: show every order of the bracket, until all of them have ended
    #[arg(long)]
    pub(in crate::cli) with_family: bool,
    /// Print one line per update as it happens, and the outcome last
    #[arg(long)]
    pub(in crate::cli) stream: bool,
    /// Longest silence before a heartbeat
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::wait)]
    pub(in crate::cli) poll_interval: f64,
    /// Watch for this long at most [default: until the order ends]
    #[arg(long, value_name = "SECONDS", value_parser = values::wait)]
    pub(in crate::cli) max_wait: Option<f64>,
    /// Resume: show what followed this sequence; 0 starts with the current state
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub(in crate::cli) after_sequence: u64,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `get`
#[derive(Debug, Args)]
pub(in crate::cli) struct GetArgs {
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `list`
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only orders with this status; may be given several times or as a list with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = values::status)]
    pub(in crate::cli) status: Vec<Status>,
    /// Only orders of this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(in crate::cli) symbol: Option<String>,
    /// Only the orders of the bracket whose entry has this order id
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    pub(in crate::cli) bracket_id: Option<i32>,
    /// Orders per page at most; more than 1000 counts as 1000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..))]
    pub(in crate::cli) page_size: i32,
    /// `next_page_token` of the page before
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) page_token: String,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `positions`
#[derive(Debug, Args)]
pub(in crate::cli) struct PositionsArgs {
    /// Only of this account [default: every account of the login]
    #[arg(long, value_name = "ACCOUNT")]
    pub(in crate::cli) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `account`
#[derive(Debug, Args)]
pub(in crate::cli) struct AccountArgs {
    /// Which account [default: IB_ACCOUNT, else the login's only one]
    #[arg(long, value_name = "ACCOUNT")]
    pub(in crate::cli) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `top`
#[derive(Debug, Args)]
pub(in crate::cli) struct TopArgs {
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// What to watch: exactly one of the two.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("watched").required(true))]
pub(in crate::cli) struct WatchedArgs {
    /// The order's id; 0 watches every order and does not end
    #[arg(long, value_name = "N", group = "watched", value_parser = clap::value_parser!(i32).range(0..))]
    pub(in crate::cli) order_id: Option<i32>,
    /// The request id it was placed under
    #[arg(long, value_name = "ID", group = "watched")]
    pub(in crate::cli) placed_as: Option<String>,
}
