//! The documents of the commands whose operation answers an order or an error. Part of the contract: fields keep their names,
//! meanings and order; one without a value is `null`.

use serde::Serialize;

use crate::domain::{AccountOut, AccountValue, Position, PositionsOut, Timestamp};
use serde_json::Value;

use crate::domain::{Fill, ListOut, Margins, OrderDetail, OrderError, OrderState, PreviewOut};
use crate::error::Error;

/// What `transmit` and `cancel` print.
#[derive(Debug, Serialize)]
pub(super) struct ChangeDocument {
    /// The order as it then is.
    order: Option<OrderState>,
    /// Why it was not done.
    error: Option<String>,
}

/// What `preview` prints.
#[derive(Debug, Serialize)]
pub(super) struct PreviewDocument {
    /// What TWS says, or why it was not asked.
    #[serde(flatten)]
    out: PreviewOut,
    /// Every violation of an order that is not valid.
    errors: Option<Vec<OrderError>>,
}

impl From<Result<PreviewOut, Error>> for PreviewDocument {
    fn from(result: Result<PreviewOut, Error>) -> Self {
        let error = match result {
            Ok(out) => return Self { out, errors: None },
            Err(error) => error,
        };
        let (error, errors) = if error.violations.is_empty() {
            (Some(error.message), None)
        } else {
            let violations = error.violations.into_iter().map(OrderError::Violation);
            (None, Some(violations.collect()))
        };
        let nothing = Margins::default();
        Self {
            out: PreviewOut {
                accepted: false,
                account: String::new(),
                before: nothing,
                change: nothing,
                after: nothing,
                margin_currency: None,
                commission: None,
                min_commission: None,
                max_commission: None,
                commission_currency: None,
                warning_text: None,
                error_code: None,
                error,
                contract: Value::Null,
                order_payload: Value::Null,
            },
            errors,
        }
    }
}

/// What `get` prints.
#[derive(Debug, Serialize)]
pub(super) struct GetDocument {
    /// The order as stored.
    order: Option<OrderState>,
    /// Its executions, oldest first.
    fills: Vec<Fill>,
    /// Of a bracket's entry: its exits.
    legs: Vec<OrderState>,
    /// Why there is none.
    error: Option<String>,
}

/// What `list` prints.
#[derive(Debug, Serialize)]
pub(super) struct ListDocument {
    /// Newest first.
    orders: Vec<OrderState>,
    /// Token of the next page.
    next_page_token: Option<String>,
    /// Why there are none.
    error: Option<String>,
}

/// What `positions` prints.
#[derive(Debug, Serialize)]
pub(super) struct PositionsDocument {
    /// By account, symbol and contract id.
    positions: Vec<Position>,
    /// When TWS last said anything about them.
    as_of: Option<Timestamp>,
    /// They may be old, or not all.
    stale: bool,
    /// Why there is no answer.
    error: Option<String>,
}

/// What `account` prints.
#[derive(Debug, Serialize)]
pub(super) struct AccountDocument {
    /// Which account.
    account: Option<String>,
    /// By name and currency.
    values: Vec<AccountValue>,
    /// When TWS last said anything about them.
    as_of: Option<Timestamp>,
    /// They may be old, or not all.
    stale: bool,
    /// Why there is no answer.
    error: Option<String>,
}

impl From<Result<PositionsOut, Error>> for PositionsDocument {
    fn from(result: Result<PositionsOut, Error>) -> Self {
        match result {
            Ok(PositionsOut {
                positions,
                as_of,
                stale,
            }) => Self {
                positions,
                as_of,
                stale,
                error: None,
            },
            Err(error) => Self {
                positions: Vec::new(),
                as_of: None,
                stale: true,
                error: Some(error.message),
            },
        }
    }
}

impl From<Result<AccountOut, Error>> for AccountDocument {
    fn from(result: Result<AccountOut, Error>) -> Self {
        match result {
            Ok(AccountOut {
                account,
                values,
                as_of,
                stale,
            }) => Self {
                account: Some(account),
                values,
                as_of,
                stale,
                error: None,
            },
            Err(error) => Self {
                account: None,
                values: Vec::new(),
                as_of: None,
                stale: true,
                error: Some(error.message),
            },
        }
    }
}

impl From<Result<OrderState, Error>> for ChangeDocument {
    fn from(result: Result<OrderState, Error>) -> Self {
        match result {
            Ok(order) => Self {
                order: Some(order),
                error: None,
            },
            Err(error) => Self {
                order: None,
                error: Some(error.message),
            },
        }
    }
}

impl From<Result<OrderDetail, Error>> for GetDocument {
    fn from(result: Result<OrderDetail, Error>) -> Self {
        match result {
            Ok(OrderDetail { order, fills, legs }) => Self {
                order: Some(order),
                fills,
                legs,
                error: None,
            },
            Err(error) => Self {
                order: None,
                fills: Vec::new(),
                legs: Vec::new(),
                error: Some(error.message),
            },
        }
    }
}

impl From<Result<ListOut, Error>> for ListDocument {
    fn from(result: Result<ListOut, Error>) -> Self {
        match result {
            Ok(ListOut {
                orders,
                next_page_token,
            }) => Self {
                orders,
                next_page_token,
                error: None,
            },
            Err(error) => Self {
                orders: Vec::new(),
                next_page_token: None,
                error: Some(error.message),
            },
        }
    }
}
