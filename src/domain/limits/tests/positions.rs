//! What a position can be while TWS's word and our executions are on their way past each other.

use std::sync::Arc;

use super::super::*;
use super::scene::*;

fn executed(positions: &mut Positions, change: &str, seconds_ago: i64) {
    let executed = Executed {
        account: ACCOUNT.into(),
        instrument: aapl(),
        shares: shares(change),
    };
    positions.executed(executed, at(seconds_ago));
}

fn say(positions: &mut Positions, quantity: &str, seconds_ago: i64) {
    let account: Arc<str> = ACCOUNT.into();
    positions.say(&account, &aapl(), d(quantity), None, at(seconds_ago));
}

fn range(positions: &Positions) -> (String, String) {
    let range = positions.range(ACCOUNT, &aapl(), OpenShares::default());
    (range.low.to_string(), range.high.to_string())
}

fn pair(low: &str, high: &str) -> (String, String) {
    (low.to_owned(), high.to_owned())
}

#[test]
fn an_execution_counts_on_top_until_the_position_has_moved_by_it() {
    let mut positions = Positions::default();
    positions.set_current();
    say(&mut positions, "100", 10);
    executed(&mut positions, "5", 3);
    executed(&mut positions, "-7", 2);
    executed(&mut positions, "2", 1);
    assert_eq!(range(&positions), pair("93", "107"));
    say(&mut positions, "98", 1);
    assert_eq!(
        range(&positions),
        pair("98", "100"),
        "the first two are in it"
    );
    say(&mut positions, "150", 1);
    assert_eq!(
        range(&positions),
        pair("150", "152"),
        "a change of somebody else's tells nothing"
    );
    say(&mut positions, "152", 0);
    assert_eq!(range(&positions), pair("152", "152"));
}

#[test]
fn a_word_about_the_position_that_comes_later_has_the_execution_counted() {
    let mut positions = Positions::default();
    positions.set_current();
    executed(&mut positions, "5", 10);
    say(&mut positions, "100", 6);
    assert_eq!(range(&positions), pair("100", "105"));
    say(&mut positions, "100", 5);
    assert_eq!(range(&positions), pair("100", "100"));
}

#[test]
fn an_execution_that_no_word_follows_is_counted_once_tws_must_have_renewed_it() {
    let mut positions = Positions::default();
    executed(&mut positions, "5", 180);
    positions.forget(at(0));
    assert_eq!(
        range(&positions),
        pair("0", "5"),
        "nothing is heard of positions"
    );
    positions.set_current();
    positions.forget(at(1));
    assert_eq!(range(&positions), pair("0", "5"));
    positions.forget(at(0));
    assert_eq!(range(&positions), pair("0", "0"));
}

#[test]
fn a_price_that_may_be_old_is_none() {
    let mut positions = Positions::default();
    assert_eq!(positions.known(), Known::Never);
    positions.set_stale();
    assert_eq!(positions.known(), Known::Never);
    positions.set_current();
    positions.say(&ACCOUNT.into(), &aapl(), d("1"), Some(d("10")), at(0));
    assert_eq!(positions.price(&aapl()), Some(d("10")));
    positions.set_stale();
    assert_eq!(
        (positions.known(), positions.price(&aapl())),
        (Known::Stale, None)
    );
}
