//! Each rule: just inside passes, just outside is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::*;
use super::scene::*;
use crate::domain::Action::{Buy, Sell};

fn symbols(names: &[&str]) -> Option<BTreeSet<String>> {
    Some(names.iter().map(|name| (*name).to_owned()).collect())
}

/// What happens to a proposal on both sides of a limit.
fn edge(scene: &Scene, inside: &Proposal, outside: &Proposal, rule: Rule) {
    assert_eq!(scene.broken(inside), [], "just inside passes");
    assert_eq!(scene.broken(outside), [rule], "just outside is refused");
}

#[test]
fn max_order_quantity_is_the_largest_order() {
    let scene = Scene::with(|rules| rules.max_order_quantity = Some(shares("100")));
    let rule = Rule::MaxOrderQuantity;
    edge(
        &scene,
        &limit(Buy, "100", "1"),
        &limit(Buy, "100.5", "1"),
        rule,
    );
    // A staged order is measured too.
    let mut staged = limit(Buy, "101", "1");
    staged.kind = ProposalKind::Place { staged: true };
    assert_eq!(scene.broken(&staged), [rule]);
    // A replacement that does not raise it is not refused for what the order already was.
    assert_eq!(
        scene.broken(&replace(1, ("200", "10"), ("200", "11"), "0")),
        []
    );
    assert_eq!(
        scene.broken(&replace(1, ("100", "10"), ("101", "10"), "0")),
        [rule]
    );
    let text = &scene.verdict(&limit(Buy, "101", "1")).broken[0];
    assert_eq!(text.subject, "DU1/AAPL");
    assert_eq!(
        text.description,
        "101 shares are above the max_order_quantity 100 of [default]"
    );
}

#[test]
fn max_order_notional_is_the_worth_of_the_largest_order_rounded_half_up_to_the_cent() {
    let mut scene = Scene::with(|rules| rules.max_order_notional = Some(cents("1000")));
    let rule = Rule::MaxOrderNotional;
    edge(
        &scene,
        &limit(Buy, "100", "10"),
        &limit(Buy, "100", "10.01"),
        rule,
    );
    edge(
        &scene,
        &limit(Buy, "1", "1000.004"),
        &limit(Buy, "1", "1000.005"),
        rule,
    );
    // A market order has no price of its own.
    assert_eq!(scene.broken(&market(Buy, "1")), [rule]);
    // The caller's word alone does not suffice, until it is trusted; 5 % come on top.
    let mut named = market(Buy, "95");
    named.orders[0].prices.reference = Some(d("10"));
    assert_eq!(scene.broken(&named), [rule]);
    scene.limits.default.trust_reference_price = true;
    let mut more = named.clone();
    more.orders[0].quantity = d("96");
    edge(&scene, &named, &more, rule);
    // TWS's price of a position suffices, and our last execution does.
    scene.limits.default.trust_reference_price = false;
    let by_position = {
        scene.position(ACCOUNT, "1", Some("10"));
        (market(Buy, "95"), market(Buy, "96"))
    };
    edge(&scene, &by_position.0, &by_position.1, rule);
    // The highest price counts, also for a limit order.
    assert_eq!(scene.broken(&limit(Sell, "101", "1")), [rule]);
}

#[test]
fn our_last_execution_tells_a_price_for_a_quarter_of_an_hour() {
    let mut scene = Scene::with(|rules| rules.max_order_notional = Some(cents("1000")));
    let executed = |scene: &mut Scene, seconds_ago| {
        scene.batch.executed(
            &ACCOUNT.into(),
            &aapl(),
            Buy,
            shares("1"),
            d("10"),
            at(seconds_ago),
        );
    };
    executed(&mut scene, 901);
    assert_eq!(scene.broken(&market(Buy, "95")), [Rule::MaxOrderNotional]);
    executed(&mut scene, 900);
    edge(
        &scene,
        &market(Buy, "95"),
        &market(Buy, "96"),
        Rule::MaxOrderNotional,
    );
    let batch = std::mem::take(&mut scene.batch);
    scene.committed.absorb(batch);
    edge(
        &scene,
        &market(Buy, "95"),
        &market(Buy, "96"),
        Rule::MaxOrderNotional,
    );
}

