//! Arguments that several commands have.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::values;

/// Which order: exactly one of the two.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("key").required(true))]
pub(in crate::cli) struct KeyArgs {
    /// The order's id
    #[arg(long, value_name = "N", group = "key", value_parser = clap::value_parser!(i32).range(1..))]
    pub(in crate::cli) order_id: Option<i32>,
    /// The request id it was placed under
    #[arg(long, value_name = "ID", group = "key")]
    pub(in crate::cli) placed_as: Option<String>,
}

/// How long to wait.
#[derive(Debug, Args)]
pub(in crate::cli) struct TimeoutArg {
    /// How long to wait for TWS
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = values::wait)]
    pub(in crate::cli) timeout: f64,
}

/// How a command that reads prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(in crate::cli) enum Format {
    /// One JSON document
    #[default]
    Json,
    /// A table for people
    Table,
}

/// Where the operation is done.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where to")]
pub(in crate::cli) struct DoorArgs {
    /// Call a running gateway instead of TWS, for example http://127.0.0.1:50051 (ORDERS_SERVER)
    #[arg(long, value_name = "URL", conflicts_with = "simulate")]
    pub(in crate::cli) server: Option<String>,
    /// PEM file of the authorities that sign the gateway's certificate (ORDERS_SERVER_CA)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) server_ca: Option<PathBuf>,
    /// Name to expect in the gateway's certificate, where it is not the URL's host (ORDERS_SERVER_NAME)
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub(in crate::cli) server_name: Option<String>,
    /// PEM file with our own certificate, for mutual TLS (ORDERS_CLIENT_CERT)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) client_cert: Option<PathBuf>,
    /// PEM file with its private key (ORDERS_CLIENT_KEY)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) client_key: Option<PathBuf>,
    /// File with the bearer token; of several lines the first (ORDERS_TOKEN_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) token_file: Option<PathBuf>,
    /// Use the built-in simulator of TWS, with a store of its own (data/simulator.db)
    #[arg(long)]
    pub(in crate::cli) simulate: bool,
}

/// Settings as flags: each overrides its environment variable. Texts, so that every wrong one is named together.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag, else environment, else .env, else default)")]
pub(in crate::cli) struct SettingsArgs {
    /// Host of TWS or IB Gateway (IB_HOST) [default: 127.0.0.1]
    #[arg(long, value_name = "HOST", hide_short_help = true)]
    pub(in crate::cli) ib_host: Option<String>,
    /// Its API port: TWS 7497 paper, 7496 live; IB Gateway 4002 paper, 4001 live (IB_PORT) [default: 7497]
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    pub(in crate::cli) ib_port: Option<String>,
    /// API client id; orders belong to it (IB_CLIENT_ID) [default: 7]
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub(in crate::cli) ib_client_id: Option<String>,
    /// SQLite file of the store (ORDER_DB_PATH) [default: data/orders.db]
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) order_db_path: Option<String>,
    /// The only account orders may go to (IB_ACCOUNT)
    #[arg(long, value_name = "ACCOUNT", hide_short_help = true)]
    pub(in crate::cli) ib_account: Option<String>,
    /// Allow accounts that are not paper accounts (IB_ALLOW_LIVE)
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_short_help = true
    )]
    pub(in crate::cli) ib_allow_live: Option<String>,
    /// Messages to TWS per second at most (IB_MAX_MESSAGES_PER_SECOND) [default: 45]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub(in crate::cli) ib_max_messages_per_second: Option<String>,
    /// Most shares an order may have (MAX_ORDER_QUANTITY)
    #[arg(long, value_name = "SHARES", hide_short_help = true)]
    pub(in crate::cli) max_order_quantity: Option<String>,
    /// Most an order may be worth; refuses orders without any price to count them by (MAX_ORDER_NOTIONAL)
    #[arg(long, value_name = "AMOUNT", hide_short_help = true)]
    pub(in crate::cli) max_order_notional: Option<String>,
    /// File with limits on what may be instructed (LIMITS_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) limits_file: Option<String>,
    /// Time zone in which the day of the limits begins (LIMITS_TIMEZONE) [default: America/New_York]
    #[arg(long, value_name = "ZONE", hide_short_help = true)]
    pub(in crate::cli) limits_timezone: Option<String>,
    /// While this file is there, new orders are halted (HALT_FILE)
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub(in crate::cli) halt_file: Option<String>,
    /// When TWS restarts by itself, HH:MM Zone/Name: new orders are refused for two minutes before (TWS_RESTART_AT)
    #[arg(long, value_name = "TIME", hide_short_help = true)]
    pub(in crate::cli) tws_restart_at: Option<String>,
    /// Callers whose entries are cancelled when their last stream has ended, NAME=15s,… (CANCEL_ON_DISCONNECT)
    #[arg(long, value_name = "LIST", hide_short_help = true)]
    pub(in crate::cli) cancel_on_disconnect: Option<String>,
    /// Log lines on stderr: text or json (LOG_FORMAT) [default: text]
    #[arg(long, value_name = "FORMAT", hide_short_help = true)]
    pub(in crate::cli) log_format: Option<String>,
}
