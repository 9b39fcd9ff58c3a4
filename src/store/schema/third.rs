//! The third schema: what was instructed apart from what TWS has, terms with revisions, commissions by currency.

use std::collections::BTreeMap;

use rusqlite_migration::HookResult;
use tokio_rusqlite::rusqlite::{Transaction, named_params};

use crate::domain::{Amount, Commission};
use crate::store::columns::{Reading, commissions_text};

// `orders` is made anew: a request id is unique among the instructions now, and the legs of a bracket have none; its digest goes there too.
//
// An order's row has its terms as they are now. `order_terms` has those that it had before, each written when the next one took its
// place, so that an order that is never changed costs no row there. An event names the revision that it shows.
//
// The columns that nothing writes yet belong to what is built on this schema next: stops, brackets, callers, limits, the audit.
pub(super) const TABLES: &str = "
CREATE TABLE instructions (
    instruction INTEGER NOT NULL PRIMARY KEY CHECK (instruction > 0),
    kind        TEXT    NOT NULL CHECK (kind IN ('PLACE', 'PLACE_BRACKET', 'TRANSMIT', 'REPLACE', 'CANCEL', 'CANCEL_ALL', 'HALT', 'RESUME')),
    state       TEXT    NOT NULL CHECK (state IN ('QUEUED', 'SENT', 'ACCEPTED', 'REFUSED', 'UNCONFIRMED')),
    request_id  TEXT    UNIQUE CHECK (request_id <> ''),
    digest      BLOB    CHECK (length(digest) = 32),
    caller      TEXT,
    order_id    INTEGER,
    order_ids   TEXT,
    body        TEXT,
    error_code  INTEGER,
    error       TEXT,
    limits_hash TEXT,
    created_at  TEXT    NOT NULL,
    decided_at  TEXT
) STRICT;

INSERT INTO instructions (kind, state, request_id, digest, order_id, created_at)
SELECT 'PLACE',
       CASE
           WHEN status = 'REJECTED' THEN 'REFUSED'
           WHEN acknowledged = 1 THEN 'ACCEPTED'
           WHEN status = 'SUBMITTING' THEN 'QUEUED'
           WHEN status = 'UNCONFIRMED' THEN 'UNCONFIRMED'
           WHEN status IN ('CANCELLED', 'API_CANCELLED') THEN 'REFUSED'
           ELSE 'ACCEPTED'
       END,
       request_id, digest, order_id, created_at
FROM orders ORDER BY order_id;

CREATE TABLE orders_3 (
    order_id              INTEGER NOT NULL PRIMARY KEY CHECK (order_id > 0),
    status                TEXT    NOT NULL,
    filled                TEXT    NOT NULL,
    avg_fill_price        TEXT,
    symbol                TEXT    NOT NULL CHECK (symbol <> ''),
    action                TEXT    NOT NULL CHECK (action IN ('BUY', 'SELL')),
    order_type            TEXT    NOT NULL,
    quantity              TEXT    NOT NULL,
    limit_price           TEXT,
    tif                   TEXT    NOT NULL,
    transmit              INTEGER NOT NULL CHECK (transmit IN (0, 1)),
    order_ref             TEXT    NOT NULL,
    last_error_code       INTEGER,
    last_error            TEXT,
    perm_id               INTEGER,
    last_update           TEXT    NOT NULL,
    raw_state             TEXT,
    client_id             INTEGER NOT NULL,
    account               TEXT    NOT NULL,
    request_id            TEXT    NOT NULL,
    remaining             TEXT    NOT NULL,
    terminal              INTEGER NOT NULL CHECK (terminal IN (0, 1)),
    sequence              INTEGER NOT NULL CHECK (sequence > 0),
    commission            TEXT,
    sec_type              TEXT    NOT NULL,
    exchange              TEXT    NOT NULL,
    currency              TEXT    NOT NULL,
    primary_exch          TEXT,
    outside_rth           INTEGER NOT NULL CHECK (outside_rth IN (0, 1)),
    client_tag            TEXT,
    cancel_requested      INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    created_at            TEXT    NOT NULL,
    why_held              TEXT,
    parent_order_id       INTEGER,
    bracket_id            INTEGER,
    terms_revision        INTEGER NOT NULL CHECK (terms_revision > 0),
    trail_stop            TEXT,
    other_perm_ids        TEXT,
    filled_unexplained    TEXT,
    fill_quantity_unknown INTEGER NOT NULL CHECK (fill_quantity_unknown IN (0, 1)),
    bracket_incomplete    INTEGER NOT NULL CHECK (bracket_incomplete IN (0, 1)),
    commissions           TEXT,
    placed_by             TEXT,
    instruction           INTEGER NOT NULL,
    acknowledged          INTEGER NOT NULL CHECK (acknowledged IN (0, 1)),
    worked                INTEGER NOT NULL CHECK (worked IN (0, 1)),
    con_id                INTEGER,
    released_at           TEXT,
    other_working         TEXT,
    stop_price            TEXT,
    trail_amount          TEXT,
    trail_percent         TEXT,
    limit_offset          TEXT,
    good_till             TEXT,
    oca_group             TEXT,
    oca_type              TEXT,
    reference_price       TEXT
) STRICT;

