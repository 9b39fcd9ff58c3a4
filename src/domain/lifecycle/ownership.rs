//! Whose report it is. Order ids are used again after a counter was rolled back, and orderRefs may be shared: a report is about an order only
//! when what it shows of contract, side, account and time fits.

use super::TrackedOrder;
use crate::domain::{Action, OrderRecord, OrderReport, OrderState, ReportedContract, Timestamp};

/// How much earlier than the order an execution may have happened by the clock of another machine, in microseconds.
const CLOCK_SKEW_MAX_MICROS: i64 = 3_600_000_000;
/// TWS cuts an orderRef to so many characters.
const ORDER_REF_KEPT_CHARS: usize = 40;

/// Whose report it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// It is about the order.
    Ours,
    /// It is about a second order that TWS made under the same id (seen after a change that was sent while TWS had lost IB).
    SecondOrder {
        /// Its permanent id.
        perm_id: i64,
    },
    /// It is about somebody else's order, or about one of another time.
    Foreign {
        /// What does not fit, for the log.
        why: &'static str,
    },
}

/// What a report shows that tells whose it is. `None` where it does not carry the field.
struct Shown<'a> {
    perm_id: Option<i64>,
    contract: Option<&'a ReportedContract>,
    side: Option<Action>,
    account: Option<&'a str>,
    order_ref: Option<&'a str>,
    executed_at: Option<Timestamp>,
}

impl<'a> Shown<'a> {
    /// `None` for a report that names its order in another way: an error by its id, a commission by its execution.
    fn of(report: &'a OrderReport) -> Option<Self> {
        Some(match report {
            OrderReport::OpenOrder(report) => Self {
                perm_id: report.perm_id,
                contract: Some(&report.contract),
                side: report.terms.action,
                account: report.account.as_deref(),
                order_ref: report.order_ref.as_deref(),
                executed_at: None,
            },
            OrderReport::Status(report) => Self {
                perm_id: report.perm_id,
                contract: None,
                side: None,
                account: None,
                order_ref: None,
                executed_at: None,
            },
            OrderReport::Execution(report) => Self {
                perm_id: report.perm_id,
                contract: Some(&report.contract),
                side: report.side,
                account: report.account.as_deref(),
                order_ref: report.order_ref.as_deref(),
                executed_at: report.time,
            },
            OrderReport::Completed(report) => Self {
                perm_id: report.perm_id,
                contract: Some(&report.contract),
                side: report.terms.action,
                account: report.account.as_deref(),
                order_ref: report.order_ref.as_deref(),
                executed_at: None,
            },
            OrderReport::Commission(_) | OrderReport::Error(_) => return None,
        })
    }
}

/// Whose report it is that was found by the order's id or permanent id.
pub fn ownership(order: &TrackedOrder, report: &OrderReport) -> Ownership {
    let state = &order.record.state;
    let Some(shown) = Shown::of(report) else {
        return Ownership::Ours;
    };
    if let Some(why) = mismatch(&order.record, &shown) {
        return Ownership::Foreign { why };
    }
    match (state.perm_id, shown.perm_id) {
        (Some(known), Some(perm_id)) if known == perm_id => Ownership::Ours,
        (Some(_), Some(perm_id)) if state.other_perm_ids.contains(&perm_id) => {
            Ownership::SecondOrder { perm_id }
        }
        (known, perm_id) => match (unconfirmed_mismatch(state, &shown), known, perm_id) {
            (Some(why), _, _) => Ownership::Foreign { why },
            (None, Some(_), Some(perm_id)) => match shown.contract {
                Some(_) => Ownership::SecondOrder { perm_id },
                // A status shows nothing that could fit.
                None => Ownership::Foreign {
                    why: "another permanent id",
                },
            },
            (None, _, _) => Ownership::Ours,
        },
    }
}

/// What never differs between an order and its own reports.
fn mismatch(record: &OrderRecord, shown: &Shown<'_>) -> Option<&'static str> {
    let state = &record.state;
    if let Some(contract) = shown.contract {
        let ReportedContract {
            con_id,
            symbol,
            sec_type,
            currency,
        } = contract;
        if let (Some(known), Some(shown)) = (record.con_id, con_id)
            && known != *shown
        {
            return Some("another contract");
        }
        let ours = &state.terms.contract;
        let differs = |shown: &Option<String>, ours: &str| {
            shown
                .as_ref()
                .is_some_and(|shown| !shown.eq_ignore_ascii_case(ours))
        };
        if differs(symbol, &ours.symbol) {
            return Some("another symbol");
        }
        if differs(sec_type, ours.sec_type.as_str()) || differs(currency, &ours.currency) {
            return Some("another contract");
        }
    }
    if shown.side.is_some_and(|side| side != state.terms.action) {
        return Some("the other side");
    }
    if shown
        .account
        .is_some_and(|account| account != state.account)
    {
        return Some("another account");
    }
    None
}

/// What must fit as well where no permanent id confirms the report.
fn unconfirmed_mismatch(state: &OrderState, shown: &Shown<'_>) -> Option<&'static str> {
    let placed = state.created_at.unix_micros();
    if shown
        .executed_at
        .is_some_and(|at| at.unix_micros() + CLOCK_SKEW_MAX_MICROS < placed)
    {
        return Some("executed before the order was placed");
    }
    if shown
        .order_ref
        .is_some_and(|came_back| !came_back_as(&state.order_ref, came_back))
    {
        return Some("another orderRef");
    }
    None
}

/// Whether an orderRef may have come back like this: TWS takes off blanks at the ends, cuts long ones and replaces characters beyond ASCII.
fn came_back_as(sent: &str, came_back: &str) -> bool {
    fn kept(text: &str) -> impl Iterator<Item = char> {
        text.chars()
            .filter(|c| c.is_ascii() && *c != '?' && !c.is_whitespace())
    }
    if sent == came_back {
        return true;
    }
    let mut sent_kept = kept(sent);
    let begins_alike = kept(came_back).all(|c| sent_kept.next() == Some(c));
    let is_whole = sent_kept.next().is_none();
    begins_alike && (is_whole || came_back.chars().count() >= ORDER_REF_KEPT_CHARS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_ref_is_known_again_as_tws_gives_it_back() {
        let long = "x".repeat(128);
        for (sent, came_back) in [
            ("my tag ", "my tag"),
            ("Grün", "Gr?n"),
            ("Grün", "Grn"),
            (long.as_str(), &long[..40]),
            ("same", "same"),
        ] {
            assert!(came_back_as(sent, came_back), "{sent} -> {came_back}");
        }
        for (sent, came_back) in [
            ("my tag", "my"),
            ("gw-1", "gw-12"),
            ("gw-12", "gw-1"),
            ("ours", "theirs"),
        ] {
            assert!(!came_back_as(sent, came_back), "{sent} -> {came_back}");
        }
    }
}
