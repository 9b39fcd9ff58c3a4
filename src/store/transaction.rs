//! What a writer may do inside one transaction.

use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, Params, params};

use super::columns::{self, select_order};
use super::statements::StatementCache;
use super::{StoreError, audit, event_body, rows};
use crate::domain::{
    AuditRecord, Fill, Halt, Instruction, InstructionOutcome, OrderRecord, StoredEvent,
    WorkingTerms,
};

/// One transaction on the store's thread. What it reads includes what it wrote.
///
/// Where an operation fails because SQLite gave up the whole transaction (no room, a disk error), every later one fails with the same
/// error, so that nothing is written outside of it.
#[derive(Debug)]
pub struct Transaction<'a> {
    held: StatementCache<'a>,
    given_up: Option<StoreError>,
}

impl<'a> Transaction<'a> {
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self {
            held: StatementCache::new(connection),
            given_up: None,
        }
    }

    /// The order with this id.
    ///
    /// # Errors
    /// [`StoreError`], as for every operation here.
    pub fn by_order_id(&mut self, order_id: i32) -> Result<Option<OrderRecord>, StoreError> {
        self.order(select_order!("WHERE order_id = ?1"), [order_id])
    }

    /// The order placed under this request id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_request_id(&mut self, request_id: &str) -> Result<Option<OrderRecord>, StoreError> {
        self.order(PLACED_UNDER, [request_id])
    }

    /// The digest of what was instructed under this request id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn digest(&mut self, request_id: &str) -> Result<Option<[u8; 32]>, StoreError> {
        self.guarded(|held| {
            held.statement("SELECT digest FROM instructions WHERE request_id = :request_id AND digest IS NOT NULL")?
                .query_row([request_id], |row| row.get(0))
                .optional()
        })
    }

    /// What was instructed under this request id, of whatever kind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn instruction(&mut self, request_id: &str) -> Result<Option<Instruction>, StoreError> {
        self.guarded(|held| {
            held.statement(INSTRUCTION)?
                .query_row([request_id], columns::instruction)
                .optional()
        })
    }

    /// Releases, replacements and cancels of an order that are not decided, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open_instructions(&mut self, order_id: i32) -> Result<Vec<Instruction>, StoreError> {
        self.guarded(|held| {
            held.statement(OPEN_OF_ORDER)?
                .query_map([order_id], columns::instruction)?
                .collect()
        })
    }

    /// Stores a new instruction.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when its id or its request id is taken.
    pub fn insert_instruction(&mut self, instruction: &Instruction) -> Result<(), StoreError> {
        self.guarded(|held| rows::insert_instruction(held, instruction))
    }

    /// Stores what became of an instruction.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is none with this id.
    pub fn set_instruction_outcome(
        &mut self,
        id: u64,
        outcome: &InstructionOutcome,
    ) -> Result<(), StoreError> {
        let InstructionOutcome {
            state,
            error_code,
            error,
            decided_at,
        } = outcome;
        let decided_at = decided_at.map(|at| at.to_string());
        let rows = self.guarded(|held| {
            held.statement(
                "UPDATE instructions SET state = :state, error_code = :error_code, error = :error, decided_at = :decided_at \
                 WHERE instruction = :instruction",
            )?
            .execute(params![
                state.as_str(),
                error_code,
                error,
                decided_at,
                id.cast_signed()
            ])
        })?;
        if rows == 1 {
            return Ok(());
        }
        Err(StoreError::Refused(format!("there is no instruction {id}")))
    }

    /// Keeps a revision of an order's terms that another one has taken the place of.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when that revision is stored.
    pub fn insert_terms(
        &mut self,
        order_id: i32,
        revision: u32,
        terms: &WorkingTerms,
    ) -> Result<(), StoreError> {
        self.guarded(|held| rows::insert_terms(held, order_id, revision, terms))
    }

    /// Stores the halts in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_halts(&mut self, halts: &[Halt]) -> Result<(), StoreError> {
        let json = serde_json::to_string(halts)
            .map_err(|error| StoreError::Refused(format!("the halts: {error}")))?;
        self.guarded(|held| {
            held.statement("INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value")?
                .execute(params![HALTS, json])
        })
        .map(drop)
    }

    /// The orders of an OCA group, newest first: as many as can tell whether another may join it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn oca_members(&mut self, group: &str) -> Result<Vec<OrderRecord>, StoreError> {
        self.guarded(|held| {
            held.statement(OCA_MEMBERS)?
                .query_map([group], columns::order_record)?
                .collect()
        })
    }

    /// The newest order with this permanent id of TWS.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_perm_id(&mut self, perm_id: i64) -> Result<Option<OrderRecord>, StoreError> {
        self.order(
            select_order!("WHERE perm_id = ?1 ORDER BY order_id DESC LIMIT 1"),
            [perm_id],
        )
    }

    /// Orders with this orderRef, newest first, at most [`ORDERS_OF_A_REF_MAX`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn by_order_ref(&mut self, order_ref: &str) -> Result<Vec<OrderRecord>, StoreError> {
        self.guarded(|held| {
            held.statement(BY_ORDER_REF)?
                .query_map(
                    params![
                        order_ref,
                        i64::try_from(ORDERS_OF_A_REF_MAX).unwrap_or(i64::MAX)
                    ],
                    columns::order_record,
                )?
                .collect()
        })
    }

    /// The executions of an order, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn executions(&mut self, order_id: i32) -> Result<Vec<Fill>, StoreError> {
        self.guarded(|held| fills_of(held.connection(), order_id))
    }

    /// One execution.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn execution(&mut self, exec_id: &str) -> Result<Option<Fill>, StoreError> {
        self.guarded(|held| {
            let sql = format!(
                "SELECT {} FROM executions WHERE exec_id = ?1",
                columns::FILL
            );
            held.connection()
                .prepare_cached(&sql)?
                .query_row([exec_id], columns::fill)
                .optional()
        })
    }

    /// Stores a new order.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when its order id or request id is taken.
    pub fn insert_order(&mut self, record: &OrderRecord) -> Result<(), StoreError> {
        self.guarded(|held| rows::insert_order(held, record))
    }

    /// Stores what has changed about an order: its progress, and its terms where their revision is another one.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when there is no order with this order id and request id.
    pub fn update_order(&mut self, record: &OrderRecord) -> Result<(), StoreError> {
        if self.guarded(|held| rows::update_order(held, record))? {
            return Ok(());
        }
        Err(StoreError::Refused(format!(
            "there is no order {} of request {}",
            record.state.order_id, record.state.request_id
        )))
    }

    /// Appends an event under its own sequence.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the sequence is taken.
    pub fn append_event(&mut self, event: &StoredEvent) -> Result<(), StoreError> {
        let event_body::Encoded {
            kind,
            body,
            raw_state,
            terms_revision,
        } = event_body::encode(&event.kind)?;
        self.guarded(|held| {
            held.statement(
                "INSERT INTO order_events (sequence, order_id, kind, body, raw_state, terms_revision) \
                 VALUES (:sequence, :order_id, :kind, :body, :raw_state, :terms_revision)",
            )?
            .execute(params![
                event.sequence.cast_signed(),
                event.order_id,
                kind,
                body,
                raw_state,
                terms_revision
            ])
            .map(drop)
        })
    }

    /// Stores a new execution.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when its id is known.
    pub fn insert_execution(&mut self, fill: &Fill) -> Result<(), StoreError> {
        self.guarded(|held| rows::insert_execution(held, fill))
    }

    /// Puts a correction in the place of the execution that it corrects.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the order has no execution of the old id, or the new id is taken by another.
    pub fn replace_execution(&mut self, old_exec_id: &str, fill: &Fill) -> Result<(), StoreError> {
        if self.guarded(|held| rows::update_execution(held, old_exec_id, fill))? {
            return Ok(());
        }
        Err(StoreError::Refused(format!(
            "order {} has no execution {old_exec_id}",
            fill.order_id
        )))
    }

    /// Stores what became known of an execution, its commission above all.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when the order has no execution of this id.
    pub fn update_execution(&mut self, fill: &Fill) -> Result<(), StoreError> {
        self.replace_execution(&fill.exec_id, fill)
    }

    /// Remembers an order id that was used though no order is stored under it, a preview's. Ids go on above the highest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn spend_order_id(&mut self, order_id: i32) -> Result<(), StoreError> {
        self.guarded(|held| {
            held.statement("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
                .execute((SPENT_ORDER_ID, order_id.to_string()))
                .map(drop)
        })
    }

    /// Appends records to the audit.
    ///
    /// # Errors
    /// [`StoreError::Audit`] where its table is what cannot be written: the whole transaction should end.
    pub fn append_audit(&mut self, records: &[AuditRecord]) -> Result<(), StoreError> {
        for record in records {
            self.guarded(|held| audit::append(held, record))
                .map_err(|error| match error {
                    StoreError::Refused(why) | StoreError::Damaged(why) | StoreError::Io(why) => {
                        StoreError::Audit(why)
                    }
                    other => other,
                })?;
        }
        Ok(())
    }

    /// Binds the store to these accounts.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn pin_accounts(&mut self, accounts: &[String]) -> Result<(), StoreError> {
        let json = serde_json::to_string(accounts)
            .map_err(|error| StoreError::Refused(error.to_string()))?;
        self.guarded(|held| {
            held.statement("INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)")?
                .execute(params![ACCOUNTS, json])
                .map(drop)
        })
    }

    /// Forgets which accounts the store belongs to: those of the next login are pinned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn unpin_accounts(&mut self) -> Result<(), StoreError> {
        self.guarded(|held| {
            held.statement("DELETE FROM meta WHERE key = ?1")?
                .execute([ACCOUNTS])
                .map(drop)
        })
    }

    /// Does something on the connection itself.
    pub(super) fn directly<T>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        self.guarded(|held| work(held.connection()))
    }

    /// Does a part of the transaction that may fail by itself: on an error what it wrote is undone, and the rest goes on.
    ///
    /// # Errors
    /// What `work` answered. [`StoreError::Refused`] concerns this part only; after any other error the whole transaction should end.
    pub fn attempt<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.guarded(|held| execute(held, "SAVEPOINT part"))?;
        let outcome = work(self);
        if outcome.is_err() {
            // Fails only where the transaction is given up as a whole.
            let _ = self.guarded(|held| execute(held, "ROLLBACK TO part"));
        }
        let released = self.guarded(|held| execute(held, "RELEASE part"));
        outcome.and_then(|value| released.map(|()| value))
    }

    /// What it runs on, for what is more than a statement. An error there must be passed on: it ends the whole transaction.
    pub(super) const fn connection(&self) -> &'a Connection {
        self.held.connection()
    }

    /// Why SQLite gave up the transaction, if it did.
    pub(super) fn given_up(&self) -> Option<StoreError> {
        self.given_up.clone()
    }

    fn order(
        &mut self,
        sql: &'static str,
        params: impl Params,
    ) -> Result<Option<OrderRecord>, StoreError> {
        self.guarded(|held| {
            held.statement(sql)?
                .query_row(params, columns::order_record)
                .optional()
        })
    }

    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut StatementCache<'a>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        if let Some(error) = &self.given_up {
            return Err(error.clone());
        }
        work(&mut self.held).map_err(|error| {
            let error = StoreError::from(error);
            if self.held.connection().is_autocommit() {
                self.given_up = Some(error.clone());
            }
            error
        })
    }
}

