//! Switches set to what they are not by default, and what a client sees then: those that have no place beside other tests.

use ibkr_orders::simulator::switches::{
    Chance, EmptyTimeInForce, ExecutionOrderId, Executions, Fractions, GoodTillEcho, OrderRefEcho,
    Refusals, RefusedId, ReplaceClosed, ReplacePendingCancel, ReplaceStatus, RestartIds,
    WhatIfCommission, WhatIfFrames, WhatIfId,
};
use ibkr_orders::simulator::{Control, Hours, Restart, Simulator, SimulatorConfig, Switches};
use rust_decimal::Decimal;

use super::peer::{Ask, Peer, buy, number, resting, start, text};

async fn with(change: impl FnOnce(&mut Switches)) -> (Simulator, Control, Peer) {
    during(Hours::Open, change).await
}

async fn during(hours: Hours, change: impl FnOnce(&mut Switches)) -> (Simulator, Control, Peer) {
    let mut switches = Switches::default();
    change(&mut switches);
    let simulator = start(SimulatorConfig {
        switches,
        hours,
        ..SimulatorConfig::explicit()
    })
    .await;
    let control = simulator.control();
    let peer = Peer::log_in(&simulator, 1).await;
    (simulator, control, peer)
}

async fn next_id(peer: &mut Peer) -> Vec<String> {
    peer.send(8, &number(1, 1)).await;
    peer.hear().await
}

#[tokio::test]
async fn without_a_price_band_a_limit_beyond_it_works() {
    for (band, last) in [(true, "202"), (false, "status Submitted 0+10")] {
        let (_simulator, _control, mut peer) = with(|switches| switches.price_band = band).await;
        peer.send_order(1, buy("10", "LMT").limit(300.0)).await;
        let told = peer.hear().await;
        assert!(told.last().unwrap().starts_with(last), "{band}: {told:?}");
    }
}

#[tokio::test]
async fn a_late_refusal_comes_behind_the_next_id_or_by_itself() {
    let late = |switches: &mut Switches| switches.refusals = Refusals::AfterNextIds;
    let (_simulator, control, mut peer) = with(late).await;
    let unknown = Ask {
        symbol: "ZZZZ",
        ..resting(1)
    };
    peer.place(unknown).await;
    assert!(peer.hear().await.is_empty(), "nothing is said at once");
    let told = next_id(&mut peer).await;
    assert!(told[0].starts_with("id "), "{told:?}");
    assert!(told[1].starts_with("200 "), "{told:?}");
    // Asked nothing, TWS says it a little later.
    control
        .reject_next(201, "Order rejected - reason:no", false)
        .await
        .unwrap();
    peer.place(unknown).await;
    let told = peer.until("200").await;
    assert_eq!(told.len(), 1, "{told:?}");
    // A refusal that TWS makes itself is not late.
    peer.send_order(5, buy("10", "LMT").limit(100.001)).await;
    assert!(peer.hear().await[0].starts_with("110 "));
}

#[tokio::test]
async fn an_id_that_was_refused_with_321_is_free_or_spent() {
    for (refused_id, next) in [(RefusedId::Free, "id 1"), (RefusedId::Spent, "id 2")] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.refused_id = refused_id).await;
        peer.send_order(1, buy("10", "FEELINGS").limit(100.0)).await;
        assert!(peer.hear().await[0].starts_with("321 "));
        assert_eq!(next_id(&mut peer).await, [next]);
    }
}

#[tokio::test]
async fn an_order_ref_comes_back_as_it_was_or_cut_and_cleaned() {
    let long = format!(" ü{} ", "x".repeat(50));
    for (echo, expected) in [
        (OrderRefEcho::Kept, long.clone()),
        (OrderRefEcho::Mangled, format!("?{}", "x".repeat(39))),
    ] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.order_ref_echo = echo).await;
        let order = buy("10", "LMT").limit(100.0).with(&text(28, &long));
        peer.send_order(1, order).await;
        let told = peer.hear_all().await;
        assert_eq!(told[0].inner(3).text(28), expected);
    }
}

#[tokio::test]
async fn parts_of_a_share_are_taken_or_10243() {
    for (fractions, word) in [
        (Fractions::Taken, "open PreSubmitted"),
        (Fractions::Refused, "10243 "),
    ] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.fractions = fractions).await;
        peer.send_order(1, buy("0.5", "LMT").limit(100.0)).await;
        let told = peer.hear().await;
        assert!(told[0].starts_with(word), "{told:?}");
    }
}

