//! The text form of the messages, for clients older than the version in which a message became protobuf.
//!
//! A text message is its number and its fields, each ended by a zero byte. Up to version 200 the number is a field like the
//! others; from 201 on it is four bytes, and a number above 200 says that the body is protobuf. The messages became protobuf
//! one family after the other, 201 to 213: what a client of a version in between reads and writes as text is in
//! [`is_text`] and [`is_text_request`].
//!
//! Only the form is here: what is said, and when, is the exchange's, and the same for every version.
//!
//! Sources: the behaviour of clients of other hands (`ib_async` 2.1.0, `@stoqey/ib` 1.6.10, IB's Python client, each run
//! against it), IB's client at server versions 203 and 215 for the versions, published frames of a gateway at 201, 202 and
//! 204, and of one at 200 for the form of a number that is not set.

mod account;
mod answers;
mod orders;
mod place;
mod reader;
mod requests;
mod writer;

pub(crate) use requests::decode_request;

use super::message::{MessageNumber, ServerMessage};
use writer::Writer;

/// First version whose messages begin with a number of four bytes.
pub(crate) const BINARY_NUMBERS: i32 = 201;

/// Whether a client of this version reads the message as text.
pub(crate) fn is_text(kind: MessageNumber, version: i32) -> bool {
    version < first_protobuf_version(kind)
}

/// The version in which what the server sends became protobuf.
fn first_protobuf_version(kind: MessageNumber) -> i32 {
    match kind {
        MessageNumber::Execution | MessageNumber::ExecutionsEnd => 201,
        MessageNumber::OrderStatus
        | MessageNumber::Error
        | MessageNumber::OpenOrder
        | MessageNumber::OpenOrdersEnd => 203,
        MessageNumber::OrderBound
        | MessageNumber::CompletedOrder
        | MessageNumber::CompletedOrdersEnd => 204,
        MessageNumber::ContractData | MessageNumber::ContractDataEnd => 205,
        MessageNumber::ManagedAccounts
        | MessageNumber::AccountValue
        | MessageNumber::PortfolioValue
        | MessageNumber::AccountUpdateTime
        | MessageNumber::AccountUpdatesEnd
        | MessageNumber::Position
        | MessageNumber::PositionsEnd
        | MessageNumber::AccountSummary
        | MessageNumber::AccountSummaryEnd
        | MessageNumber::PositionMulti
        | MessageNumber::PositionMultiEnd
        | MessageNumber::AccountUpdateMulti
        | MessageNumber::AccountUpdateMultiEnd => 207,
        MessageNumber::Pnl | MessageNumber::PnlSingle => 210,
        MessageNumber::Commission => 211,
        MessageNumber::NextValidId
        | MessageNumber::CurrentTime
        | MessageNumber::CurrentTimeMillis => 213,
    }
}

/// Whether a client of this version sends the request of this number as text.
pub(crate) fn is_text_request(number: i32, version: i32) -> bool {
    let first_protobuf_version = match number {
        7 => 201,
        3 | 4 | 58 => 203,
        5 | 15 | 16 | 99 => 204,
        9 => 205,
        6 | 17 | 61..=64 | 74..=77 => 207,
        92..=95 => 210,
        8 | 49 | 71 | 105 => 213,
        // Requests that are not answered are skipped in either form.
        _ => 213,
    };
    version < first_protobuf_version
}

/// Appends the frame of a message as text.
pub(crate) fn encode(out: &mut Vec<u8>, version: i32, message: ServerMessage<'_>) {
    let mut writer = Writer::new(message.kind() as i32, version);
    match message {
        ServerMessage::OpenOrder(open) => orders::open_order(&mut writer, open),
        ServerMessage::CompletedOrder(row) => orders::completed_order(&mut writer, row),
        ServerMessage::OrderStatus(status) => answers::order_status(&mut writer, status),
        ServerMessage::Error(error) => answers::error(&mut writer, error),
        ServerMessage::Execution(details) => answers::execution(&mut writer, details),
        ServerMessage::Commission(report) => answers::commission(&mut writer, report),
        ServerMessage::ContractData(row) => answers::contract_data(&mut writer, row),
        ServerMessage::OrderBound(bound) => answers::order_bound(&mut writer, bound),
        ServerMessage::AccountValue(row) => account::value(&mut writer, row),
        ServerMessage::PortfolioValue(row) => account::portfolio(&mut writer, row),
        ServerMessage::Position(row) => account::position(&mut writer, row),
        ServerMessage::AccountSummary(row) => account::summary(&mut writer, row),
        ServerMessage::PositionMulti(row) => account::position_multi(&mut writer, row),
        ServerMessage::AccountUpdateMulti(row) => account::update_multi(&mut writer, row),
        ServerMessage::Pnl(pnl) => account::pnl(&mut writer, pnl),
        ServerMessage::PnlSingle(pnl) => account::pnl_single(&mut writer, pnl),
        ServerMessage::ManagedAccounts(text)
        | ServerMessage::AccountUpdateTime(text)
        | ServerMessage::AccountUpdatesEnd(text) => {
            writer.message_version(1);
            writer.text(text);
        }
        ServerMessage::NextValidId(value)
        | ServerMessage::ContractDataEnd(value)
        | ServerMessage::ExecutionsEnd(value)
        | ServerMessage::AccountSummaryEnd(value)
        | ServerMessage::PositionMultiEnd(value)
        | ServerMessage::AccountUpdateMultiEnd(value) => {
            writer.message_version(1);
            writer.int(value);
        }
        ServerMessage::CurrentTime(seconds) => {
            writer.message_version(1);
            writer.int(seconds);
        }
        ServerMessage::CurrentTimeMillis(millis) => writer.int(millis),
        ServerMessage::OpenOrdersEnd | ServerMessage::PositionsEnd => writer.message_version(1),
        ServerMessage::CompletedOrdersEnd => {}
    }
    writer.finish(out);
}
