//! Stops: their terms follow TWS's own fields, they wait with a reason, and one that trails moves without being changed.

use super::super::*;
use super::scene::{NOW, amount, execution, in_status, open_order, play, status};
use crate::domain::{Amount, OpenOrderReport, Pricing, ReportedTerms, Trail};

fn stop_order(pricing: Pricing) -> TrackedOrder {
    let mut order = in_status(Status::PreSubmitted);
    order.record.state.terms.pricing = pricing;
    order
}

/// TWS shows the order with these terms.
fn shown(order_type: &str, prices: ReportedTerms) -> OrderReport {
    let OrderReport::OpenOrder(report) = open_order("PreSubmitted", Origin::Live) else {
        panic!("no open order")
    };
    OrderReport::OpenOrder(OpenOrderReport {
        terms: ReportedTerms {
            order_type: Some(order_type.to_owned()),
            limit_price: prices.limit_price,
            aux_price: prices.aux_price,
            trail_stop_price: prices.trail_stop_price,
            trailing_percent: prices.trailing_percent,
            limit_offset: prices.limit_offset,
            ..report.terms
        },
        ..report
    })
}

fn waits() -> OrderReport {
    let OrderReport::Status(report) = status("PreSubmitted", "0") else {
        panic!("no status")
    };
    OrderReport::Status(crate::domain::StatusReport {
        why_held: Some("trigger".to_owned()),
        ..report
    })
}

#[test]
fn each_type_follows_its_own_prices_and_no_other() {
    let (nine, ten) = (amount("9"), amount("10"));
    let trail = Trail::Amount(amount("1"));
    for (word, before, prices, after) in [
        // The first echo of a stop can have a limit that means nothing.
        (
            "STP",
            Pricing::Stop { stop: nine },
            ReportedTerms {
                aux_price: Some(ten),
                limit_price: Some(amount("10.03")),
                trail_stop_price: Some(ten),
                ..ReportedTerms::default()
            },
            Pricing::Stop { stop: ten },
        ),
        (
            "STP LMT",
            Pricing::StopLimit {
                stop: nine,
                limit: nine,
            },
            ReportedTerms {
                aux_price: Some(ten),
                limit_price: Some(amount("9.5")),
                trail_stop_price: Some(ten),
                ..ReportedTerms::default()
            },
            Pricing::StopLimit {
                stop: ten,
                limit: amount("9.5"),
            },
        ),
        // An amount of 0 stands beside a percentage.
        (
            "TRAIL",
            Pricing::Trail {
                trail,
                first_stop: Some(nine),
            },
            ReportedTerms {
                aux_price: Some(Amount::ZERO),
                trailing_percent: Some(amount("2")),
                trail_stop_price: Some(ten),
                ..ReportedTerms::default()
            },
            Pricing::Trail {
                trail: Trail::Percent(amount("2")),
                first_stop: Some(nine),
            },
        ),
        // TWS makes the limit from the stop.
        (
            "TRAIL LIMIT",
            Pricing::TrailLimit {
                trail,
                first_stop: nine,
                offset: amount("0.05"),
            },
            ReportedTerms {
                aux_price: Some(amount("1")),
                limit_price: Some(amount("9.95")),
                trail_stop_price: Some(ten),
                limit_offset: Some(amount("0.1")),
                ..ReportedTerms::default()
            },
            Pricing::TrailLimit {
                trail,
                first_stop: nine,
                offset: amount("0.1"),
            },
        ),
        (
            "LOC",
            Pricing::LimitOnClose { limit: nine },
            ReportedTerms {
                limit_price: Some(ten),
                aux_price: Some(amount("3")),
                ..ReportedTerms::default()
            },
            Pricing::LimitOnClose { limit: ten },
        ),
    ] {
        let mut order = stop_order(before);
        let transition = apply(&mut order, &shown(word, prices.clone()), NOW);
        assert_eq!(order.record.state.terms.pricing, after, "{word}");
        assert_eq!(order.record.state.terms_revision, 2, "{word}");
        assert!(transition.superseded.is_some(), "{word}");
        let again = apply(&mut order, &shown(word, prices), NOW);
        assert!(!again.changed && again.superseded.is_none(), "{word}");
    }
}

#[test]
fn a_stop_waits_for_its_trigger_and_may_fill_while_it_is_said_to_wait() {
    let mut order = stop_order(Pricing::Stop { stop: amount("9") });
    play(&mut order, &[waits()]);
    assert_eq!(order.record.state.why_held.as_deref(), Some("trigger"));
    assert!(!order.record.state.terminal);
    play(&mut order, &[execution("e1", "80", "9")]);
    let state = &order.record.state;
    assert_eq!(
        (state.status, state.filled),
        (Status::PreSubmitted, amount("80"))
    );
    play(&mut order, &[status("Submitted", "80")]);
    let state = &order.record.state;
    assert_eq!((state.status, &state.why_held), (Status::Submitted, &None));
}

#[test]
fn a_stop_that_trails_is_shown_once_a_second_at_most_and_makes_no_revision() {
    let pricing = Pricing::Trail {
        trail: Trail::Amount(amount("1")),
        first_stop: Some(amount("9")),
    };
    let mut order = stop_order(pricing);
    let moved = |stop: &str| {
        shown(
            "TRAIL",
            ReportedTerms {
                aux_price: Some(amount("1")),
                trail_stop_price: Some(amount(stop)),
                ..ReportedTerms::default()
            },
        )
    };
    let at = |millis: i64| Timestamp::from_unix_micros(NOW.unix_micros() + millis * 1_000);
    let stop = |order: &TrackedOrder| order.record.state.trail_stop;

    assert!(apply(&mut order, &moved("10"), at(0)).changed);
    assert_eq!(stop(&order), Some(amount("10")));
    assert!(!apply(&mut order, &moved("10"), at(2_000)).changed, "equal");
    for (millis, price) in [(2_000, "11"), (2_300, "12"), (2_600, "13")] {
        let changed = apply(&mut order, &moved(price), at(millis)).changed;
        assert_eq!(changed, price == "11", "{price}");
    }
    assert_eq!(stop(&order), Some(amount("11")));
    assert_eq!(order.trail.now(stop(&order)), Some(amount("13")));
    // The last place is shown when its second is over, and with whatever else changes.
    assert!(!show_trail_stop(&mut order, at(2_900)));
    assert!(show_trail_stop(&mut order, at(3_000)));
    assert_eq!(stop(&order), Some(amount("13")));
    assert!(!show_trail_stop(&mut order, at(9_000)));
    // Back to where it is shown: nothing is left to show.
    apply(&mut order, &moved("15"), at(3_100));
    apply(&mut order, &moved("13"), at(3_200));
    assert!(!order.trail.is_unshown());
    apply(&mut order, &moved("14"), at(3_300));
    assert!(apply(&mut order, &status("Submitted", "0"), at(3_400)).changed);
    assert_eq!(stop(&order), Some(amount("14")));
    assert_eq!(order.record.state.terms_revision, 1);
    assert_eq!(order.record.state.terms.pricing, pricing);
}
