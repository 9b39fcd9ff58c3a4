//! The gRPC messages, and the only place where they become domain values and back.
//!
//! Whatever becomes a message names every field of it and of the value, without `..`, so that a new field does not compile until somebody
//! decided about it.

mod account;
mod bracket;
mod by_order;
mod enums;
mod fields;
mod health;
mod list;
mod order;
mod place;
mod preview;
mod replace;
mod risk;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod values;
mod watch;

pub use bracket::{
    bracket_to_wire, place_bracket_request, require_bracket_request_id, restore_bracket_inputs,
};
pub use by_order::answered_order;
pub use order::{order_to_wire, restore_inputs};
pub use place::{place_request, require_request_id};
pub use preview::preview_request;
pub use replace::{replace_request, restore_change_inputs};
pub use status::{ERROR_DOMAIN, code_of, error_from_status, status_from_error};

/// Messages, client and server generated from `proto/orders.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    rustdoc::all
)]
pub mod pb {
    tonic::include_proto!("ibkr.orders.v1");
}

/// Name of the service of orders, as it stands in paths and in the health service.
pub const SERVICE: &str = "ibkr.orders.v1.OrderService";

/// Names of every service of `proto/orders.proto`.
pub const SERVICES: [&str; 3] = [
    SERVICE,
    "ibkr.orders.v1.AccountService",
    "ibkr.orders.v1.RiskService",
];

/// `proto/orders.proto` and what it imports, with comments, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("orders_descriptor");

/// `google.rpc`'s messages, which the details of an error are made of, for reflection.
pub const ERROR_DETAILS_DESCRIPTOR_SET: &[u8] = tonic_types::pb::FILE_DESCRIPTOR_SET;
