//! The command line as it is typed. What the words mean together is decided in `checked`.

mod orders;
mod reads;
mod risk;
mod shared;
mod store;

use clap::{Parser, Subcommand};

use super::help;
use super::serve::ServeArgs;
use super::simulate::SimulateArgs;
pub(super) use orders::{
    BracketArgs, CancelArgs, DocumentArgs, HealthArgs, OrderArgs, PlaceArgs, PreviewArgs,
    ReplaceArgs, TransmitArgs, ValidateArgs,
};
pub(super) use reads::{
    AccountArgs, GetArgs, ListArgs, PositionsArgs, TopArgs, WatchArgs, WatchedArgs,
};
pub(super) use risk::{CancelAllArgs, HaltArgs, LimitsArgs, ResumeArgs};
pub(super) use shared::{DoorArgs, Format, KeyArgs, SettingsArgs};
pub(super) use store::{
    AccountsArgs, BackupArgs, ExportArgs, ExportFormat, ExportWhat, PruneArgs, StoreArgs,
};

/// Everything on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "ibkr-orders",
    version,
    about = "Order gateway for Interactive Brokers: places, watches and cancels orders at one TWS login",
    long_about = help::ABOUT,
    after_long_help = help::AFTER,
    max_term_width = 100,
    disable_help_subcommand = true
)]
pub(super) struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

/// One command.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether orders can be placed now
    #[command(after_long_help = help::HEALTH)]
    Health(HealthArgs),
    /// Check an order without TWS and without storing anything
    #[command(after_long_help = help::VALIDATE)]
    Validate(ValidateArgs),
    /// Store an order, send it to TWS and print the first thing TWS says about it
    #[command(after_long_help = help::PLACE)]
    Place(PlaceArgs),
    /// Place an entry with a take profit, a stop loss or both: all of them or none
    #[command(after_long_help = help::BRACKET)]
    Bracket(BracketArgs),
    /// Follow an order until it ends
    #[command(after_long_help = help::WATCH)]
    Watch(WatchArgs),
    /// Release a staged order
    #[command(after_long_help = help::TRANSMIT)]
    Transmit(TransmitArgs),
    /// Cancel an order
    #[command(after_long_help = help::CANCEL)]
    Cancel(CancelArgs),
    /// Change the terms of an order that TWS has
    #[command(after_long_help = help::REPLACE)]
    Replace(ReplaceArgs),
    /// Show what TWS would make of an order, with nothing placed: margins, commission, warnings
    #[command(after_long_help = help::PREVIEW)]
    Preview(PreviewArgs),
    /// Print one stored order and its fills
    #[command(after_long_help = help::GET)]
    Get(GetArgs),
    /// Print stored orders, newest first
    #[command(after_long_help = help::LIST)]
    List(ListArgs),
    /// Print positions as TWS says them
    #[command(after_long_help = help::POSITIONS)]
    Positions(PositionsArgs),
    /// Print the values of an account as TWS says them: net liquidation, cash, buying power, margins
    #[command(after_long_help = help::ACCOUNT)]
    Account(AccountArgs),
    /// Print the limits in force, what is left of them, and the halts
    #[command(after_long_help = help::LIMITS)]
    Limits(LimitsArgs),
    /// Stop new orders at once; cancels go
    #[command(after_long_help = help::HALT)]
    Halt(HaltArgs),
    /// Take new orders again
    #[command(after_long_help = help::RESUME)]
    Resume(ResumeArgs),
    /// Cancel open orders, one by one; the exits of positions stay
    #[command(after_long_help = help::CANCEL_ALL)]
    CancelAll(CancelAllArgs),
    /// Show a running gateway in the terminal: open orders and links as they change, and a key that cancels
    #[command(after_long_help = help::TOP)]
    Top(TopArgs),
    /// Write a whole table of the store to standard output, beside a running gateway or without one
    #[command(after_long_help = help::EXPORT)]
    Export(ExportArgs),
    /// Copy the store to a file, beside a running gateway or without one
    #[command(after_long_help = help::BACKUP)]
    Backup(BackupArgs),
    /// Take orders that ended before a time out of the store, into an archive
    #[command(after_long_help = help::PRUNE)]
    Prune(PruneArgs),
    /// Print the accounts that the store belongs to, or pin them anew
    #[command(after_long_help = help::ACCOUNTS)]
    Accounts(AccountsArgs),
    /// Serve the gateway over gRPC until SIGTERM
    #[command(after_long_help = help::SERVE)]
    Serve(ServeArgs),
    /// Run the simulator of TWS until SIGTERM
    #[command(after_long_help = help::SIMULATE)]
    Simulate(SimulateArgs),
    /// Print a completion script for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page in roff
    #[command(after_long_help = help::MAN)]
    Man,
}

impl Command {
    /// The arguments of every command that asks something of a gateway.
    pub(super) fn common(&self) -> Option<(&DoorArgs, &SettingsArgs)> {
        match self {
            Self::Health(HealthArgs { door, settings, .. })
            | Self::Validate(ValidateArgs { door, settings, .. })
            | Self::Place(PlaceArgs { door, settings, .. })
            | Self::Bracket(BracketArgs { door, settings, .. })
            | Self::Watch(WatchArgs { door, settings, .. })
            | Self::Transmit(TransmitArgs { door, settings, .. })
            | Self::Cancel(CancelArgs { door, settings, .. })
            | Self::Replace(ReplaceArgs { door, settings, .. })
            | Self::Preview(PreviewArgs { door, settings, .. })
            | Self::Get(GetArgs { door, settings, .. })
            | Self::List(ListArgs { door, settings, .. })
            | Self::Limits(LimitsArgs { door, settings, .. })
            | Self::Halt(HaltArgs { door, settings, .. })
            | Self::Resume(ResumeArgs { door, settings, .. })
            | Self::CancelAll(CancelAllArgs { door, settings, .. })
            | Self::Positions(PositionsArgs { door, settings, .. })
            | Self::Account(AccountArgs { door, settings, .. })
            | Self::Top(TopArgs { door, settings }) => Some((door, settings)),
            Self::Export(_)
            | Self::Backup(_)
            | Self::Prune(_)
            | Self::Accounts(_)
            | Self::Serve(_)
            | Self::Simulate(_)
            | Self::Completions { .. }
            | Self::Man => None,
        }
    }

    /// The arguments of every command that works on the store alone.
    pub(super) fn local(&self) -> Option<&StoreArgs> {
        match self {
            Self::Export(ExportArgs { store, .. })
            | Self::Backup(BackupArgs { store, .. })
            | Self::Prune(PruneArgs { store, .. })
            | Self::Accounts(AccountsArgs { store, .. }) => Some(store),
            Self::Health(_)
            | Self::Validate(_)
            | Self::Place(_)
            | Self::Bracket(_)
            | Self::Watch(_)
            | Self::Transmit(_)
            | Self::Cancel(_)
            | Self::Replace(_)
            | Self::Preview(_)
            | Self::Get(_)
            | Self::List(_)
            | Self::Limits(_)
            | Self::Halt(_)
            | Self::Resume(_)
            | Self::CancelAll(_)
            | Self::Positions(_)
            | Self::Account(_)
            | Self::Top(_)
            | Self::Serve(_)
            | Self::Simulate(_)
            | Self::Completions { .. }
            | Self::Man => None,
        }
    }
}
