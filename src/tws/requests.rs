//! Messages to TWS.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::frames;
use super::frames::account::{AccountDataRequest, AccountSummaryRequest, PnLRequest};
use super::frames::execution::{ExecutionFilter, ExecutionRequest};
use super::frames::order::{
    CancelOrderRequest, CompletedOrdersRequest, Contract, Order, OrderCancel, PlaceOrderRequest,
};
use super::frames::session::{EmptyRequest, IdsRequest, StartApiRequest};
use super::frames::{Frame, encode, outgoing};
use crate::domain::{
    self, Amount, Oca, OcaType, OrderTerms, OrderTicket, Pricing, TimeInForce, Timestamp, Trail,
};

/// Ids of requests begin here, so that the id in an error tells an order from a request.
pub(super) const REQUEST_IDS_FROM: i32 = 1_500_000_000;

/// Whether an order may have this id.
pub(super) const fn is_order_id(id: i64) -> bool {
    id > 0 && id < REQUEST_IDS_FROM as i64
}

/// What to tell people whose TWS names an order id that is none.
pub(super) fn sequence_spent(id: i64) -> String {
    format!(
        "TWS's next order id is {id}, and ids of orders end at {}: nothing is sent; reset the API order id sequence in TWS (Global Configuration, API, Settings)",
        REQUEST_IDS_FROM - 1
    )
}

/// TWS's default for a field that every order carries: no exemption from the short sale rule is claimed.
const NOT_EXEMPT: i32 = -1;

/// An order whose type is none of ours: somebody changed it by hand, and what it is cannot be said again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the order was changed in TWS to a type that this version does not have: it cannot be sent"
)]
pub(super) struct OtherType;

/// Places an order, or releases one that was staged under the same id. The only place that makes such a message.
///
/// # Errors
/// [`OtherType`].
pub(super) fn place_order(ticket: &OrderTicket) -> Result<Vec<u8>, OtherType> {
    let request = PlaceOrderRequest {
        order_id: Some(ticket.order_id),
        contract: Some(contract(&ticket.terms.contract)),
        order: Some(order(ticket)?),
    };
    Ok(encode(outgoing::PLACE_ORDER, &request))
}

/// Asks what TWS would make of an order. TWS takes it for a preview because it says so (`whatIf`), and answers only when it is to be transmitted.
///
/// # Errors
/// [`OtherType`].
pub(super) fn preview_order(ticket: &OrderTicket) -> Result<Vec<u8>, OtherType> {
    let request = PlaceOrderRequest {
        order_id: Some(ticket.order_id),
        contract: Some(contract(&ticket.terms.contract)),
        order: Some(Order {
            what_if: Some(true),
            transmit: Some(true),
            ..order(ticket)?
        }),
    };
    Ok(encode(outgoing::PLACE_ORDER, &request))
}

/// Whether the bytes of a message are a preview, and nothing that TWS could take for an order.
pub(super) fn is_preview(frame: &[u8]) -> bool {
    let Some((id, body)) = frame
        .get(4..)
        .and_then(|message| message.split_first_chunk::<4>())
    else {
        return false;
    };
    let frame = Frame {
        id: i32::from_be_bytes(*id),
        body,
    };
    if frame.message() != Some(outgoing::PLACE_ORDER) {
        return false;
    }
    let (request, error) = frames::decode::<PlaceOrderRequest>(body);
    error.is_none()
        && request
            .order
            .is_some_and(|order| order.what_if == Some(true) && order.transmit == Some(true))
}

fn contract(traded: &domain::Contract) -> Contract {
    let domain::Contract {
        symbol,
        sec_type,
        exchange,
        currency,
        primary_exch,
    } = traded;
    Contract {
        symbol: text(symbol),
        sec_type: Some(sec_type.as_str().to_owned()),
        exchange: text(exchange),
        primary_exch: primary_exch.as_deref().and_then(text),
        currency: text(currency),
        con_id: None,
    }
}

