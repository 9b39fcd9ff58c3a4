//! The command line as it is typed. What the words mean together is decided in `checked`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use super::serve::ServeArgs;
use super::simulate::SimulateArgs;
use super::{help, values};
use crate::domain::{Action, Status, Timestamp};

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
    /// Follow an order until it ends
    #[command(after_long_help = help::WATCH)]
    Watch(WatchArgs),
    /// Release a staged order
    #[command(after_long_help = help::TRANSMIT)]
    Transmit(ChangeArgs),
    /// Cancel an order
    #[command(after_long_help = help::CANCEL)]
    Cancel(ChangeArgs),
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
            | Self::Watch(WatchArgs { door, settings, .. })
            | Self::Transmit(ChangeArgs { door, settings, .. })
            | Self::Cancel(ChangeArgs { door, settings, .. })
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
            | Self::Serve(_)
            | Self::Simulate(_)
            | Self::Completions { .. }
            | Self::Man => None,
        }
    }

    /// The arguments of every command that works on the store alone.
    pub(super) fn local(&self) -> Option<&StoreArgs> {
        match self {
            Self::Export(ExportArgs { store, .. }) | Self::Backup(BackupArgs { store, .. }) => {
                Some(store)
            }
            Self::Health(_)
            | Self::Validate(_)
            | Self::Place(_)
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

/// `health`
#[derive(Debug, Args)]
pub(super) struct HealthArgs {
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `validate`
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    pub(super) order: OrderArgs,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `place`
#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    #[command(flatten)]
    pub(super) order: OrderArgs,
    /// Check the order, apply the limits and print what would be sent; store and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Name this request for good: the same id never makes a second order, so it is safe to run again
    #[arg(long, value_name = "ID")]
    pub(super) request_id: Option<String>,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `watch`
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    pub(super) order: WatchedArgs,
    /// Print one line per update as it happens, and the outcome last
    #[arg(long)]
    pub(super) stream: bool,
    /// Longest silence before a heartbeat
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = values::wait)]
    pub(super) poll_interval: f64,
    /// Watch for this long at most [default: until the order ends]
    #[arg(long, value_name = "SECONDS", value_parser = values::wait)]
    pub(super) max_wait: Option<f64>,
    /// Resume: show what followed this sequence; 0 starts with the current state
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub(super) after_sequence: u64,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `transmit` and `cancel`
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// Name this request for good; none is needed, since repeating it does nothing twice
    #[arg(long, value_name = "ID")]
    pub(super) request_id: Option<String>,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `replace`
#[derive(Debug, Args)]
pub(super) struct ReplaceArgs {
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// Shares in all, those that have filled among them
    #[arg(long, value_name = "SHARES", allow_hyphen_values = true)]
    pub(super) quantity: Option<String>,
    /// The limit
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    pub(super) limit_price: Option<String>,
    /// The stop
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    pub(super) stop_price: Option<String>,
    /// How far a stop trails, per share
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(super) trail_amount: Option<String>,
    /// How far a stop trails, in percent
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true)]
    pub(super) trail_percent: Option<String>,
    /// From the stop to the limit of a TRAIL_LIMIT order
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(super) limit_offset: Option<String>,
    /// Time in force
    #[arg(long, value_name = "TIF")]
    pub(super) tif: Option<String>,
    /// Leave the order alone unless its terms have this revision (its terms_revision)
    #[arg(long, value_name = "N")]
    pub(super) expected_revision: Option<u32>,
    /// Check, and print what would be sent; store and send nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Name this request for good: the same id never changes an order twice
    #[arg(long, value_name = "ID")]
    pub(super) request_id: Option<String>,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `preview`
#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    #[command(flatten)]
    pub(super) order: DocumentArgs,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `get`
