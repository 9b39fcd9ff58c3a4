//! An order as the gateway knows it.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use super::{
    Amount, Commission, OrderRequest, OrderTerms, Replacement, Status, Timestamp, spread_terms,
};

/// An order: what was asked, what TWS said, and where it stands. A state alone can rebuild its order.
///
/// The same fields stand in the `orders` table, in the proto message `OrderState` and in the CLI's JSON, those of the terms among them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OrderState {
    /// The id in TWS, unique for this client id.
    pub order_id: i32,
    /// Where it stands.
    pub status: Status,
    /// Shares filled. Never goes down but for a correction by the exchange.
    pub filled: Amount,
    /// Average price of what filled; `None` before the first fill.
    pub avg_fill_price: Option<Amount>,
    /// Its terms.
    #[serde(flatten)]
    pub terms: OrderTerms,
    /// Whether it is to be transmitted: false while it is only staged.
    pub transmit: bool,
    /// The orderRef on the wire: the caller's, else the request id.
    pub order_ref: String,
    /// Code of the last error or warning of TWS about this order.
    pub last_error_code: Option<i32>,
    /// Its text.
    pub last_error: Option<String>,
    /// TWS's permanent id, unique in the account; `None` until TWS gave one.
    pub perm_id: Option<i64>,
    /// When the gateway last learnt something about the order.
    pub last_update: Timestamp,
    /// The last TWS report as JSON text, for people.
    pub raw_state: Option<String>,
    /// The API client id the order was placed with.
    pub client_id: i32,
    /// The account it is for.
    pub account: String,
    /// The request id it was placed under: the caller's, else one the gateway made.
    pub request_id: String,
    /// Shares not filled; kept when the rest is cancelled.
    pub remaining: Amount,
    /// Whether `status` is a terminal one.
    pub terminal: bool,
    /// Sequence of the event that made this state.
    pub sequence: u64,
    /// Commissions known so far, where all are in one currency; `None` until TWS reported one. See `commissions`.
    pub commission: Option<Amount>,
    /// The caller's `client_tag` as given.
    pub client_tag: Option<String>,
    /// Whether a cancel was asked for.
    pub cancel_requested: bool,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Why TWS or IB holds it back, in TWS's words, for example `locate`, `trigger` or `child,trigger`.
    pub why_held: Option<String>,
    /// The order id of its parent.
    pub parent_order_id: Option<i32>,
    /// The order id of the entry of the bracket it belongs to.
    pub bracket_id: Option<i32>,
    /// Which revision its terms are: 1 as they were asked for, one more for each change that TWS showed.
    pub terms_revision: u32,
    /// Where a trailing stop stands.
    pub trail_stop: Option<Amount>,
    /// Permanent ids of further orders that TWS made of this one. Their fills do not count in `filled`.
    pub other_perm_ids: Vec<i64>,
    /// The part of `filled` for which TWS has shown no execution, though it was asked for them.
    pub filled_unexplained: Option<Amount>,
    /// TWS says that it has filled and did not say how much: look at the positions before ordering again.
    pub fill_quantity_unknown: bool,
    /// More of a bracket's entry has filled than a working stop covers.
    pub bracket_incomplete: bool,
    /// Commissions known so far, one entry a currency.
    pub commissions: Vec<Commission>,
    /// The name of the caller who placed it, where callers have names.
    pub placed_by: Option<String>,
    /// The last replacement that was asked for, and what became of it.
    pub replacement: Option<Replacement>,
}

/// Who an order is: what is known of it before TWS knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderIdentity {
    /// The id in TWS.
    pub order_id: i32,
    /// The API client id it is placed with.
    pub client_id: i32,
    /// The account it is for.
    pub account: String,
    /// The request id it is placed under.
    pub request_id: String,
}

impl OrderState {
    /// An order that was just placed and that TWS has not heard of.
    pub fn submitting(identity: OrderIdentity, request: &OrderRequest, now: Timestamp) -> Self {
        let OrderIdentity {
            order_id,
            client_id,
            account,
            request_id,
        } = identity;
        let OrderRequest {
            terms,
            transmit,
            client_tag,
            order_ref,
            account: _, // the identity has the one that the order goes to
        } = request;
        let order_ref = order_ref.as_ref().or(client_tag.as_ref());
        Self {
            order_id,
            status: Status::Submitting,
            filled: Amount::ZERO,
            avg_fill_price: None,
            terms: terms.clone(),
            transmit: *transmit,
            order_ref: order_ref.unwrap_or(&request_id).clone(),
            last_error_code: None,
            last_error: None,
            perm_id: None,
            last_update: now,
            raw_state: None,
            client_id,
            account,
            request_id,
            remaining: terms.quantity,
            terminal: false,
            sequence: 0,
            commission: None,
            client_tag: client_tag.clone(),
            cancel_requested: false,
            created_at: now,
            why_held: None,
            parent_order_id: None,
            bracket_id: None,
            terms_revision: 1,
            trail_stop: None,
            other_perm_ids: Vec::new(),
            filled_unexplained: None,
            fill_quantity_unknown: false,
            bracket_incomplete: false,
            commissions: Vec::new(),
            placed_by: None,
            replacement: None,
        }
    }
}

impl Serialize for OrderState {
    /// By hand, so that the fields of the terms stand where people look for them and not all in one place.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            order_id,
            status,
            filled,
            avg_fill_price,
            terms,
            transmit,
            order_ref,
            last_error_code,
            last_error,
            perm_id,
            last_update,
            raw_state,
            client_id,
            account,
            request_id,
            remaining,
            terminal,
            sequence,
            commission,
            client_tag,
            cancel_requested,
            created_at,
            why_held,
            parent_order_id,
            bracket_id,
            terms_revision,
            trail_stop,
            other_perm_ids,
            filled_unexplained,
            fill_quantity_unknown,
            bracket_incomplete,
            commissions,
            placed_by,
            replacement,
        } = self;
        let mut object = serializer.serialize_struct("OrderState", FIELDS)?;
        macro_rules! put {
            ($($field:ident),+) => {
                $(object.serialize_field(stringify!($field), &$field)?;)+
            };
        }
        macro_rules! fields {
            (($($field:ident),+) ($($more:ident),+)) => {
                put!(order_id, status, filled, avg_fill_price);
                put!($($field),+);
                put!(
                    transmit, order_ref, last_error_code, last_error, perm_id, last_update, raw_state, client_id, account, request_id,
                    remaining, terminal, sequence, commission
                );
                put!($($more),+);
                put!(
                    client_tag, cancel_requested, created_at, why_held, parent_order_id, bracket_id, terms_revision, trail_stop, other_perm_ids,
                    filled_unexplained, fill_quantity_unknown, bracket_incomplete, commissions, placed_by, replacement
                );
            };
        }
        spread_terms!(terms, fields);
        object.end()
    }
}

/// Fields of an order in JSON: a hint for formats that want to know it first, which JSON does not.
const FIELDS: usize = 52;