fn order(ticket: &OrderTicket) -> Result<Order, OtherType> {
    let OrderTicket {
        order_id: _, // in the request
        terms,
        transmit,
        order_ref,
        account,
        parent_order_id,
    } = ticket;
    let OrderTerms {
        contract: _, // in the request
        action,
        pricing,
        quantity,
        tif,
        good_till,
        outside_rth,
        oca,
        reference_price: _, // for limits only
    } = terms;
    let order = Order {
        parent_id: *parent_order_id,
        action: Some(action.as_str().to_owned()),
        total_quantity: Some(quantity.to_string()),
        display_size: Some(0),
        tif: Some(tif.as_str().to_owned()),
        good_till_date: good_till
            .filter(|_| *tif == TimeInForce::GoodTillDate)
            .and_then(date_and_time),
        oca_group: oca.as_ref().map(|Oca { group, .. }| group.clone()),
        oca_type: oca.as_ref().map(|Oca { kind, .. }| oca_type(*kind)),
        account: text(account),
        outside_rth: flag(*outside_rth),
        order_ref: text(order_ref),
        transmit: flag(*transmit),
        exempt_code: Some(NOT_EXEMPT),
        pegged_change_amount: Some(0.0),
        reference_change_amount: Some(0.0),
        ref_futures_con_id: Some(0),
        ..Order::default()
    };
    priced(order, *pricing)
}

/// The order type, and the prices that it has.
fn priced(order: Order, pricing: Pricing) -> Result<Order, OtherType> {
    let order_type = |word: &str| Some(word.to_owned());
    Ok(match pricing {
        Pricing::Market => Order {
            order_type: order_type("MKT"),
            ..order
        },
        Pricing::Limit { limit } => Order {
            order_type: order_type("LMT"),
            lmt_price: Some(limit.to_f64()),
            ..order
        },
        Pricing::Stop { stop } => Order {
            order_type: order_type("STP"),
            aux_price: Some(stop.to_f64()),
            ..order
        },
        Pricing::StopLimit { stop, limit } => Order {
            order_type: order_type("STP LMT"),
            aux_price: Some(stop.to_f64()),
            lmt_price: Some(limit.to_f64()),
            ..order
        },
        Pricing::Trail { trail, first_stop } => Order {
            order_type: order_type("TRAIL"),
            trail_stop_price: first_stop.map(Amount::to_f64),
            ..trailing(order, trail)
        },
        Pricing::TrailLimit {
            trail,
            first_stop,
            offset,
        } => Order {
            order_type: order_type("TRAIL LIMIT"),
            trail_stop_price: Some(first_stop.to_f64()),
            lmt_price_offset: Some(offset.to_f64()),
            ..trailing(order, trail)
        },
        Pricing::MarketOnClose => Order {
            order_type: order_type("MOC"),
            ..order
        },
        Pricing::LimitOnClose { limit } => Order {
            order_type: order_type("LOC"),
            lmt_price: Some(limit.to_f64()),
            ..order
        },
        Pricing::Other => return Err(OtherType),
    })
}

/// How far a stop trails: either an amount or a percentage.
fn trailing(order: Order, trail: Trail) -> Order {
    match trail {
        Trail::Amount(amount) => Order {
            aux_price: Some(amount.to_f64()),
            ..order
        },
        Trail::Percent(percent) => Order {
            trailing_percent: Some(percent.to_f64()),
            ..order
        },
    }
}

/// TWS's number for what a fill does to the others of an OCA group.
pub(super) const fn oca_type(kind: OcaType) -> i32 {
    match kind {
        OcaType::CancelWithBlock => 1,
        OcaType::ReduceWithBlock => 2,
        OcaType::ReduceNonBlock => 3,
    }
}

