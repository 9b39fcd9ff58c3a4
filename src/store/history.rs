//! What was executed and instructed lately: limits count it, whichever process it was.

use std::time::Duration;

use tokio_rusqlite::rusqlite::{self, Connection};

use super::StoreError;
use super::columns::Reading;
use crate::domain::Timestamp;
use crate::domain::limits::{PastExecution, PastInstruction, PastVerdict, RiskHistory, TwsVerdict};

/// How far back executions are read. A day of the limits is 25 hours long at most, in whichever zone.
const EXECUTIONS_FOR: Duration = Duration::from_secs(2 * 24 * 3_600);
/// How far back instructions are read.
const INSTRUCTIONS_FOR: Duration = Duration::from_secs(60);
/// Executions are stored as TWS tells them, which after an absence is not their order: so many older ones in a row end the reading.
const OLDER_MAX: usize = 10_000;

/// Executions, newest first as they were stored.
const EXECUTIONS: &str = "SELECT executions.order_id AS order_id, orders.account AS account, orders.symbol AS symbol, \
     orders.currency AS currency, orders.action AS action, executions.quantity AS quantity, executions.price AS price, executions.time AS time \
     FROM executions JOIN orders USING (order_id) ORDER BY execution DESC";

/// Instructions that count in the rate, newest first.
const INSTRUCTIONS: &str = "SELECT orders.account AS account, instructions.caller AS caller, instructions.created_at AS created_at \
     FROM instructions JOIN orders USING (order_id) \
     WHERE instructions.kind IN ('PLACE', 'PLACE_BRACKET', 'TRANSMIT', 'REPLACE') ORDER BY instructions.instruction DESC";

/// Orders that are looked at for rejections in a row.
const VERDICTS_MAX: u32 = 1_000;

/// What TWS made of the last orders that nobody's exits are, newest first, down to where halts were last lifted.
const VERDICTS: &str = "SELECT account, placed_by, worked FROM orders \
     WHERE parent_order_id IS NULL AND (worked = 1 OR (status = 'REJECTED' AND last_error_code IS NOT NULL)) \
     AND last_update > ifnull((SELECT max(created_at) FROM instructions WHERE kind = 'RESUME' AND kind <> 'PLACE' AND order_id IS NULL), '') \
     ORDER BY order_id DESC LIMIT ?1";

/// Reads it.
pub(super) fn read(connection: &Connection, now: Timestamp) -> Result<RiskHistory, StoreError> {
    let since = |age: Duration| {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_unix_micros(now.unix_micros().saturating_sub(age))
    };
    Ok(RiskHistory {
        executions: executions(connection, since(EXECUTIONS_FOR))?,
        instructions: instructions(connection, since(INSTRUCTIONS_FOR))?,
        verdicts: verdicts(connection)?,
    })
}

fn executions(connection: &Connection, since: Timestamp) -> rusqlite::Result<Vec<PastExecution>> {
    let mut statement = connection.prepare(EXECUTIONS)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    let mut older = 0;
    while let Some(row) = rows.next()?
        && older < OLDER_MAX
    {
        let mut row = Reading::of(row);
        let past = PastExecution {
            order_id: row.take("order_id")?,
            account: row.take("account")?,
            symbol: row.take("symbol")?,
            currency: row.take("currency")?,
            action: row.take("action")?,
            quantity: row.take("quantity")?,
            price: row.take("price")?,
            time: match row.take::<Option<Timestamp>>("time")? {
                Some(time) => time,
                None => continue,
            },
        };
        if past.time >= since {
            older = 0;
            found.push(past);
        } else {
            older += 1;
        }
    }
    found.reverse();
    Ok(found)
}

fn instructions(
    connection: &Connection,
    since: Timestamp,
) -> rusqlite::Result<Vec<PastInstruction>> {
    let mut statement = connection.prepare(INSTRUCTIONS)?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut row = Reading::of(row);
        let past = PastInstruction {
            account: row.take("account")?,
            caller: row.take("caller")?,
            at: row.take("created_at")?,
        };
        if past.at < since {
            break;
        }
        found.push(past);
    }
    found.reverse();
    Ok(found)
}

fn verdicts(connection: &Connection) -> rusqlite::Result<Vec<PastVerdict>> {
    let mut found = connection
        .prepare(VERDICTS)?
        .query_map([VERDICTS_MAX], |row| {
            let mut row = Reading::of(row);
            Ok(PastVerdict {
                account: row.take("account")?,
                caller: row.take("placed_by")?,
                verdict: if row.take("worked")? {
                    TwsVerdict::Worked
                } else {
                    TwsVerdict::Rejected
                },
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}
