//! Pages of orders, newest first.

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio_rusqlite::rusqlite::{Connection, ToSql};

use super::page::{self, Room};
use super::{StoreError, columns};
use crate::domain::{ListIn, ListOut, OrderState, Status};

/// Orders on a page when the caller does not say.
const PAGE_SIZE: usize = 100;
/// The most orders on a page.
const PAGE_SIZE_MAX: usize = 1000;

/// A checked request for a page.
///
/// Order ids grow, so "newest first" is "highest id first", and a page continues below the last id of the one before: orders placed
/// meanwhile shift nothing.
#[derive(Debug)]
pub(super) struct Page {
    filter: Filter,
    size: usize,
    /// Only orders with a lower id.
    below: i32,
}

/// What a page token is bound to.
#[derive(Debug)]
struct Filter {
    /// Sorted, each once; empty: all.
    statuses: Vec<Status>,
    symbol: Option<String>,
    bracket_id: Option<i32>,
    base_sequence: u64,
}

impl Page {
    /// Checks the page size and the token. The token is opaque: the last id shown, and a hash that binds it to the filter and the store.
    pub(super) fn read(request: ListIn, base_sequence: u64) -> Result<Self, StoreError> {
        let ListIn {
            statuses,
            symbol,
            bracket_id,
            page_size,
            page_token,
        } = request;
        let size = match usize::try_from(page_size) {
            Ok(0) => PAGE_SIZE,
            Ok(size) => size.min(PAGE_SIZE_MAX),
            Err(_) => {
                return Err(StoreError::Request {
                    field: "page_size",
                    message: format!("must be 1 or more, or 0 for {PAGE_SIZE}"),
                    input: Value::from(page_size),
                });
            }
        };
        if let Some(bracket_id) = bracket_id.filter(|id| *id <= 0) {
            return Err(StoreError::Request {
                field: "bracket_id",
                message: "must be the order id of a bracket's entry: 1 or more".to_owned(),
                input: Value::from(bracket_id),
            });
        }
        let filter = Filter {
            bracket_id,
            statuses: Status::ALL
                .iter()
                .copied()
                .filter(|word| statuses.contains(word))
                .collect(),
            symbol: symbol
                .map(|symbol| symbol.trim().to_uppercase())
                .filter(|symbol| !symbol.is_empty()),
            base_sequence,
        };
        let below = if page_token.is_empty() {
            i32::MAX
        } else {
            filter.open(&page_token).ok_or_else(|| StoreError::Request {
                field: "page_token",
                message: "is not a token of this list: pass next_page_token as it was given, with the same filters"
                    .to_owned(),
                input: Value::from(page_token),
            })?
        };
        Ok(Self {
            filter,
            size,
            below,
        })
    }

    /// Reads the page, and one order more to know whether another follows. It ends early where its answer would grow beyond what gRPC
    /// libraries take.
    pub(super) fn load(&self, connection: &Connection) -> Result<ListOut, StoreError> {
        let limit = i64::try_from(self.size + 1).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(&self.filter.sql())?;
        let states = statement.query_map(self.params(&limit).as_slice(), |row| {
            columns::order_record(row).map(|record| record.state)
        })?;
        let mut room = Room::new();
        let (mut orders, mut more) = (Vec::<OrderState>::new(), false);
        for state in states {
            let state = state?;
            if orders.len() == self.size || !room.takes(&state) {
                more = true;
                break;
            }
            orders.push(state);
        }
        let next_page_token = match orders.last() {
            Some(last) if more => Some(self.filter.seal(last.order_id)),
            Some(_) | None => None,
        };
        Ok(ListOut {
            orders,
            next_page_token,
        })
    }
}

impl Page {
    /// The parameters of [`Filter::sql`], as many as it names.
    fn params<'a>(&'a self, limit: &'a i64) -> Vec<&'a dyn ToSql> {
        let mut params: Vec<&dyn ToSql> = vec![&self.below, limit, &self.filter.symbol];
        if let Some(bracket_id) = &self.filter.bracket_id {
            params.push(bracket_id);
        }
        params
    }
}

