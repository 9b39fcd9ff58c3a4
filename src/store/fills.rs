//! One order and a page of its fills, oldest first.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_rusqlite::rusqlite::{Connection, params};

use super::page::{self, Room};
use super::reader::{legs_of, state_of};
use super::{StoreError, columns};
use crate::domain::{Fill, GetIn, GetOut};

/// The most fills that are read for one page.
const FILLS_MAX: usize = 20_000;
/// Digits of a row's number in a page token.
const NUMBER_DIGITS: usize = 16;

/// Reads a page. Executions keep their numbers, and later ones have higher ones: fills that come while somebody pages shift nothing.
pub(super) fn load(
    connection: &Connection,
    request: &GetIn,
    base_sequence: u64,
) -> Result<Option<GetOut>, StoreError> {
    let GetIn {
        order,
        page_size,
        page_token,
    } = request;
    let wrong = |field, message: &str, input: Value| StoreError::Request {
        field,
        message: message.to_owned(),
        input,
    };
    let size = match usize::try_from(*page_size) {
        Ok(0) => FILLS_MAX,
        Ok(size) => size.min(FILLS_MAX),
        Err(_) => {
            let message = "must be 1 or more, or 0 for as many as fit into an answer";
            return Err(wrong("page_size", message, (*page_size).into()));
        }
    };
    let Some(order) = state_of(connection, order)? else {
        return Ok(None);
    };
    let after = match page_token.as_str() {
        "" => 0,
        token => open(token, order.order_id, base_sequence).ok_or_else(|| {
            let message =
                "is not a token of this order's fills: pass next_page_token as it was given";
            wrong("page_token", message, token.into())
        })?,
    };
    let sql = format!(
        "SELECT {}, execution FROM executions WHERE order_id = ?1 AND execution > ?2 ORDER BY execution LIMIT ?3",
        columns::FILL
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(size + 1).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![order.order_id, after, limit])?;
    let mut room = Room::new();
    room.takes(&order);
    let legs = legs_of(connection, &order)?;
    for leg in &legs {
        room.takes(leg);
    }
    let (mut fills, mut last, mut more) = (Vec::<Fill>::new(), after, false);
    while let Some(row) = rows.next()? {
        let fill = columns::fill(row)?;
        // The first fits beside its order; a page without any would lead nowhere.
        if fills.len() == size || !(room.takes(&fill) || fills.is_empty()) {
            more = true;
            break;
        }
        last = row.get("execution")?;
        fills.push(fill);
    }
    let next_page_token = more.then(|| seal(last, order.order_id, base_sequence));
    Ok(Some(GetOut {
        order,
        fills,
        legs,
        next_page_token,
    }))
}

fn seal(last: i64, order_id: i32, base_sequence: u64) -> String {
    let mut hash = Sha256::new();
    hash.update(b"fills");
    hash.update(base_sequence.to_be_bytes());
    hash.update(order_id.to_be_bytes());
    hash.update(last.to_be_bytes());
    format!("{last:0NUMBER_DIGITS$x}{}", page::check(hash))
}

fn open(token: &str, order_id: i32, base_sequence: u64) -> Option<i64> {
    let last = i64::from_str_radix(token.get(..NUMBER_DIGITS)?, 16).ok()?;
    (seal(last, order_id, base_sequence) == token).then_some(last)
}
