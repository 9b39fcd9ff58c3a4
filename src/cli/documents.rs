//! The documents of the commands whose operation answers an order or an error. Part of the contract: fields keep their names,
//! meanings and order; one without a value is `null`.

use serde::Serialize;

use crate::domain::{Fill, ListOut, OrderDetail, OrderState};
use crate::error::Error;

/// What `transmit` and `cancel` print.
#[derive(Debug, Serialize)]
pub(super) struct ChangeDocument {
    /// The order as it then is.
    order: Option<OrderState>,
    /// Why it was not done.
    error: Option<String>,
}

/// What `get` prints.
#[derive(Debug, Serialize)]
pub(super) struct GetDocument {
    /// The order as stored.
    order: Option<OrderState>,
    /// Its executions, oldest first.
    fills: Vec<Fill>,
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
            Ok(OrderDetail { order, fills }) => Self {
                order: Some(order),
                fills,
                error: None,
            },
            Err(error) => Self {
                order: None,
                fills: Vec::new(),
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