#[tokio::test]
async fn an_execution_has_the_orders_id_or_zero_or_the_largest_number() {
    for (choice, id) in [
        (ExecutionOrderId::Own, 1),
        (ExecutionOrderId::Zero, 0),
        (ExecutionOrderId::Unset, i64::from(i32::MAX)),
    ] {
        let (_simulator, control, mut peer) =
            with(|switches| switches.execution_order_id = choice).await;
        peer.place(Ask {
            order_ref: "mine",
            ..Ask::default()
        })
        .await;
        peer.hear().await;
        control.fill(1).await.unwrap();
        let told = peer.hear_all().await;
        let execution = told.iter().find(|message| message.kind == 11).unwrap();
        let execution = execution.inner(3);
        assert_eq!(execution.number(1), id);
        assert_eq!(execution.number(10), 1, "the client is its own");
        assert_eq!(execution.text(14), "mine");
    }
}

#[tokio::test]
async fn the_same_shares_come_under_a_second_execution_id_and_are_counted_once() {
    let repeated = |switches: &mut Switches| switches.execution_repeated = Chance::Always;
    let (_simulator, control, mut peer) = with(repeated).await;
    peer.place(Ask::default()).await;
    peer.hear().await;
    control.fill(1).await.unwrap();
    let told = peer.hear_all().await;
    let executions: Vec<_> = told.iter().filter(|message| message.kind == 11).collect();
    assert_eq!(executions.len(), 2, "{told:?}");
    let ids: Vec<String> = executions.iter().map(|e| e.inner(3).text(2)).collect();
    assert_ne!(ids[0], ids[1]);
    assert!(executions.iter().all(|e| e.inner(3).text(12) == "10"));
    let held = control.inspect(|view| view.positions("DU1234567")[0].1);
    assert_eq!(held.await.unwrap(), Decimal::TEN);
}

#[tokio::test]
async fn executions_are_reported_or_only_asked_for_or_missing() {
    for (executions, live, asked) in [
        (Executions::Reported, true, true),
        (Executions::Queried, false, true),
        (Executions::Missing, false, false),
    ] {
        let (_simulator, control, mut peer) =
            with(|switches| switches.executions = executions).await;
        peer.place(Ask::default()).await;
        peer.hear().await;
        control.fill(1).await.unwrap();
        let told = peer.hear().await;
        assert!(told.contains(&"status Filled 10+0".to_owned()), "{told:?}");
        let has = |told: &[String]| told.iter().any(|words| words.starts_with("execution "));
        assert_eq!(has(&told), live, "{executions:?}: {told:?}");
        peer.send(7, &[8, 5, 0x12, 0]).await;
        assert_eq!(has(&peer.hear().await), asked, "{executions:?}");
    }
}

#[tokio::test]
async fn ids_of_staged_orders_stay_used_over_a_restart_or_are_given_out_again() {
    for (restart_ids, next) in [(RestartIds::Kept, "id 4"), (RestartIds::RolledBack, "id 2")] {
        let (simulator, control, mut peer) =
            with(|switches| switches.restart_ids = restart_ids).await;
        peer.place(resting(1)).await;
        for id in [2, 3] {
            let staged = buy("10", "LMT").limit(100.0).staged();
            peer.send_order(id, staged).await;
        }
        peer.hear().await;
        control.restart(Restart::default()).await.unwrap();
        let mut peer = Peer::log_in(&simulator, 1).await;
        assert_eq!(next_id(&mut peer).await, [next], "{restart_ids:?}");
    }
}

#[tokio::test]
async fn a_preview_has_one_frame_or_a_warning_before_it() {
    for (frames, count) in [(WhatIfFrames::One, 1), (WhatIfFrames::WarningFirst, 2)] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.what_if_frames = frames).await;
        peer.place(Ask {
            what_if: true,
            ..resting(1)
        })
        .await;
        let told = peer.hear_all().await;
        assert_eq!(told.len(), count, "{told:?}");
        let has_margins = |at: usize| told[at].inner(4).tags().contains(&5);
        assert!(has_margins(count - 1));
        if count == 2 {
            assert!(!has_margins(0) && !told[0].inner(4).text(28).is_empty());
        }
    }
}

#[tokio::test]
async fn a_preview_has_a_commission_or_its_bounds_or_none() {
    // commission, its lowest, its highest, its currency
    for (commission, tags) in [
        (WhatIfCommission::Amount, &[11, 14][..]),
        (WhatIfCommission::Bounds, &[12, 13, 14]),
        (WhatIfCommission::Absent, &[]),
    ] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.what_if_commission = commission).await;
        peer.place(Ask {
            what_if: true,
            ..resting(1)
        })
        .await;
        let told = peer.hear_all().await;
        let found: Vec<u64> = told[0].inner(4).tags();
        let found: Vec<u64> = found
            .into_iter()
            .filter(|t| (11..=14).contains(t))
            .collect();
        assert_eq!(found, tags, "{commission:?}");
    }
}