INSERT INTO orders_3 (
    order_id, status, filled, avg_fill_price, symbol, sec_type, exchange, currency, primary_exch, action, order_type, limit_price, quantity,
    tif, outside_rth, terms_revision, transmit, order_ref, last_error_code, last_error, perm_id, last_update, raw_state, client_id, account,
    request_id, remaining, terminal, sequence, commission, client_tag, cancel_requested, created_at, fill_quantity_unknown,
    bracket_incomplete, instruction, acknowledged, worked
)
SELECT o.order_id, o.status, o.filled, o.avg_fill_price, o.symbol, o.sec_type, o.exchange, o.currency, o.primary_exch, o.action, o.order_type,
       o.limit_price, o.quantity, o.tif, o.outside_rth, 1, o.transmit, o.order_ref, o.last_error_code, o.last_error, o.perm_id, o.last_update,
       o.raw_state, o.client_id, o.account, o.request_id, o.remaining, o.terminal, o.sequence, o.commission, o.client_tag, o.cancel_requested,
       o.created_at, 0, 0, i.instruction, o.acknowledged,
       o.filled <> '0' OR o.status IN ('PRE_SUBMITTED', 'SUBMITTED', 'PENDING_CANCEL', 'FILLED')
           OR (o.acknowledged = 1 AND o.transmit = 1 AND o.status IN ('UNCONFIRMED', 'CANCELLED', 'API_CANCELLED', 'UNKNOWN'))
FROM orders o JOIN instructions i ON i.request_id = o.request_id;

INSERT INTO instructions (kind, state, order_id, created_at)
SELECT 'CANCEL',
       CASE
           WHEN status IN ('CANCELLED', 'API_CANCELLED') THEN 'ACCEPTED'
           WHEN status IN ('FILLED', 'REJECTED') THEN 'REFUSED'
           ELSE 'SENT'
       END,
       order_id, last_update
FROM orders WHERE cancel_requested = 1 ORDER BY order_id;

DROP TABLE orders;
ALTER TABLE orders_3 RENAME TO orders;

CREATE INDEX orders_live       ON orders (terminal)       WHERE terminal = 0;
CREATE INDEX orders_by_status  ON orders (status)         WHERE terminal = 1;
CREATE INDEX orders_by_symbol  ON orders (symbol, status) WHERE terminal = 1;
CREATE INDEX orders_by_perm    ON orders (perm_id)        WHERE perm_id IS NOT NULL;
CREATE INDEX orders_by_ref     ON orders (order_ref)      WHERE order_ref <> request_id;
CREATE INDEX orders_with_other ON orders (terminal)       WHERE other_working IS NOT NULL;
CREATE INDEX orders_by_bracket ON orders (bracket_id)     WHERE bracket_id IS NOT NULL;
CREATE INDEX orders_by_oca     ON orders (oca_group)      WHERE oca_group IS NOT NULL;

