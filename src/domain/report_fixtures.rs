//! What TWS tells of an order, in the adapter's words: for tests of the lifecycle and of the engine, and for the models of TWS.

use super::{
    Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, OpenOrderReport,
    OrderReport, Origin, ReportedContract, ReportedTerms, StatusReport,
};

/// An order by the names that reports carry. It trades at 10.
#[derive(Debug, Clone)]
pub(crate) struct OrderInTws {
    pub(crate) order_id: i32,
    pub(crate) client_id: i32,
    pub(crate) perm_id: i64,
    pub(crate) order_ref: Option<String>,
    pub(crate) account: Option<String>,
}

impl OrderInTws {
    pub(crate) fn open_order(&self, origin: Origin, word: &str) -> OrderReport {
        OrderReport::OpenOrder(OpenOrderReport {
            origin,
            order_id: self.order_id,
            client_id: self.client_id,
            perm_id: Some(self.perm_id),
            order_ref: self.order_ref.clone(),
            account: self.account.clone(),
            contract: ReportedContract::default(),
            terms: ReportedTerms::default(),
            filled_quantity: None,
            status: word.to_owned(),
            reject_reason: None,
            warning_text: None,
            completed_status: None,
        })
    }

    pub(crate) fn status(
        &self,
        origin: Origin,
        word: &str,
        filled: Amount,
        quantity: Amount,
    ) -> OrderReport {
        OrderReport::Status(StatusReport {
            origin,
            order_id: self.order_id,
            client_id: self.client_id,
            perm_id: Some(self.perm_id),
            status: word.to_owned(),
            filled,
            remaining: Amount::new(quantity.value() - filled.value()),
            avg_fill_price: filled.is_positive().then(|| Amount::from(10)),
            why_held: None,
        })
    }

    /// A live execution without a time and without sums.
    pub(crate) fn execution(&self, exec_id: &str, quantity: Amount) -> ExecutionReport {
        ExecutionReport {
            origin: Origin::Live,
            order_id: self.order_id,
            client_id: self.client_id,
            perm_id: Some(self.perm_id),
            order_ref: self.order_ref.clone(),
            account: self.account.clone(),
            contract: ReportedContract::default(),
            side: None,
            exec_id: exec_id.to_owned(),
            quantity,
            price: Amount::from(10),
            exchange: "NASDAQ".to_owned(),
            time_text: String::new(),
            time: None,
            cumulative_quantity: None,
            avg_price: None,
        }
    }

    /// A row of the completed orders, which carry no id, with no quantities.
    pub(crate) fn completed(&self, symbol: &str, word: &str) -> CompletedReport {
        CompletedReport {
            order_id: None,
            client_id: None,
            perm_id: Some(self.perm_id),
            order_ref: self.order_ref.clone(),
            account: self.account.clone(),
            contract: ReportedContract {
                symbol: Some(symbol.to_owned()),
                ..ReportedContract::default()
            },
            terms: ReportedTerms::default(),
            status: word.to_owned(),
            unfilled: None,
            filled: None,
            completed_status: None,
        }
    }
}

pub(crate) fn commission(origin: Origin, exec_id: &str, paid: Amount) -> OrderReport {
    OrderReport::Commission(CommissionReport {
        origin,
        exec_id: exec_id.to_owned(),
        amount: paid,
        currency: "USD".to_owned(),
    })
}

pub(crate) fn error(order_id: i32, code: i32, text: &str) -> OrderReport {
    OrderReport::Error(ErrorReport {
        order_id,
        code,
        text: text.to_owned(),
    })
}