#[test]
fn max_open_orders_counts_what_is_open_in_both_layers() {
    let mut scene = Scene::with(|rules| rules.max_open_orders = Some(4));
    let rule = Rule::MaxOpenOrders;
    scene.open(&Open::limit(Buy, "1", "1"));
    scene.open_in_batch(&Open::limit(Buy, "1", "1"));
    edge(
        &scene,
        &limit(Buy, "1", "1"),
        &bracket(Buy, "1", "10", "11", "9"),
        rule,
    );
    scene.open(&Open::limit(Buy, "1", "1"));
    scene.open(&Open::limit(Buy, "1", "1"));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [rule]);
    // A staged one counts when it is transmitted.
    let mut proposal = limit(Buy, "1", "1");
    proposal.kind = ProposalKind::Place { staged: true };
    assert_eq!(scene.broken(&proposal), []);
    proposal.kind = ProposalKind::Transmit { order_id: 9 };
    assert_eq!(scene.broken(&proposal), [rule]);
    // A replacement is no further order, and an exit of a position is always let through.
    assert_eq!(scene.broken(&replace(1, ("1", "1"), ("2", "2"), "0")), []);
    scene.position(ACCOUNT, "5", None);
    assert_eq!(scene.broken(&limit(Sell, "5", "9")), []);
    assert_eq!(scene.broken(&limit(Sell, "6", "9")), [rule]);
}

#[test]
fn max_orders_per_minute_slides() {
    let mut scene = Scene::with(|rules| rules.max_orders_per_minute = Some(3));
    let rule = Rule::MaxOrdersPerMinute;
    let (account, caller): (Arc<str>, Arc<str>) = (ACCOUNT.into(), CALLER.into());
    for seconds_ago in [60, 59, 1] {
        scene
            .committed
            .instructed(&account, &caller, at(seconds_ago));
    }
    // The first has left the window.
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), []);
    scene.batch.instructed(&account, &caller, at(0));
    for kind in [
        ProposalKind::Place { staged: false },
        ProposalKind::Place { staged: true },
        ProposalKind::Transmit { order_id: 1 },
    ] {
        let mut proposal = limit(Buy, "1", "1");
        proposal.kind = kind;
        assert_eq!(scene.broken(&proposal), [rule], "{kind:?}");
    }
    assert_eq!(
        scene.broken(&bracket(Buy, "1", "10", "11", "9")),
        [rule],
        "a bracket is one"
    );
    assert_eq!(
        scene.broken(&replace(1, ("5", "1"), ("5", "2"), "0")),
        [rule]
    );
    assert_eq!(
        scene.broken(&replace(1, ("5", "1"), ("4", "1"), "0")),
        [],
        "it only lowers"
    );
}

#[test]
fn max_orders_per_minute_of_a_caller_counts_that_caller() {
    let mut scene = Scene::default();
    let table = scene.limits.callers.entry(CALLER.to_owned()).or_default();
    table.refuse.max_orders_per_minute = Some(1);
    scene
        .committed
        .instructed(&ACCOUNT.into(), &"other".into(), at(1));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), []);
    scene
        .committed
        .instructed(&"DU2".into(), &CALLER.into(), at(1));
    assert_eq!(
        scene.broken(&limit(Buy, "1", "1")),
        [Rule::MaxOrdersPerMinute]
    );
}

#[test]
fn max_daily_notional_is_what_executed_and_what_is_open_and_this_one() {
    let mut scene = Scene::with(|rules| rules.max_daily_notional = Some(cents("1000")));
    let rule = Rule::MaxDailyNotional;
    let mut done = Open::limit(Buy, "1", "1").exposure();
    done.open = None;
    done.executed = cents("300");
    scene.committed.change(None, 90, None, Some(&done));
    scene.open(&Open::limit(Sell, "10", "20"));
    scene.open_in_batch(&Open::limit(Buy, "10", "40"));
    edge(
        &scene,
        &limit(Buy, "10", "10"),
        &limit(Buy, "10", "10.01"),
        rule,
    );
    // The children of a bracket are held until their entry has filled.
    edge(
        &scene,
        &bracket(Buy, "10", "10", "99", "9"),
        &bracket(Buy, "11", "10", "99", "9"),
        rule,
    );
    // Of a replacement the difference counts.
    edge(
        &scene,
        &replace(1, ("10", "40"), ("10", "50"), "0"),
        &replace(1, ("10", "40"), ("10", "50.01"), "0"),
        rule,
    );
    assert_eq!(scene.broken(&market(Buy, "1")), [rule], "no price is known");
    // Another day: nothing has executed on it.
    scene.committed.begin_day();
    edge(
        &scene,
        &limit(Buy, "10", "40"),
        &limit(Buy, "10", "40.01"),
        rule,
    );
    // What brings a position nearer to nothing is let through.
    scene.position(ACCOUNT, "20", None);
    assert_eq!(scene.broken(&limit(Sell, "10", "1000")), []);
    assert_eq!(scene.broken(&limit(Sell, "11", "1000")), [rule]);
}

