//! One message of TWS, read.
//!
//! Every field of a message is read by itself: one that cannot be read is missing from the report, and said to be, and the others count.

use super::account_reports::{self, AccountMessage};
use super::frames::{self, Frame, execution, incoming, session};
use super::reports;
use super::zones::SessionZone;
use crate::domain::{OrderReport, Origin, PreviewReport, Timestamp};

/// The id that TWS sends when it ends a session on purpose; there is no body.
const SHUTDOWN: i32 = -2;

/// What a message is read with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    /// Our client id: an order without one is ours.
    pub(super) client_id: i32,
    /// TWS's time zone.
    pub(super) zone: Option<&'a SessionZone>,
    /// What an open order or a status is: a row of an answer, or news.
    pub(super) orders: Origin,
    /// What a commission is, which names no request.
    pub(super) commissions: Origin,
    /// What an execution is that answers no request.
    pub(super) executions: Origin,
}

/// A message, read.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Message {
    /// About an order.
    Report(OrderReport),
    /// About accounts.
    Account(AccountMessage),
    /// Ends an answer to a query of open orders.
    OpenOrdersEnd,
    /// Ends an answer to a query of completed orders.
    CompletedOrdersEnd,
    /// Ends the answer to a query of executions; the request's id.
    ExecutionsEnd(Option<i32>),
    /// The next order id by TWS's count; 0 where it named none.
    NextValidId(i64),
    /// Accounts of the login.
    ManagedAccounts(Vec<String>),
    /// TWS's clock.
    CurrentTime(Timestamp),
    /// An error, a warning or a notice.
    Error {
        /// An order id, a request id, or nothing of both.
        id: Option<i32>,
        /// TWS's code; 0 for a warning without one.
        code: i32,
        /// TWS's text.
        text: String,
    },
    /// The echo of a preview.
    Previewed(Box<PreviewReport>),
    /// TWS ends the session.
    Shutdown,
    /// Nothing that matters here: a commission that is not known yet, a message of another kind.
    Other,
}

/// What could not be read of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unread {
    /// TWS's name for the message.
    pub(super) message: &'static str,
    /// The order's id, where that could be read.
    pub(super) order_id: Option<i32>,
    /// The client it belongs to; `None` where that could not be read, so that it may be ours.
    pub(super) client_id: Option<i32>,
    /// What could not be read.
    pub(super) detail: String,
    /// Whether it stands in an answer to a query.
    pub(super) origin: Origin,
    /// Nothing of it could be told.
    pub(super) lost: bool,
}

/// Reads a message, and says what of it could not be.
pub(super) fn read(frame: Frame<'_>, context: &Context<'_>) -> (Message, Option<Unread>) {
    if frame.id == SHUTDOWN {
        return (Message::Shutdown, None);
    }
    let Some(message) = frame.message() else {
        return (Message::Other, None);
    };
    let body = frame.body;
    match message {
        incoming::OPEN_ORDER => reports::open_order(body, context),
        incoming::ORDER_STATUS => reports::order_status(body, context),
        incoming::EXECUTION_DETAILS => reports::execution(body, context),
        incoming::COMMISSION_AND_FEES_REPORT => reports::commission(body, context),
        incoming::COMPLETED_ORDER => reports::completed_order(body, context),
        incoming::POSITION => account_reports::position(body),
        incoming::POSITION_END => (Message::Account(AccountMessage::PositionsEnd), None),
        incoming::ACCOUNT_VALUE => account_reports::value(body),
        incoming::PORTFOLIO_VALUE => account_reports::portfolio(body),
        incoming::ACCOUNT_UPDATE_TIME => (Message::Account(AccountMessage::Looked), None),
        incoming::ACCOUNT_DATA_END => account_reports::values_end(body),
        incoming::ACCOUNT_SUMMARY => account_reports::summary(body),
        incoming::ACCOUNT_SUMMARY_END => account_reports::summary_end(body),
        incoming::PNL => account_reports::pnl(body),
        incoming::OPEN_ORDERS_END => (Message::OpenOrdersEnd, None),
        incoming::COMPLETED_ORDERS_END => (Message::CompletedOrdersEnd, None),
        incoming::EXECUTION_DETAILS_END => {
            let (end, error) = frames::decode::<execution::ExecutionDetailsEnd>(body);
            let unread = error.map(|error| unread("execDetailsEnd", &error, Origin::Snapshot));
            (Message::ExecutionsEnd(end.req_id), unread)
        }
        incoming::NEXT_VALID_ID => {
            // The answer counts although the id in it cannot be read.
            let (named, _) = frames::decode::<session::NextValidId>(body);
            (Message::NextValidId(named.order_id.unwrap_or(0)), None)
        }
        incoming::MANAGED_ACCOUNTS => {
            let (named, _) = frames::decode::<session::ManagedAccounts>(body);
            let accounts = accounts(named.accounts_list.as_deref().unwrap_or_default());
            (Message::ManagedAccounts(accounts), None)
        }
        incoming::CURRENT_TIME => {
            let (shown, _) = frames::decode::<session::CurrentTime>(body);
            let micros = shown
                .current_time
                .and_then(|seconds| seconds.checked_mul(1_000_000));
            let message = micros.map_or(Message::Other, |micros| {
                Message::CurrentTime(Timestamp::from_unix_micros(micros))
            });
            (message, None)
        }
        incoming::ERROR_MESSAGE => {
            let (error, failed) = frames::decode::<session::ErrorMessage>(body);
            let session::ErrorMessage {
                id,
                error_code,
                error_msg,
            } = error;
            let unread = failed.map(|failed| Unread {
                order_id: id,
                ..unread("error", &failed, Origin::Live)
            });
            let message = Message::Error {
                id,
                code: error_code.unwrap_or(0),
                text: error_msg.unwrap_or_default(),
            };
            (message, unread)
        }
        _ => (Message::Other, None),
    }
}