#[tokio::test]
async fn the_id_of_a_preview_is_spent_or_free() {
    for (what_if_id, next) in [(WhatIfId::Spent, "id 2"), (WhatIfId::Free, "id 1")] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.what_if_id = what_if_id).await;
        peer.place(Ask {
            what_if: true,
            ..resting(1)
        })
        .await;
        peer.hear().await;
        assert_eq!(next_id(&mut peer).await, [next]);
    }
}

#[tokio::test]
async fn a_replaced_order_is_shown_as_it_was_or_presubmitted_again() {
    let words = [
        (ReplaceStatus::AsBefore, &["Submitted", "Submitted"][..]),
        (
            ReplaceStatus::Again,
            &["PreSubmitted", "Submitted", "Submitted"],
        ),
    ];
    for (replace_status, expected) in words {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.replace_status = replace_status).await;
        peer.place(resting(1)).await;
        peer.hear().await;
        peer.send_order(1, buy("10", "LMT").limit(101.0)).await;
        let told = peer.hear().await;
        let opens: Vec<&str> = told
            .iter()
            .filter_map(|w| w.strip_prefix("open "))
            .collect();
        assert_eq!(opens, expected);
    }
}

#[tokio::test]
async fn a_replacement_outside_the_hours_is_echoed_now_or_at_the_opening() {
    for (replace_closed, now) in [(ReplaceClosed::Now, true), (ReplaceClosed::AtOpen, false)] {
        let change = |switches: &mut Switches| switches.replace_closed = replace_closed;
        let (_simulator, control, mut peer) = during(Hours::Closed, change).await;
        peer.place(resting(1)).await;
        peer.hear().await;
        peer.send_order(1, buy("10", "LMT").limit(101.0)).await;
        let shows = |told: &[String]| told.iter().any(|line| line.contains("lmt 101"));
        assert_eq!(shows(&peer.hear_briefly().await), now, "{replace_closed:?}");
        peer.send(5, &[]).await;
        assert_eq!(shows(&peer.hear_briefly().await), now, "{replace_closed:?}");
        control.open_exchange().await.unwrap();
        peer.hear().await;
        peer.send(5, &[]).await;
        assert!(shows(&peer.hear_briefly().await), "{replace_closed:?}");
    }
}

#[tokio::test]
async fn a_replacement_of_an_order_that_is_being_cancelled_is_2102_or_201_or_nothing() {
    for (choice, expected) in [
        (ReplacePendingCancel::Processing, Some("1 error 2102")),
        (ReplacePendingCancel::TooLate, Some("1 error 201")),
        (ReplacePendingCancel::Silent, None),
    ] {
        let (_simulator, control, mut peer) =
            with(|switches| switches.replace_pending_cancel = choice).await;
        peer.place(resting(1)).await;
        control.hold_cancels().await.unwrap();
        peer.cancel(1).await;
        peer.hear().await;
        peer.send_order(1, buy("10", "LMT").limit(101.0)).await;
        let told = peer.hear_briefly().await;
        assert_eq!(told.first().map(String::as_str), expected, "{choice:?}");
        control.release_cancels().await.unwrap();
        let told = peer.hear_briefly().await;
        assert!(told[0].starts_with("1 Cancelled"), "{choice:?}: {told:?}");
    }
}

#[tokio::test]
async fn a_good_till_date_comes_back_in_the_zone_of_tws_or_as_it_was_sent() {
    for (echo, expected) in [
        (GoodTillEcho::TwsZone, "20300102 07:00:00 US/Eastern"),
        (GoodTillEcho::AsSent, "20300102-12:00:00"),
    ] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.good_till_echo = echo).await;
        let order = buy("10", "LMT").limit(100.0).tif("GTD");
        peer.send_order(1, order.with(&text(26, "20300102-12:00:00")))
            .await;
        let told = peer.hear_all().await;
        assert_eq!(told[0].inner(3).text(26), expected);
    }
}

#[tokio::test]
async fn an_empty_time_in_force_is_filled_in_aloud_or_in_silence_or_refused() {
    for (choice, first) in [
        (EmptyTimeInForce::PresetWithNotice, "10349 "),
        (EmptyTimeInForce::Preset, "open PreSubmitted"),
        (EmptyTimeInForce::Refused, "10052 "),
    ] {
        let (_simulator, _control, mut peer) =
            with(|switches| switches.empty_time_in_force = choice).await;
        peer.send_order(1, buy("10", "LMT").limit(100.0).tif(""))
            .await;
        let told = peer.hear().await;
        assert!(told[0].starts_with(first), "{choice:?}: {told:?}");
    }
}
