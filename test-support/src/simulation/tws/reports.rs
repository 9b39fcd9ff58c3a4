//! What TWS says of its orders.

use ibkr_orders::domain::{
    Action, Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport,
    OpenOrderReport, OrderReport, Origin, Pricing, ReportedContract, ReportedTerms, StatusReport,
};
use ibkr_orders::tws::TwsEvent;

use super::held::Execution;
use super::{Held, Life, Tws};
use crate::simulation::{ACCOUNT, CLIENT_ID};

/// An order by what reports of it carry. It trades at 10.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) order_id: i32,
    pub(super) perm_id: i64,
    pub(super) order_ref: Option<String>,
    pub(super) contract: ReportedContract,
    pub(super) terms: ReportedTerms,
}

impl Named {
    pub(super) fn of(order: &Held) -> Self {
        let (ticket, shown) = (&order.ticket, order.shown());
        let price = Some(shown.price);
        let terms = ReportedTerms {
            action: Some(ticket.terms.action),
            order_type: Some(
                match ticket.terms.pricing {
                    Pricing::Stop { .. } => "STP",
                    _ => "LMT",
                }
                .to_owned(),
            ),
            quantity: Some(shown.total.into()),
            // TWS shows a first limit of a stop that means nothing.
            limit_price: price,
            aux_price: price,
            trail_stop_price: None,
            trailing_percent: None,
            limit_offset: None,
            tif: Some(ticket.terms.tif.to_string()),
            parent_order_id: order.parent,
            oca_group: order.parent.map(|parent| parent.to_string()),
        };
        Self {
            order_id: ticket.order_id,
            perm_id: order.perm_id,
            order_ref: order.order_ref.clone(),
            contract: ReportedContract {
                con_id: Some(265_598),
                symbol: Some(ticket.terms.contract.symbol.clone()),
                sec_type: Some("STK".to_owned()),
                currency: Some("USD".to_owned()),
            },
            terms,
        }
    }

    /// An order that nobody here placed.
    pub(super) fn stray(order_id: i32) -> Self {
        Self {
            order_id,
            perm_id: 0,
            order_ref: None,
            contract: ReportedContract {
                symbol: Some("GE".to_owned()),
                ..ReportedContract::default()
            },
            terms: ReportedTerms {
                action: Some(Action::Buy),
                order_type: Some("MKT".to_owned()),
                quantity: Some(7.into()),
                ..ReportedTerms::default()
            },
        }
    }

    pub(super) fn open_order(&self, origin: Origin, word: &str) -> OpenOrderReport {
        OpenOrderReport {
            origin,
            order_id: self.order_id,
            client_id: CLIENT_ID,
            perm_id: Some(self.perm_id),
            order_ref: self.order_ref.clone(),
            account: Some(ACCOUNT.to_owned()),
            contract: self.contract.clone(),
            terms: self.terms.clone(),
            filled_quantity: None,
            status: word.to_owned(),
            reject_reason: None,
            warning_text: None,
            completed_status: None,
        }
    }

    pub(super) fn status(
        &self,
        origin: Origin,
        word: &str,
        filled: i64,
        total: i64,
    ) -> StatusReport {
        StatusReport {
            origin,
            order_id: self.order_id,
            client_id: CLIENT_ID,
            perm_id: Some(self.perm_id),
            status: word.to_owned(),
            filled: filled.into(),
            remaining: (total - filled).into(),
            avg_fill_price: (filled > 0).then(|| Amount::from(10)),
            why_held: None,
        }
    }

    /// A live execution without a time and without sums.
    pub(super) fn execution(&self, exec_id: &str, shares: i64) -> ExecutionReport {
        ExecutionReport {
            origin: Origin::Live,
            order_id: self.order_id,
            client_id: CLIENT_ID,
            perm_id: Some(self.perm_id),
            order_ref: self.order_ref.clone(),
            account: Some(ACCOUNT.to_owned()),
            contract: self.contract.clone(),
            side: self.terms.action,
            exec_id: exec_id.to_owned(),
            quantity: shares.into(),
            price: Amount::from(10),
            exchange: "NASDAQ".to_owned(),
            time_text: String::new(),
            time: None,
            cumulative_quantity: None,
            avg_price: None,
        }
    }
}

