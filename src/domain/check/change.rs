//! The terms of a replacement, each checked by itself. Whether they fit the order only the order says.

use super::fields::Fields;
use super::pricing::TRAIL_PERCENT_MAX;
use crate::domain::{Amount, ChangeDraft, Limits, TermsChange, Violations};

/// Checks what is to change about an order.
///
/// # Errors
/// Every violation at once.
pub fn check_change(draft: ChangeDraft, _: &Limits) -> Result<TermsChange, Violations> {
    let ChangeDraft {
        quantity,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
        tif,
    } = draft;
    let mut fields = Fields::default();
    let percent_given = trail_percent.clone();
    let change = TermsChange {
        quantity: quantity.and_then(|input| fields.quantity(Some(input))),
        limit_price: fields.positive("limit_price", limit_price),
        stop_price: fields.positive("stop_price", stop_price),
        trail_amount: fields.positive("trail_amount", trail_amount),
        trail_percent: fields.positive("trail_percent", trail_percent),
        limit_offset: fields.positive("limit_offset", limit_offset),
        tif: fields.word("tif", tif),
    };
    if let (Some(percent), Some(input)) = (change.trail_percent, percent_given.clone())
        && percent > Amount::from(TRAIL_PERCENT_MAX)
    {
        let msg = format!("trail_percent may be {TRAIL_PERCENT_MAX} at most: lower it");
        fields.push("less_than_equal", "trail_percent", msg, input);
    }
    if let (Some(_), Some(input)) = (change.trail_amount, percent_given) {
        let msg = "trail_amount and trail_percent are both given: remove one of them";
        fields.push("value_error", "trail_percent", msg, input);
    }
    if fields.is_clean() {
        Ok(change)
    } else {
        Err(fields.into_violations())
    }
}