#[derive(Debug, Args)]
pub(super) struct GetArgs {
    #[command(flatten)]
    pub(super) key: KeyArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `list`
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only orders with this status; may be given several times or as a list with commas
    #[arg(long, value_name = "STATUS", value_delimiter = ',', value_parser = values::status)]
    pub(super) status: Vec<Status>,
    /// Only orders of this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(super) symbol: Option<String>,
    /// Orders per page at most; more than 1000 counts as 1000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..))]
    pub(super) page_size: i32,
    /// `next_page_token` of the page before
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) page_token: String,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `positions`
#[derive(Debug, Args)]
pub(super) struct PositionsArgs {
    /// Only of this account [default: every account of the login]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `account`
#[derive(Debug, Args)]
pub(super) struct AccountArgs {
    /// Which account [default: IB_ACCOUNT, else the login's only one]
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `limits`
#[derive(Debug, Args)]
pub(super) struct LimitsArgs {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `halt`
#[derive(Debug, Args)]
pub(super) struct HaltArgs {
    /// Why, for people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub(super) reason: String,
    /// Only the orders of this caller
    #[arg(long, value_name = "NAME")]
    pub(super) caller: Option<String>,
    /// Only orders for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// Cancel what is open too; the exits of positions stay
    #[arg(long)]
    pub(super) cancel_open: bool,
    /// Cancel the exits of positions as well
    #[arg(long, requires = "cancel_open")]
    pub(super) include_protective: bool,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `resume`
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Only the halts of this caller
    #[arg(long, value_name = "NAME")]
    pub(super) caller: Option<String>,
    /// Only the halts for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `cancel-all`
#[derive(Debug, Args)]
pub(super) struct CancelAllArgs {
    /// Only for this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(super) account: Option<String>,
    /// Only in this symbol
    #[arg(long, value_name = "SYMBOL")]
    pub(super) symbol: Option<String>,
    /// Only of this side: BUY or SELL
    #[arg(long, value_name = "SIDE", value_parser = values::action)]
    pub(super) action: Option<Action>,
    /// The exits of positions as well
    #[arg(long)]
    pub(super) include_protective: bool,
    /// Orders of this client id that TWS works and the store does not know as well
    #[arg(long)]
    pub(super) unknown_orders: bool,
    #[command(flatten)]
    pub(super) timeout: TimeoutArg,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    pub(super) output: Format,
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `export`
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Which table
    #[arg(long, value_enum)]
    pub(super) what: ExportWhat,
    /// Only what happened at this time or later; RFC 3339, for example 2026-11-22T09:30:00-05:00
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(super) since: Option<Timestamp>,
    /// Only what happened before this time
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    pub(super) until: Option<Timestamp>,
    /// How a row is written
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ExportFormat,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// What `export` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportWhat {
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
pub(super) enum ExportFormat {
    /// One JSON object a line
    #[default]
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

/// `backup`
#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to make; one that exists is left as it is
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) store: StoreArgs,
}

/// Which store, for a command that needs nothing else.
#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    /// The store of the built-in simulator (data/simulator.db)
    #[arg(long)]
    pub(super) simulate: bool,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// `top`
#[derive(Debug, Args)]
pub(super) struct TopArgs {
    #[command(flatten)]
    pub(super) door: DoorArgs,
    #[command(flatten)]
    pub(super) settings: SettingsArgs,
}

/// The order of `validate` and `place`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("order").required(true))]
pub(super) struct OrderArgs {
    /// The order as a JSON object
    #[arg(
        long,
        value_name = "ORDER",
        group = "order",
        allow_hyphen_values = true
    )]
    pub(super) json: Option<String>,
    /// File with the order as a JSON object; - reads stdin
    #[arg(long, value_name = "FILE", group = "order")]
    pub(super) json_file: Option<PathBuf>,
    /// Transmit at once; without it (and without "transmit": true in the order) the order is only staged in TWS
    #[arg(long)]
    pub(super) transmit: bool,
}

/// A JSON object, given in one of two ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("document").required(true))]
pub(super) struct DocumentArgs {
    /// The JSON object
    #[arg(
        long,
        value_name = "OBJECT",
        group = "document",
        allow_hyphen_values = true
    )]
    pub(super) json: Option<String>,
    /// File with the JSON object; - reads stdin
    #[arg(long, value_name = "FILE", group = "document")]
    pub(super) json_file: Option<PathBuf>,
}

/// Which order: exactly one of the two.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("key").required(true))]
pub(super) struct KeyArgs {
    /// The order's id
    #[arg(long, value_name = "N", group = "key", value_parser = clap::value_parser!(i32).range(1..))]
    pub(super) order_id: Option<i32>,
    /// The request id it was placed under
    #[arg(long, value_name = "ID", group = "key")]
    pub(super) placed_as: Option<String>,
}