fn unread(message: &'static str, error: &prost::DecodeError, origin: Origin) -> Unread {
    Unread {
        message,
        order_id: None,
        client_id: None,
        detail: error.to_string(),
        origin,
        lost: false,
    }
}

/// Names of accounts, each once, without the blanks that may stand between them.
fn accounts(list: &str) -> Vec<String> {
    let mut accounts: Vec<String> = Vec::new();
    for name in list
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        if accounts.iter().all(|known| known != name) {
            accounts.push(name.to_owned());
        }
    }
    accounts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONTEXT: Context<'_> = Context {
        client_id: 7,
        zone: None,
        orders: Origin::Live,
        commissions: Origin::Live,
        executions: Origin::Live,
    };

    /// Ids of messages that are read, and some that are not.
    fn message_id() -> impl Strategy<Value = i32> {
        prop::sample::select(vec![
            -2, 0, 3, 199, 203, 204, 205, 206, 207, 208, 209, 211, 215, 249, 253, 254, 255, 259,
            261, 262, 263, 264, 294, 301, 302, 999,
        ])
    }

    /// The wire form of a message of some fields: mostly well formed, the values any.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        let field = (
            1u32..120,
            0u32..6,
            prop::collection::vec(any::<u8>(), 0..12),
        )
            .prop_map(|(tag, wire_type, bytes)| {
                let mut field = Vec::new();
                prost::encoding::encode_varint(u64::from(tag << 3 | wire_type), &mut field);
                if wire_type == 2 {
                    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
                }
                field.extend(bytes);
                field
            });
        prop::collection::vec(field, 0..12).prop_map(|fields| fields.concat())
    }

    proptest! {
        #[test]
        fn whatever_a_message_carries_it_is_read_or_said_not_to_be(
            id in message_id(),
            body in prop_oneof![body(), prop::collection::vec(any::<u8>(), 0..200)],
        ) {
            let (message, unread) = read(Frame { id, body: &body }, &CONTEXT);
            if let Some(unread) = unread {
                prop_assert!(!unread.detail.is_empty());
                prop_assert_eq!(unread.lost, message == Message::Other, "{:?}", message);
            }
        }
    }

    #[test]
    fn accounts_are_read_each_once_and_without_blanks() {
        assert_eq!(accounts("DU1,DU2,"), ["DU1", "DU2"]);
        assert_eq!(accounts("DU1,DU1"), ["DU1"]);
        assert_eq!(accounts("DU1, DU2 ,,DU1"), ["DU1", "DU2"]);
        assert_eq!(accounts(" , "), Vec::<String>::new());
    }
}