/// The most orders that [`Transaction::by_order_ref`] answers: a reference that more orders share names none of them.
pub const ORDERS_OF_A_REF_MAX: usize = 16;

/// Request ids are unique among the instructions, and found there.
pub(super) const PLACED_UNDER: &str = select_order!(
    "WHERE order_id = (SELECT order_id FROM instructions WHERE request_id = ?1 AND kind IN ('PLACE', 'PLACE_BRACKET'))"
);

const INSTRUCTION: &str = concat!(
    "SELECT ",
    columns::instruction_columns!(),
    " FROM instructions WHERE request_id = ?1"
);

/// Those that were refused never were in the group, and there may be many of them.
const OCA_MEMBERS: &str = select_order!(
    "WHERE oca_group = ?1 AND oca_group IS NOT NULL AND status <> 'REJECTED' ORDER BY terminal DESC, order_id DESC LIMIT 100"
);

const OPEN_OF_ORDER: &str = concat!(
    "SELECT ",
    columns::instruction_columns!(),
    " FROM instructions WHERE order_id = ?1 AND ",
    columns::is_open!(),
    " ORDER BY instruction"
);

/// A reference that is the request id itself is found by the index of that, any other by its own.
const BY_ORDER_REF: &str = concat!(
    select_order!(
        "WHERE order_id = (SELECT order_id FROM instructions WHERE request_id = ?1) AND request_id = ?1 AND order_ref = ?1"
    ),
    " UNION ALL ",
    select_order!("WHERE order_ref = ?1 AND order_ref <> request_id"),
    " ORDER BY order_id DESC LIMIT ?2"
);

