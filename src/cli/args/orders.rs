//! The arguments of commands that instruct something about an order, or ask about one that is still to be placed.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::shared::{DoorArgs, KeyArgs, SettingsArgs, TimeoutArg};

/// `health`
#[derive(Debug, Args)]
pub(in crate::cli) struct HealthArgs {
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `validate`
#[derive(Debug, Args)]
pub(in crate::cli) struct ValidateArgs {
    #[command(flatten)]
    pub(in crate::cli) order: OrderArgs,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `place`
#[derive(Debug, Args)]
pub(in crate::cli) struct PlaceArgs {
    #[command(flatten)]
    pub(in crate::cli) order: OrderArgs,
    /// Check the order, apply the limits and print what would be sent; store and send nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Name this request for good: the same id never makes a second order, so it is safe to run again
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `transmit`
#[derive(Debug, Args)]
pub(in crate::cli) struct TransmitArgs {
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    /// Name this request for good; none is needed, since repeating it does nothing twice
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `cancel`
#[derive(Debug, Args)]
pub(in crate::cli) struct CancelArgs {
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    /// Name this request for good; none is needed, since repeating it does nothing twice
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    /// Also an exit of a bracket whose other exit works: TWS ends both, and the position stays without them
    #[arg(long)]
    pub(in crate::cli) with_sibling: bool,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `bracket`
#[derive(Debug, Args)]
pub(in crate::cli) struct BracketArgs {
    #[command(flatten)]
    pub(in crate::cli) bracket: DocumentArgs,
    /// Check the bracket, apply the limits and print what would be sent; store and send nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Name this request for good: the same id never makes a second bracket, so it is safe to run again
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `replace`
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplaceArgs {
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    /// Shares in all, those that have filled among them
    #[arg(long, value_name = "SHARES", allow_hyphen_values = true)]
    pub(in crate::cli) quantity: Option<String>,
    /// The limit
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    pub(in crate::cli) limit_price: Option<String>,
    /// The stop
    #[arg(long, value_name = "PRICE", allow_hyphen_values = true)]
    pub(in crate::cli) stop_price: Option<String>,
    /// How far a stop trails, per share
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(in crate::cli) trail_amount: Option<String>,
    /// How far a stop trails, in percent
    #[arg(long, value_name = "PERCENT", allow_hyphen_values = true)]
    pub(in crate::cli) trail_percent: Option<String>,
    /// From the stop to the limit of a TRAIL_LIMIT order
    #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
    pub(in crate::cli) limit_offset: Option<String>,
    /// Time in force
    #[arg(long, value_name = "TIF")]
    pub(in crate::cli) tif: Option<String>,
    /// Leave the order alone unless its terms have this revision (its terms_revision)
    #[arg(long, value_name = "N")]
    pub(in crate::cli) expected_revision: Option<u32>,
    /// Check, and print what would be sent; store and send nothing
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Name this request for good: the same id never changes an order twice
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) request_id: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// `preview`
#[derive(Debug, Args)]
pub(in crate::cli) struct PreviewArgs {
    #[command(flatten)]
    pub(in crate::cli) order: DocumentArgs,
    #[command(flatten)]
    pub(in crate::cli) timeout: TimeoutArg,
    #[command(flatten)]
    pub(in crate::cli) door: DoorArgs,
    #[command(flatten)]
    pub(in crate::cli) settings: SettingsArgs,
}

/// The order of `validate` and `place`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("order").required(true))]
pub(in crate::cli) struct OrderArgs {
    /// The order as a JSON object
    #[arg(
        long,
        value_name = "ORDER",
        group = "order",
        allow_hyphen_values = true
    )]
    pub(in crate::cli) json: Option<String>,
    /// File with the order as a JSON object; - reads stdin
    #[arg(long, value_name = "FILE", group = "order")]
    pub(in crate::cli) json_file: Option<PathBuf>,
    /// Transmit at once; without it (and without "transmit": true in the order) the order is only staged in TWS
    #[arg(long)]
    pub(in crate::cli) transmit: bool,
}

/// A JSON object, given in one of two ways.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("document").required(true))]
pub(in crate::cli) struct DocumentArgs {
    /// The JSON object
    #[arg(
        long,
        value_name = "OBJECT",
        group = "document",
        allow_hyphen_values = true
    )]
    pub(in crate::cli) json: Option<String>,
    /// File with the JSON object; - reads stdin
    #[arg(long, value_name = "FILE", group = "document")]
    pub(in crate::cli) json_file: Option<PathBuf>,
}
