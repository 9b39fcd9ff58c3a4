//! What is said of a new version of the limits.

use super::super::*;
use super::scene::*;

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}

fn said(before: &Limits, after: &Limits) -> Vec<String> {
    loosened(before, after)
        .iter()
        .map(|l| {
            let after = l.after.as_deref().unwrap_or("nothing");
            format!("[{}] {} {} -> {after}", l.scope, l.what, l.before)
        })
        .collect()
}

#[test]
fn a_limit_that_was_raised_or_removed_is_said_and_one_that_was_lowered_is_not() {
    let before = limits(|l| {
        l.default.refuse.max_position = Some(shares("10"));
        l.default.refuse.max_open_orders = Some(5);
        l.default.refuse.duplicate_window_seconds = Some(10);
        l.default.refuse.refuse_self_trade = true;
        l.default.refuse.allowed_symbols = Some(["AAPL".to_owned()].into());
        l.default.warn.max_daily_loss = Some(cents("9"));
        let table = l.accounts.entry("DU1".to_owned()).or_default();
        table.refuse.denied_symbols = Some(["X".to_owned(), "Y".to_owned()].into());
    });
    let after = limits(|l| {
        l.default.refuse.max_position = Some(shares("11"));
        l.default.refuse.max_open_orders = Some(4);
        l.default.refuse.duplicate_window_seconds = Some(9);
        l.default.refuse.allowed_symbols = Some(["AAPL".to_owned(), "B".to_owned()].into());
        l.default.warn.max_daily_loss = Some(cents("8"));
        l.default.trust_reference_price = true;
    });
    assert_eq!(
        said(&before, &after),
        [
            "[default] max_position 10 -> 11",
            "[default] allowed_symbols AAPL -> AAPL, B",
            "[default] duplicate_window_seconds 10 -> 9",
            "[default] self_trade refuse -> nothing",
            "[account.DU1] denied_symbols X, Y -> nothing",
            "[default] trust_reference_price false -> true",
        ]
    );
    assert_eq!(said(&Limits::default(), &before), Vec::<String>::new());
    assert_eq!(said(&before, &before), Vec::<String>::new());
}