/// What to watch: exactly one of the two.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("watched").required(true))]
pub(super) struct WatchedArgs {
    /// The order's id; 0 watches every order and does not end
    #[arg(long, value_name = "N", group = "watched", value_parser = clap::value_parser!(i32).range(0..))]
    pub(super) order_id: Option<i32>,
    /// The request id it was placed under
    #[arg(long, value_name = "ID", group = "watched")]
    pub(super) placed_as: Option<String>,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(super) struct TimeoutArg {
    /// How long to wait for TWS
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::wait)]
    pub(super) timeout: f64,
}

/// How a command that reads prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// One JSON document
    #[default]
    Json,
    /// A table for people
    Table,
}

/// Where the operation is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where to")]
pub(super) struct DoorArgs {
    /// Call a running gateway instead of TWS, for example http://127.0.0.1:50051 (ORDERS_SERVER)
    #[arg(long, value_name = "URL", conflicts_with = "simulate")]
    pub(super) server: Option<String>,
    /// PEM file of the authorities that sign the gateway's certificate (ORDERS_SERVER_CA)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) server_ca: Option<PathBuf>,
    /// Name to expect in the gateway's certificate, where it is not the URL's host (ORDERS_SERVER_NAME)
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(super) server_name: Option<String>,
    /// PEM file with our own certificate, for mutual TLS (ORDERS_CLIENT_CERT)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) client_cert: Option<PathBuf>,
    /// PEM file with its private key (ORDERS_CLIENT_KEY)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) client_key: Option<PathBuf>,
    /// File with the bearer token; of several lines the first (ORDERS_TOKEN_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) token_file: Option<PathBuf>,
    /// Use the built-in simulator of TWS, with a store of its own (data/simulator.db)
    #[arg(long)]
    pub(super) simulate: bool,
}

/// Settings as flags: each overrides its environment variable. Texts, so that every wrong one is named together.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag, else environment, else .env, else default)")]
pub(super) struct SettingsArgs {
    /// Host of TWS or IB Gateway (IB_HOST) [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", hide_short_help = true)]
    pub(super) ib_host: Option<String>,
    /// Its API port: TWS 7497 paper, 7496 live; IB Gateway 4002 paper, 4001 live (IB_PORT) [default: 7497]
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    pub(super) ib_port: Option<String>,
    /// API client id; orders belong to it (IB_CLIENT_ID) [default: 7]
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub(super) ib_client_id: Option<String>,
    /// SQLite file of the store (ORDER_DB_PATH) [default: data/orders.db]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) order_db_path: Option<String>,
    /// The only account orders may go to (IB_ACCOUNT)
    #[arg(long, value_name = "ACCOUNT", hide_short_help = true)]
    pub(super) ib_account: Option<String>,
    /// Allow accounts that are not paper accounts (IB_ALLOW_LIVE)
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_short_help = true
    )]
    pub(super) ib_allow_live: Option<String>,
    /// Messages to TWS per second at most (IB_MAX_MESSAGES_PER_SECOND) [default: 45]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(super) ib_max_messages_per_second: Option<String>,
    /// Most shares an order may have (MAX_ORDER_QUANTITY)
    #[arg(long, value_name = "SHARES", hide_short_help = true)]
    pub(super) max_order_quantity: Option<String>,
    /// Most an order may be worth; refuses orders without any price to count them by (MAX_ORDER_NOTIONAL)
    #[arg(long, value_name = "AMOUNT", hide_short_help = true)]
    pub(super) max_order_notional: Option<String>,
    /// File with limits on what may be instructed (LIMITS_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) limits_file: Option<String>,
    /// Time zone in which the day of the limits begins (LIMITS_TIMEZONE) [default: America/New_York]
    #[arg(long, value_name = "ZONE", hide_short_help = true)]
    pub(super) limits_timezone: Option<String>,
    /// While this file is there, new orders are halted (HALT_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(super) halt_file: Option<String>,
    /// When TWS restarts by itself, HH:MM Zone/Name: new orders are refused for two minutes before (TWS_RESTART_AT)
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub(super) tws_restart_at: Option<String>,
    /// Log lines on stderr: text or json (LOG_FORMAT) [default: text]
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(super) log_format: Option<String>,
}