CREATE INDEX instructions_by_order ON instructions (order_id) WHERE kind <> 'PLACE';

CREATE TABLE order_terms (
    order_id      INTEGER NOT NULL,
    revision      INTEGER NOT NULL CHECK (revision > 0),
    order_type    TEXT    NOT NULL,
    limit_price   TEXT,
    stop_price    TEXT,
    trail_amount  TEXT,
    trail_percent TEXT,
    limit_offset  TEXT,
    quantity      TEXT    NOT NULL,
    tif           TEXT    NOT NULL,
    PRIMARY KEY (order_id, revision)
) STRICT, WITHOUT ROWID;

ALTER TABLE order_events ADD COLUMN terms_revision INTEGER NOT NULL DEFAULT 1;

ALTER TABLE executions ADD COLUMN perm_id INTEGER;

CREATE TABLE epochs (
    epoch INTEGER NOT NULL PRIMARY KEY CHECK (epoch > 0),
    first INTEGER NOT NULL,
    last  INTEGER
) STRICT;

CREATE TABLE pruned_orders (
    order_id       INTEGER NOT NULL PRIMARY KEY CHECK (order_id > 0),
    request_id     TEXT    NOT NULL,
    perm_id        INTEGER,
    other_perm_ids TEXT
) STRICT;

CREATE TABLE pruned_executions (
    exec_id  TEXT    NOT NULL PRIMARY KEY,
    order_id INTEGER NOT NULL,
    perm_id  INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE journal (
    one            INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    store_id       TEXT    NOT NULL CHECK (store_id <> ''),
    stream         TEXT    NOT NULL,
    stream_created TEXT    NOT NULL,
    number         INTEGER NOT NULL,
    hash           BLOB    NOT NULL CHECK (length(hash) = 32),
    epoch          INTEGER NOT NULL,
    batch          INTEGER NOT NULL
) STRICT;

CREATE TABLE journal_outbox (
    batch INTEGER NOT NULL PRIMARY KEY CHECK (batch > 0),
    bytes BLOB    NOT NULL
) STRICT;

CREATE TABLE audit (
    audit       INTEGER NOT NULL PRIMARY KEY,
    at          TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    caller      TEXT,
    request_id  TEXT,
    order_id    INTEGER,
    body        TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
";

/// Adds the commissions of each order up by currency, from its executions. Until now they were one sum, whatever the currencies.
pub(super) fn fill_in(transaction: &Transaction<'_>) -> HookResult {
    let mut paid: BTreeMap<i32, BTreeMap<String, Amount>> = BTreeMap::new();
    {
        let mut statement = transaction.prepare(
            "SELECT order_id, commission, currency FROM executions WHERE commission IS NOT NULL AND currency IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut row = Reading::of(row);
            let (order_id, commission, currency) = (
                row.take::<i32>("order_id")?,
                row.take::<Amount>("commission")?,
                row.take::<String>("currency")?,
            );
            let of_order = paid.entry(order_id).or_default();
            let sum = of_order.entry(currency).or_default();
            *sum = Amount::new(sum.value() + commission.value());
        }
    }
    let mut update = transaction.prepare(
        "UPDATE orders SET commission = :commission, commissions = :commissions WHERE order_id = :order_id",
    )?;
    for (order_id, by_currency) in paid {
        let commissions: Vec<Commission> = by_currency
            .into_iter()
            .map(|(currency, amount)| Commission { amount, currency })
            .collect();
        let only = match commissions.as_slice() {
            [only] => Some(only.amount.to_string()),
            _ => None,
        };
        let text = commissions_text(&commissions);
        update.execute(named_params! {
            ":commission": only,
            ":commissions": text,
            ":order_id": order_id,
        })?;
    }
    Ok(())
}
