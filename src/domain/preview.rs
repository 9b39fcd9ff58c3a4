//! What TWS says about a preview, and what is answered of it.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Amount, Margins};

/// Decimals of a change of a margin.
const CHANGE_DECIMALS: u32 = 2;
/// Decimals of a commission.
const COMMISSION_DECIMALS: u32 = 4;

/// TWS's echo of a preview: an open order that says of itself that it is none. Numbers that TWS left out are `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PreviewReport {
    /// The id that the preview was sent under.
    pub order_id: i32,
    /// The margins as they are.
    pub before: Margins,
    /// What the order would change.
    pub change: Margins,
    /// The margins with the order.
    pub after: Margins,
    /// Currency of the margins.
    pub margin_currency: Option<String>,
    /// The commission and fees.
    pub commission: Option<Amount>,
    /// The least they may come to.
    pub min_commission: Option<Amount>,
    /// The most they may come to.
    pub max_commission: Option<Amount>,
    /// Currency of the commission.
    pub commission_currency: Option<String>,
    /// TWS's warning.
    pub warning_text: Option<String>,
    /// Why TWS would reject the order.
    pub reject_reason: Option<String>,
}

impl PreviewReport {
    /// Whether it has the numbers. A first echo may have a warning only: TWS makes it by itself, and IB's follows.
    pub const fn is_complete(&self) -> bool {
        self.change.initial.is_some() || self.after.initial.is_some()
    }

    /// The same without the noise that doubles have behind the point.
    #[must_use]
    pub fn rounded(self) -> Self {
        let rounded = |amount: Option<Amount>, decimals| {
            amount.map(|amount| Amount::new(round(amount.value(), decimals)))
        };
        let Margins {
            initial,
            maintenance,
            equity_with_loan,
        } = self.change;
        Self {
            change: Margins {
                initial: rounded(initial, CHANGE_DECIMALS),
                maintenance: rounded(maintenance, CHANGE_DECIMALS),
                equity_with_loan: rounded(equity_with_loan, CHANGE_DECIMALS),
            },
            commission: rounded(self.commission, COMMISSION_DECIMALS),
            min_commission: rounded(self.min_commission, COMMISSION_DECIMALS),
            max_commission: rounded(self.max_commission, COMMISSION_DECIMALS),
            ..self
        }
    }
}

fn round(value: Decimal, decimals: u32) -> Decimal {
    value.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
}

/// TWS's verdict on a preview.
#[derive(Debug, Clone, PartialEq)]
pub enum PreviewVerdict {
    /// It would take the order.
    Accepted(Box<PreviewReport>),
    /// It would not.
    Refused {
        /// TWS's code, where it gave one.
        code: Option<i32>,
        /// TWS's text.
        text: String,
        /// What it warned of before.
        warning_text: Option<String>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_have_two_decimals_and_commissions_four() {
        let amount = |text: &str| Some(Amount::parse(text).unwrap());
        let report = PreviewReport {
            before: Margins {
                initial: amount("148839.9"),
                ..Margins::default()
            },
            change: Margins {
                initial: amount("4398.70000000001"),
                maintenance: amount("-0.005"),
                equity_with_loan: None,
            },
            commission: amount("1.00034999"),
            min_commission: amount("0.00005"),
            ..PreviewReport::default()
        }
        .rounded();
        assert_eq!(report.before.initial, amount("148839.9"));
        assert_eq!(report.change.initial, amount("4398.7"));
        assert_eq!(report.change.maintenance, amount("-0.01"));
        assert_eq!(report.change.equity_with_loan, None);
        assert_eq!(report.commission, amount("1.0003"));
        assert_eq!(report.min_commission, amount("0.0001"));
        assert!(report.is_complete());
        assert!(!PreviewReport::default().is_complete());
    }
}