#[test]
fn max_daily_notional_is_of_each_currency_and_knows_what_it_cannot_count() {
    let mut scene = Scene::with(|rules| rules.max_daily_notional = Some(cents("1000")));
    scene.open(&Open::limit(Buy, "99", "10"));
    let mut elsewhere = limit(Buy, "100", "10");
    elsewhere.instrument = Instrument::new("ASML", "EUR");
    assert_eq!(scene.broken(&elsewhere), []);
    let mut unpriced = Open::limit(Buy, "1", "1");
    unpriced.value = None;
    scene.open(&unpriced);
    assert_eq!(
        scene.broken(&limit(Buy, "1", "1")),
        [Rule::MaxDailyNotional]
    );
}

#[test]
fn max_position_is_what_an_account_could_come_to_hold() {
    let mut scene = Scene::with(|rules| rules.max_position = Some(shares("100")));
    let rule = Rule::MaxPosition;
    assert_eq!(
        scene.broken(&limit(Buy, "1", "1")),
        [rule],
        "positions were never known"
    );
    scene.position(ACCOUNT, "50", None);
    scene.open(&Open::limit(Buy, "20", "1"));
    scene.open_in_batch(&Open::limit(Buy, "10", "1"));
    edge(&scene, &limit(Buy, "20", "1"), &limit(Buy, "21", "1"), rule);
    edge(
        &scene,
        &limit(Sell, "150", "9"),
        &limit(Sell, "151", "9"),
        rule,
    );
    // What executed in the batch is in no position yet: it counts on top.
    scene
        .batch
        .executed(&ACCOUNT.into(), &aapl(), Buy, shares("5"), d("1"), at(0));
    edge(&scene, &limit(Buy, "15", "1"), &limit(Buy, "16", "1"), rule);
    // It is not taken for a smaller short position either.
    edge(
        &scene,
        &limit(Sell, "150", "9"),
        &limit(Sell, "151", "9"),
        rule,
    );
    edge(
        &scene,
        &replace(1, ("20", "1"), ("35", "1"), "0"),
        &replace(1, ("20", "1"), ("36", "1"), "0"),
        rule,
    );
}

#[test]
fn an_oca_group_and_the_children_of_a_bracket_count_once() {
    let mut scene = Scene::with(|rules| rules.max_position = Some(shares("100")));
    let rule = Rule::MaxPosition;
    scene.position(ACCOUNT, "0", None);
    let group = ExclusiveSet::Oca(ACCOUNT.into(), "g".into());
    for quantity in ["40", "60"] {
        let mut member = Open::limit(Buy, quantity, "1");
        member.exclusive = Some(group.clone());
        scene.open(&member);
    }
    edge(&scene, &limit(Buy, "40", "1"), &limit(Buy, "41", "1"), rule);
    // Its children count beyond what the entry has filled: as open orders of their side, the larger of them.
    for _ in 0..2 {
        let mut child = Open::limit(Sell, "30", "9");
        child.exclusive = Some(ExclusiveSet::Children(7));
        scene.open_in_batch(&child);
    }
    edge(
        &scene,
        &limit(Sell, "70", "9"),
        &limit(Sell, "71", "9"),
        rule,
    );
    edge(
        &scene,
        &bracket(Buy, "40", "10", "11", "9"),
        &bracket(Buy, "41", "10", "11", "9"),
        rule,
    );
}

#[test]
fn stale_positions_let_only_through_what_reduces_them() {
    let mut scene = Scene::with(|rules| rules.max_position = Some(shares("1000")));
    let rule = Rule::MaxPosition;
    scene.position(ACCOUNT, "50", None);
    scene.positions.set_stale();
    edge(
        &scene,
        &limit(Sell, "50", "9"),
        &limit(Sell, "51", "9"),
        rule,
    );
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [rule]);
}

#[test]
fn a_position_beyond_a_lowered_limit_can_be_reduced_and_not_increased() {
    let mut scene = Scene::with(|rules| rules.max_position = Some(shares("10")));
    scene.position(ACCOUNT, "-50", None);
    scene.position("DU2", "500", None);
    assert_eq!(scene.broken(&limit(Buy, "50", "1")), []);
    assert_eq!(scene.broken(&limit(Buy, "51", "1")), [Rule::MaxPosition]);
    assert_eq!(scene.broken(&limit(Sell, "1", "1")), [Rule::MaxPosition]);
}