impl Filter {
    /// However many orders there are: the living ones, and a range of an index for each status of those that ended, each cut at the
    /// page before they are merged. `?1` the lowest id shown so far, `?2` rows, `?3` the symbol or null,
    /// `?4` the bracket. A bracket has three orders at most, which its own index finds.
    fn sql(&self) -> String {
        let columns = columns::ORDER;
        let symbol = match self.symbol {
            Some(_) => "symbol = ?3",
            None => "?3 IS NULL",
        };
        if self.bracket_id.is_some() {
            let among = match self.statuses.as_slice() {
                [] => String::new(),
                words => among(words),
            };
            return format!(
                "SELECT {columns} FROM orders WHERE bracket_id = ?4 AND order_id < ?1 AND {symbol} {among} ORDER BY order_id DESC LIMIT ?2"
            );
        }
        let (words, among) = match (self.statuses.as_slice(), &self.symbol) {
            ([], None) => {
                return format!(
                    "SELECT {columns} FROM orders WHERE order_id < ?1 AND {symbol} ORDER BY order_id DESC LIMIT ?2"
                );
            }
            ([], Some(_)) => (Status::ALL, String::new()),
            (words, _) => (words, among(words)),
        };
        let part = |which: &str| {
            format!(
                "SELECT * FROM (SELECT order_id FROM orders WHERE {which} AND {symbol} AND order_id < ?1 \
                 ORDER BY order_id DESC LIMIT ?2)"
            )
        };
        let mut parts = vec![part(&format!("terminal = 0 {among}"))];
        parts.extend(
            words
                .iter()
                .map(|word| part(&format!("terminal = 1 AND status = '{word}'"))),
        );
        format!(
            "SELECT {columns} FROM orders WHERE order_id IN (SELECT order_id FROM ({}) ORDER BY order_id DESC LIMIT ?2) \
             ORDER BY order_id DESC",
            parts.join(" UNION ALL ")
        )
    }

    fn seal(&self, last: i32) -> String {
        format!("{last:08x}{}", self.check(last))
    }

    fn open(&self, token: &str) -> Option<i32> {
        let last = token.get(..8)?;
        let last = i32::try_from(u32::from_str_radix(last, 16).ok()?).ok()?;
        (self.seal(last) == token).then_some(last)
    }

    fn check(&self, last: i32) -> String {
        let mut hash = Sha256::new();
        hash.update(self.base_sequence.to_be_bytes());
        hash.update(last.to_be_bytes());
        for status in &self.statuses {
            hash.update(status.as_str());
            hash.update([0]);
        }
        hash.update([1]);
        hash.update(self.symbol.as_deref().unwrap_or_default());
        if let Some(bracket_id) = self.bracket_id {
            hash.update([2]);
            hash.update(bracket_id.to_be_bytes());
        }
        page::check(hash)
    }
}

/// One of these statuses.
fn among(statuses: &[Status]) -> String {
    let quoted: Vec<String> = statuses.iter().map(|word| format!("'{word}'")).collect();
    format!("AND status IN ({})", quoted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_is_a_range_of_an_index_and_never_a_scan() {
        const LIVE: &str = "orders_live (terminal=? AND rowid<?)";
        const STATUS: &str = "orders_by_status (status=? AND rowid<?)";
        const SYMBOL: &str = "orders_by_symbol (symbol=? AND status=? AND rowid<?)";
        let connection = crate::store::start::memory().unwrap();
        let one = vec![Status::Filled];
        let two = vec![Status::Filled, Status::Rejected];
        const BRACKET: &str = "orders_by_bracket (bracket_id=? AND rowid<?)";
        let symbol = Some("AAPL".to_owned());
        for (statuses, symbol, bracket_id, indexes) in [
            (vec![], None, None, &["INTEGER PRIMARY KEY (rowid<?)"][..]),
            (one.clone(), None, None, &[LIVE, STATUS]),
            (two.clone(), None, None, &[LIVE, STATUS]),
            (vec![], symbol.clone(), None, &[LIVE, SYMBOL]),
            (one.clone(), symbol.clone(), None, &[LIVE, SYMBOL]),
            (two, symbol.clone(), None, &[LIVE, SYMBOL]),
            (vec![], None, Some(3), &[BRACKET]),
            (one, symbol, Some(3), &[BRACKET]),
        ] {
            let page = Page::read(
                ListIn {
                    statuses,
                    symbol,
                    bracket_id,
                    ..ListIn::default()
                },
                1,
            )
            .unwrap();
            let plan: Vec<String> = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {}", page.filter.sql()))
                .unwrap()
                .query_map(page.params(&1).as_slice(), |row| row.get(3))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            for index in indexes {
                assert!(plan.iter().any(|step| step.ends_with(index)), "{plan:#?}");
            }
            assert!(
                !plan.iter().any(|step| step.starts_with("SCAN orders")),
                "{plan:#?}"
            );
        }
    }
}