impl Tws {
    /// An order as it stands, as a live report or as a row of a query.
    pub(super) fn show(&mut self, order_id: i32, origin: Origin) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let word = if order.located {
            "Inactive"
        } else if order.pending {
            "PendingSubmit"
        } else if order.parent.is_some() || self.random.percent(30) {
            "PreSubmitted"
        } else {
            "Submitted"
        };
        self.say(order_id, origin, word);
    }

    /// openOrder and orderStatus; live, either may be missing.
    pub(super) fn say(&mut self, order_id: i32, origin: Origin, word: &str) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let mut named = Named::of(order);
        let counted = order.counted;
        let mut total = order.shown().total;
        let parent = order.parent.and_then(|parent| self.orders.get(&parent));
        if self.switches.children_resized
            && let Some(parent) = parent
            && word != "Filled"
        {
            // It protects what has filled.
            total = parent.counted.max(counted);
            named.terms.quantity = Some(total.into());
        }
        let why_held = match (order.life, parent, order.ticket.terms.pricing) {
            _ if order.located => Some("locate"),
            (Life::Working, Some(parent), Pricing::Stop { .. }) if parent.life == Life::Working => {
                Some("child,trigger")
            }
            (Life::Working, Some(parent), _) if parent.life == Life::Working => Some("child"),
            (Life::Working, _, Pricing::Stop { .. }) => Some("trigger"),
            _ => None,
        };
        let mut shown = named.open_order(origin, word);
        let status = StatusReport {
            why_held: why_held.map(str::to_owned),
            ..named.status(origin, word, counted, total)
        };
        if word == "Filled" {
            // Its total is what filled in the end.
            shown.completed_status = Some(format!("Filled Size: {counted}"));
            shown.filled_quantity = self.random.percent(50).then(|| counted.into());
        }
        if origin == Origin::Snapshot || self.random.percent(80) {
            self.read_in_part(&mut shown);
            self.report(OrderReport::OpenOrder(shown));
        }
        if origin == Origin::Snapshot || self.random.percent(90) {
            self.report(OrderReport::Status(status));
        }
        self.count(order_id, counted);
    }

    /// The adapter cannot read a part of an open order.
    fn read_in_part(&mut self, row: &mut OpenOrderReport) {
        if !self.random.percent(self.faults.unreadable) {
            return;
        }
        match self.random.below(4) {
            0 => row.terms.action = None,
            1 => row.terms.quantity = None,
            2 => row.contract = ReportedContract::default(),
            _ => row.terms.order_type = None,
        }
        if let Some(session) = self.session {
            self.to_engine.push_back(TwsEvent::Unreadable {
                session,
                message: "openOrder",
                order_id: Some(row.order_id),
                detail: "a field of a later version".to_owned(),
            });
        }
    }

    pub(super) fn tell_execution(&mut self, order_id: i32, execution: &Execution, origin: Origin) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let told = execution_report(&Named::of(order), execution, origin);
        self.report(OrderReport::Execution(told));
        self.count(order_id, execution.cumulative);
    }

    pub(super) fn commission(&mut self, execution: &Execution, origin: Origin) {
        self.report(OrderReport::Commission(CommissionReport {
            origin,
            exec_id: execution.id(),
            amount: 1.into(),
            currency: "USD".to_owned(),
        }));
    }

    /// The second order under an id.
    pub(super) fn show_second(&mut self, order_id: i32, origin: Origin) {
        let order = &self.orders[&order_id];
        let Some(second) = &order.second else { return };
        let named = Named {
            perm_id: second.perm_id,
            order_ref: Some(order.ticket.order_ref.clone()),
            ..Named::of(order)
        };
        let word = if second.works {
            "Submitted"
        } else {
            "Cancelled"
        };
        let filled = second.executions.iter().map(|one| one.shares).sum();
        let shown = named.open_order(origin, word);
        let status = named.status(origin, word, filled, order.terms.total.max(filled));
        self.report(OrderReport::OpenOrder(shown));
        self.report(OrderReport::Status(status));
    }

    pub(super) fn tell_second_execution(
        &mut self,
        order_id: i32,
        execution: &Execution,
        origin: Origin,
    ) {
        let order = &self.orders[&order_id];
        let Some(second) = &order.second else { return };
        let named = Named {
            perm_id: second.perm_id,
            order_ref: Some(order.ticket.order_ref.clone()),
            ..Named::of(order)
        };
        let told = execution_report(&named, execution, origin);
        self.report(OrderReport::Execution(told));
    }

    /// A row of the completed orders.
    pub(super) fn completed(&mut self, order: &Held) {
        let named = Named::of(order);
        let with_ids = self.switches.completed_ids;
        let sizes = self.switches.completed_sizes;
        let filled = order.life == Life::Filled;
        let completed_status = match order.life {
            Life::Filled => sizes.then(|| format!("Filled Size: {}", order.counted)),
            Life::Inactive => Some("Order rejected - reason:too large".to_owned()),
            _ => Some("Cancelled by Trader".to_owned()),
        };
        let unfilled = order.terms.total - order.counted;
        self.report(OrderReport::Completed(CompletedReport {
            order_id: with_ids.then_some(named.order_id),
            client_id: with_ids.then_some(CLIENT_ID),
            perm_id: Some(named.perm_id),
            order_ref: named.order_ref,
            account: Some(ACCOUNT.to_owned()),
            contract: named.contract,
            terms: ReportedTerms {
                quantity: Some(unfilled.into()),
                ..named.terms
            },
            status: if filled { "Filled" } else { "Cancelled" }.to_owned(),
            unfilled: Some(unfilled.into()),
            filled: None,
            completed_status,
        }));
        if filled && sizes {
            let order_id = named.order_id;
            self.count(order_id, order.counted);
        }
    }

    pub(super) fn error(&mut self, order_id: i32, code: i32, text: &str) {
        self.report(OrderReport::Error(ErrorReport {
            order_id,
            code,
            text: text.to_owned(),
        }));
    }

    pub(super) fn report(&mut self, report: OrderReport) {
        // Nobody hears what TWS says without a session.
        if let Some(session) = self.session {
            self.to_engine
                .push_back(TwsEvent::Report { session, report });
        }
    }
}

fn execution_report(named: &Named, execution: &Execution, origin: Origin) -> ExecutionReport {
    ExecutionReport {
        origin,
        order_id: execution.order_id_shown.unwrap_or(named.order_id),
        cumulative_quantity: Some(execution.cumulative.into()),
        avg_price: Some(10.into()),
        time_text: "20260825 14:11:30 US/Eastern".to_owned(),
        ..named.execution(&execution.id(), execution.shares)
    }
}