#[test]
fn an_accounts_position_is_its_own_and_the_defaults_is_everybodys() {
    let mut scene = Scene::with(|rules| rules.max_position = Some(shares("150")));
    let table = scene.limits.accounts.entry(ACCOUNT.to_owned()).or_default();
    table.refuse.max_position = Some(shares("100"));
    scene.position(ACCOUNT, "0", None);
    scene.position("DU2", "40", None);
    // What one account is short does not make room for another to be long.
    scene.position("DU3", "-1000", None);
    let rule = Rule::MaxPosition;
    edge(
        &scene,
        &limit(Buy, "100", "1"),
        &limit(Buy, "101", "1"),
        rule,
    );
    let mut elsewhere = Open::limit(Buy, "15", "1");
    elsewhere.account = "DU2";
    scene.open(&elsewhere);
    let broken = scene.verdict(&limit(Buy, "96", "1")).broken;
    assert_eq!(
        broken.iter().map(|b| b.scope.clone()).collect::<Vec<_>>(),
        [Scope::Default]
    );
}

#[test]
fn allowed_and_denied_symbols() {
    let mut scene = Scene::with(|rules| rules.allowed_symbols = symbols(&["MSFT"]));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [Rule::AllowedSymbols]);
    scene.limits.default.refuse.allowed_symbols = symbols(&["AAPL", "MSFT"]);
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), []);
    let table = scene.limits.callers.entry(CALLER.to_owned()).or_default();
    table.refuse.allowed_symbols = symbols(&[]);
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [Rule::AllowedSymbols]);
    scene.limits.callers.clear();
    scene.limits.default.refuse.denied_symbols = symbols(&["AAPL"]);
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [Rule::DeniedSymbols]);
    assert_eq!(
        scene.broken(&replace(1, ("5", "1"), ("4", "1"), "0")),
        [],
        "it only lowers"
    );
}

#[test]
fn max_price_deviation_percent_is_against_the_markets_price() {
    let mut scene = Scene::with(|rules| rules.max_price_deviation_percent = Some(d("10")));
    let rule = Rule::MaxPriceDeviationPercent;
    assert_eq!(
        scene.broken(&limit(Buy, "1", "100")),
        [rule],
        "no price is known"
    );
    assert_eq!(
        scene.broken(&market(Buy, "1")),
        [],
        "it names no price that could deviate"
    );
    let mut named = limit(Buy, "1", "110");
    named.orders[0].prices.reference = Some(d("100"));
    assert_eq!(scene.broken(&named), []);
    scene.position(ACCOUNT, "1", Some("100"));
    for action in [Buy, Sell] {
        edge(
            &scene,
            &limit(action, "1", "110"),
            &limit(action, "1", "110.01"),
            rule,
        );
        edge(
            &scene,
            &limit(action, "1", "90"),
            &limit(action, "1", "89.99"),
            rule,
        );
    }
    edge(
        &scene,
        &bracket(Buy, "1", "100", "110", "90"),
        &bracket(Buy, "1", "100", "110", "89"),
        rule,
    );
    // A price that does not change is not measured again.
    assert_eq!(scene.broken(&replace(1, ("5", "50"), ("6", "50"), "0")), []);
    assert_eq!(
        scene.broken(&replace(1, ("5", "100"), ("5", "89"), "0")),
        [rule]
    );
}

#[test]
fn duplicate_window_seconds_sees_an_equal_order_that_has_not_ended() {
    let mut scene = Scene::with(|rules| rules.duplicate_window_seconds = Some(10));
    let rule = Rule::DuplicateWindowSeconds;
    let mut twin = Open::limit(Buy, "1", "1").exposure();
    let alike = |fingerprint, seconds_ago| {
        Some(Likeness {
            fingerprint,
            placed_at: at(seconds_ago),
        })
    };
    twin.likeness = alike(1, 11);
    scene.committed.change(None, 1, None, Some(&twin));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), []);
    twin.likeness = alike(1, 10);
    scene.committed.change(None, 2, None, Some(&twin));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), [rule]);
    let mut different = limit(Buy, "1", "1");
    different.orders[0].fingerprint = 2;
    assert_eq!(scene.broken(&different), []);
    // It ends within the batch.
    let mut ended = twin.clone();
    (ended.open, ended.likeness) = (None, None);
    scene
        .batch
        .change(Some(&scene.committed), 2, Some(&twin), Some(&ended));
    assert_eq!(scene.broken(&limit(Buy, "1", "1")), []);
}

