//! The arguments of commands about limits and halts.

use clap::Args;

use super::shared::{DoorArgs, Format, SettingsArgs, TimeoutArg};
use crate::cli::values;
use crate::domain::Action;

/// `limits`
#[derive(Debug, Args)]
pub(in crate::cli) struct LimitsArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `halt`
#[derive(Debug, Args)]
pub(in crate::cli) struct HaltArgs {
    /// Why, for people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) reason: String,
    /// Only the orders of this caller
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) caller: Option<String>,
    /// Only orders for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(in crate::cli) account: Option<String>,
    /// Cancel what is open too; the exits of positions stay
    #[arg(long)]
    pub(in crate::cli) cancel_open: bool,
    /// Cancel the exits of positions as well
    #[arg(long, requires = "cancel_open")]
    pub(in crate::cli) include_protective: bool,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `resume`
#[derive(Debug, Args)]
pub(in crate::cli) struct ResumeArgs {
    /// Only the halts of this caller
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) caller: Option<String>,
    /// Only the halts for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(in crate::cli) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `cancel-all`
#[derive(Debug, Args)]
pub(in crate::cli) struct CancelAllArgs {
    /// Only for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(in crate::cli) account: Option<String>,
    /// Only in this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(in crate::cli) symbol: Option<String>,
    /// Only of this side: BUY or SELL
    #[arg(long, value_name = "SIDE", value_parser = values::action)]
    pub(in crate::cli) action: Option<Action>,
    /// The exits of positions as well
    #[arg(long)]
    pub(in crate::cli) include_protective: bool,
    /// Orders of this client id that TWS works and the store does not know as well
    #[arg(long)]
    pub(in crate::cli) unknown_orders: bool,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(in crate::cli) output: Format,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}