/// A point in time as TWS takes it in UTC, which the dash says. With a blank there it would be read in TWS's own time zone.
pub(super) fn date_and_time(time: Timestamp) -> Option<String> {
    const FORMAT: &[BorrowedFormatItem<'_>] =
        format_description!("[year][month][day]-[hour]:[minute]:[second]");
    let time = OffsetDateTime::from_unix_timestamp(time.unix_micros().div_euclid(1_000_000));
    time.ok()?.format(FORMAT).ok()
}

/// Cancels an order.
pub(super) fn cancel_order(order_id: i32) -> Vec<u8> {
    let request = CancelOrderRequest {
        order_id: Some(order_id),
        order_cancel: Some(OrderCancel {}),
    };
    encode(outgoing::CANCEL_ORDER, &request)
}

/// Begins a session.
pub(super) fn start_api(client_id: i32) -> Vec<u8> {
    let request = StartApiRequest {
        client_id: Some(client_id),
    };
    encode(outgoing::START_API, &request)
}

/// Asks for the next order id.
pub(super) fn ids() -> Vec<u8> {
    // TWS ignores the number; its own clients send 1 or 0.
    let request = IdsRequest { num_ids: Some(0) };
    encode(outgoing::IDS_REQUEST, &request)
}

/// Asks for the accounts of the login.
pub(super) fn managed_accounts() -> Vec<u8> {
    encode(outgoing::MANAGED_ACCOUNTS_REQUEST, &EmptyRequest {})
}

/// Asks for TWS's time.
pub(super) fn current_time() -> Vec<u8> {
    encode(outgoing::CURRENT_TIME_REQUEST, &EmptyRequest {})
}

/// Asks for this client's open orders. Client 0 binds manual orders to itself by it.
pub(super) fn open_orders() -> Vec<u8> {
    encode(outgoing::OPEN_ORDERS_REQUEST, &EmptyRequest {})
}

/// Asks for everybody's open orders.
pub(super) fn all_open_orders() -> Vec<u8> {
    encode(outgoing::ALL_OPEN_ORDERS_REQUEST, &EmptyRequest {})
}

/// Asks for orders that ended today, those of people at TWS too.
pub(super) fn completed_orders() -> Vec<u8> {
    let request = CompletedOrdersRequest { api_only: None };
    encode(outgoing::COMPLETED_ORDERS_REQUEST, &request)
}

/// Asks for executions of so many days; `None` asks for today's.
pub(super) fn executions(request_id: i32, last_n_days: Option<i32>) -> Vec<u8> {
    let request = ExecutionRequest {
        req_id: Some(request_id),
        execution_filter: Some(ExecutionFilter { last_n_days }),
    };
    encode(outgoing::EXECUTION_REQUEST, &request)
}

/// Asks for the positions of every account, and for their changes.
pub(super) fn positions() -> Vec<u8> {
    encode(outgoing::POSITIONS_REQUEST, &EmptyRequest {})
}

/// Asks for the values and the portfolio of one account, and for their changes.
pub(super) fn account_data(account: &str) -> Vec<u8> {
    let request = AccountDataRequest {
        subscribe: Some(true),
        acct_code: text(account),
    };
    encode(outgoing::ACCOUNT_DATA_REQUEST, &request)
}

/// Asks for values of every account, and for their changes.
pub(super) fn account_summary(request_id: i32, tags: &str) -> Vec<u8> {
    let request = AccountSummaryRequest {
        req_id: Some(request_id),
        group: text("All"),
        tags: text(tags),
    };
    encode(outgoing::ACCOUNT_SUMMARY_REQUEST, &request)
}

/// Asks for the day's profit of an account, and for its changes.
pub(super) fn pnl(request_id: i32, account: &str) -> Vec<u8> {
    let request = PnLRequest {
        req_id: Some(request_id),
        account: text(account),
    };
    encode(outgoing::PNL_REQUEST, &request)
}

/// TWS's way: a text that is empty is left out.
fn text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// TWS's way: a flag that is false is left out.
fn flag(flag: bool) -> Option<bool> {
    flag.then_some(true)
}