#[test]
fn self_trade_is_refused_where_an_own_working_order_would_be_the_other_side() {
    let mut scene = Scene::with(|rules| rules.refuse_self_trade = true);
    let rule = Rule::SelfTrade;
    let own = scene.open(&Open::limit(Sell, "1", "10"));
    edge(
        &scene,
        &limit(Buy, "1", "9.99"),
        &limit(Buy, "1", "10"),
        rule,
    );
    assert_eq!(scene.broken(&market(Buy, "1")), [rule]);
    assert_eq!(scene.broken(&limit(Sell, "1", "1")), [], "the same side");
    let mut stop = limit(Buy, "1", "10");
    stop.orders[0].working = None;
    assert_eq!(scene.broken(&stop), [], "a stop waits");
    // A stop, and a child that is held, are no other side yet.
    let mut waiting = Open::limit(Buy, "1", "10");
    waiting.working = None;
    scene.open(&waiting);
    assert_eq!(scene.broken(&limit(Sell, "1", "1")), []);
    // A market order of ours that works takes any price.
    let mut at_any = Open::limit(Buy, "1", "1");
    at_any.working = Some(WorkingPrice::Any);
    let at_any = scene.open_in_batch(&at_any);
    assert_eq!(scene.broken(&limit(Sell, "1", "1000")), [rule]);
    // An order does not trade with itself, nor with its bracket.
    let mut itself = replace(at_any, ("1", "9"), ("2", "9.99"), "0");
    assert_eq!(scene.broken(&itself), []);
    itself = replace(at_any, ("1", "9"), ("2", "10"), "0");
    assert_eq!(scene.broken(&itself), [rule]);
    if let ProposalKind::Replace { family, .. } = &mut itself.kind {
        *family = Some(own);
    }
    assert_eq!(scene.broken(&itself), []);
}

#[test]
fn every_broken_rule_of_every_table_is_named_at_once_and_warnings_beside_them() {
    let mut scene = Scene::with(|rules| {
        rules.max_order_quantity = Some(shares("10"));
        rules.denied_symbols = symbols(&["AAPL"]);
    });
    let table = scene.limits.accounts.entry(ACCOUNT.to_owned()).or_default();
    table.refuse.max_order_notional = Some(cents("5"));
    let table = scene.limits.callers.entry(CALLER.to_owned()).or_default();
    table.warn.max_order_quantity = Some(shares("1"));
    let verdict = scene.verdict(&limit(Buy, "11", "1"));
    let named = |broken: &[Broken]| {
        let names = broken.iter().map(|b| (b.scope.to_string(), b.rule));
        names.collect::<Vec<_>>()
    };
    assert_eq!(
        named(&verdict.broken),
        [
            ("default".to_owned(), Rule::MaxOrderQuantity),
            ("default".to_owned(), Rule::DeniedSymbols),
            ("account.DU1".to_owned(), Rule::MaxOrderNotional),
        ]
    );
    assert_eq!(
        named(&verdict.warnings),
        [("caller.algo".to_owned(), Rule::MaxOrderQuantity)]
    );
}

#[test]
fn without_a_gateway_what_an_order_is_by_itself_is_checked_and_the_rest_named() {
    let mut scene = Scene::with(|rules| {
        rules.max_order_quantity = Some(shares("10"));
        rules.max_order_notional = Some(cents("100"));
        rules.max_open_orders = Some(1);
        rules.max_position = Some(shares("1"));
        rules.denied_symbols = symbols(&["MSFT"]);
        rules.duplicate_window_seconds = Some(1);
    });
    scene.limits.default.warn.max_orders_per_minute = Some(1);
    let verdict = check_alone(&limit(Buy, "11", "10"), &scene.limits);
    assert_eq!(
        verdict.broken.iter().map(|b| b.rule).collect::<Vec<_>>(),
        [Rule::MaxOrderQuantity, Rule::MaxOrderNotional]
    );
    let unchecked = |verdict: &Verdict| verdict.unchecked.iter().copied().collect::<Vec<_>>();
    assert_eq!(
        unchecked(&verdict),
        [
            Rule::MaxOpenOrders,
            Rule::MaxOrdersPerMinute,
            Rule::MaxPosition,
            Rule::DuplicateWindowSeconds
        ]
    );
    // Whether a price is known of it only a gateway can say.
    let verdict = check_alone(&market(Buy, "1"), &scene.limits);
    assert!(verdict.broken.is_empty());
    assert!(unchecked(&verdict).contains(&Rule::MaxOrderNotional));
}