/// Key of the pinned accounts in `meta`, a JSON array.
const ACCOUNTS: &str = "accounts";

/// Key of the halts in force in `meta`, a JSON array.
const HALTS: &str = "halts";

/// The halts in force.
pub(super) fn halts(connection: &Connection) -> Result<Vec<Halt>, StoreError> {
    let Some(json) = meta(connection, HALTS)? else {
        return Ok(Vec::new());
    };
    serde_json::from_str(&json)
        .map_err(|error| StoreError::Damaged(format!("the halts in meta: {error}")))
}

/// Key of the highest order id that was used without an order, in `meta`.
pub(super) const SPENT_ORDER_ID: &str = "spent_order_id";

/// A value of `meta`.
pub(super) fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()
}

/// The accounts that a store is pinned to.
pub(super) fn pinned_accounts(connection: &Connection) -> Result<Option<Vec<String>>, StoreError> {
    meta(connection, ACCOUNTS)?
        .map(|json| read_accounts(&json))
        .transpose()
}

/// The executions of an order, oldest first.
pub(super) fn fills_of(connection: &Connection, order_id: i32) -> rusqlite::Result<Vec<Fill>> {
    let sql = format!(
        "SELECT {} FROM executions WHERE order_id = ?1 ORDER BY execution",
        columns::FILL
    );
    connection
        .prepare_cached(&sql)?
        .query_map([order_id], columns::fill)?
        .collect()
}

fn read_accounts(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json)
        .map_err(|error| StoreError::Damaged(format!("the accounts in meta: {error}")))
}

fn execute(held: &mut StatementCache<'_>, sql: &'static str) -> rusqlite::Result<()> {
    held.statement(sql)?.execute([]).map(drop)
}
