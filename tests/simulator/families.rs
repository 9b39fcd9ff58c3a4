//! Parents with their children, and groups of which one order ends or shrinks the others.

use ibkr_orders::simulator::switches::{
    ChildActivation, ChildOfEnded, ChildOfFilled, ChildReplace, ChildSize, ChildStopHold,
    ChildTooSoon, ChildWithoutParentId, OcaCancel, OcaEnd, OcaEndedGroup, SiblingCancel,
    StagedChildCancel,
};
use ibkr_orders::simulator::{ControlError, Simulator, SimulatorConfig, Switches};
use rust_decimal::Decimal;

use super::peer::{Message, Peer, buy, sell, start};

async fn with(change: impl FnOnce(&mut Switches)) -> (Simulator, Peer) {
    let mut switches = Switches::default();
    change(&mut switches);
    let simulator = start(SimulatorConfig {
        switches,
        ..SimulatorConfig::explicit()
    })
    .await;
    let peer = Peer::log_in(&simulator, 1).await;
    (simulator, peer)
}

/// Orders 1 to 3: an entry at 229, its target at 240, its stop at 220; the third frame releases them.
async fn bracket(peer: &mut Peer) -> Vec<Message> {
    peer.send_order(1, buy("10", "LMT").limit(229.0).staged())
        .await;
    peer.send_order(2, sell("10", "LMT").limit(240.0).parent(1).staged())
        .await;
    assert_eq!(
        peer.hear().await,
        Vec::<String>::new(),
        "a staged family is silent"
    );
    peer.send_order(3, sell("10", "STP").aux(220.0).parent(1))
        .await;
    peer.hear_all().await
}

fn briefly(told: &[Message]) -> Vec<String> {
    let statuses = told.iter().filter(|message| message.kind != 5);
    statuses.map(Message::brief).collect()
}

#[tokio::test]
async fn the_last_frame_releases_the_family_and_the_children_are_held_for_their_parent() {
    for (hold, held) in [
        (
            ChildStopHold::ChildTrigger,
            "3 PreSubmitted 0+10 child,trigger",
        ),
        (ChildStopHold::Trigger, "3 PreSubmitted 0+10 trigger"),
    ] {
        let (_simulator, mut peer) = with(|switches| switches.child_stop_hold = hold).await;
        let told = bracket(&mut peer).await;
        assert_eq!(
            briefly(&told),
            [
                "1 PreSubmitted 0+10",
                "2 PreSubmitted 0+10 child",
                held,
                "1 Submitted 0+10"
            ]
        );
        let parent = told[0].inner(3).number(3);
        for child in [&told[2], &told[4]] {
            let echo = child.inner(3);
            assert_eq!((echo.number(4), echo.number(121)), (1, parent));
            assert_eq!((echo.text(27), echo.number(30)), (parent.to_string(), 3));
        }
        assert_eq!(told[3].number(7), 1, "the status names the parent");
    }
}

#[tokio::test]
async fn a_parents_fill_sets_its_children_free_in_silence_or_with_a_pair_each() {
    for (activation, expected) in [
        (ChildActivation::Silent, &[][..]),
        (
            ChildActivation::Pairs,
            &["2 Submitted 0+10", "3 PreSubmitted 0+10 trigger"],
        ),
    ] {
        let (simulator, mut peer) = with(|switches| switches.child_activation = activation).await;
        let control = simulator.control();
        bracket(&mut peer).await;
        assert!(matches!(
            control.fill(2).await,
            Err(ControlError::NotWorking { .. })
        ));
        control.fill_at(1, 4.into(), 229.into()).await.unwrap();
        let told = briefly(&peer.hear_all().await);
        assert_eq!(
            told[..3],
            ["1 execution 4 at 229", "1 Submitted 4+6", "commission"]
        );
        assert_eq!(told[3..], *expected);
        peer.send(5, &[]).await;
        let held: Vec<String> = briefly(&peer.hear_all().await);
        assert!(
            !held[1].ends_with("child") && held[2].ends_with(" trigger"),
            "{held:?}"
        );
        control.fill(1).await.unwrap();
        peer.hear().await;
        // Free, the stop goes off: it fills, and the target goes with it.
        control.move_price("AAPL", 219.into()).await.unwrap();
        let told = briefly(&peer.hear_all().await);
        assert!(told.contains(&"3 Filled 10+0".to_owned()), "{told:?}");
        let end = told.len() - 2;
        assert_eq!(told[end..], ["2 Cancelled 0+10", "2 error 202"], "{told:?}");
    }
}

#[tokio::test]
async fn children_may_be_as_large_as_what_has_filled() {
    let (simulator, mut peer) = with(|switches| switches.child_size = ChildSize::Filled).await;
    let control = simulator.control();
    bracket(&mut peer).await;
    for (fill, size) in [(4, 4), (5, 9), (1, 10)] {
        control.fill_at(1, fill.into(), 229.into()).await.unwrap();
        let told = briefly(&peer.hear_all().await);
        let children: Vec<&String> = told
            .iter()
            .filter(|told| told.starts_with("2 ") || told.starts_with("3 "))
            .collect();
        let (target, stop) = (format!("0+{size}"), format!("0+{size} trigger"));
        assert!(
            children[0].ends_with(&target) && children[1].ends_with(&stop),
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn a_fill_of_one_child_shrinks_the_other_and_ends_it_in_the_end() {
    for (end, zero) in [(OcaEnd::Cancelled, false), (OcaEnd::ZeroFirst, true)] {
        let (simulator, mut peer) = with(|switches| switches.oca_end = end).await;
        let control = simulator.control();
        bracket(&mut peer).await;
        control.fill(1).await.unwrap();
        peer.hear().await;
        control.fill_at(2, 4.into(), 240.into()).await.unwrap();
        let told = briefly(&peer.hear_all().await);
        assert_eq!(told[told.len() - 1], "3 PreSubmitted 0+6 trigger");
        control.fill(2).await.unwrap();
        let told = briefly(&peer.hear_all().await);
        let shown = told.contains(&"3 PreSubmitted 0+0 trigger".to_owned());
        assert_eq!(shown, zero, "{told:?}");
        assert_eq!(told[told.len() - 2..], ["3 Cancelled 0+6", "3 error 202"]);
    }
}

#[tokio::test]
async fn a_parent_that_ends_unfilled_takes_its_children_along() {
    let (simulator, mut peer) = with(|_| {}).await;
    bracket(&mut peer).await;
    peer.cancel(1).await;
    let expected = [
        "1 Cancelled 0+10",
        "1 error 202",
        "2 Cancelled 0+10",
        "2 error 202",
        "3 Cancelled 0+10",
        "3 error 202",
    ];
    assert_eq!(peer.hear_briefly().await, expected);
    for (of_ended, children) in [
        (ChildOfEnded::Stay, vec![]),
        (
            ChildOfEnded::Cancelled,
            vec!["5 Cancelled 0+10", "5 error 202"],
        ),
    ] {
        simulator
            .control()
            .set_switches(move |switches| switches.child_of_ended = of_ended)
            .await
            .unwrap();
        let id = if of_ended == ChildOfEnded::Stay { 6 } else { 4 };
        let id = 10 - id;
        peer.send_order(id, buy("10", "LMT").limit(229.0)).await;
        peer.send_order(5, sell("10", "STP").aux(220.0).parent(id))
            .await;
        peer.hear().await;
        if of_ended == ChildOfEnded::Stay {
            simulator
                .control()
                .fill_at((1, id), 4.into(), 229.into())
                .await
                .unwrap();
            peer.hear().await;
            peer.cancel(id).await;
            assert_eq!(peer.hear_briefly().await[2..], children);
            peer.cancel(5).await;
            peer.hear().await;
        }
    }
}

#[tokio::test]
async fn the_cancel_of_a_child_takes_its_sibling_along_first_or_leaves_it() {
    for (sibling, expected) in [
        (
            SiblingCancel::Together,
            &[
                "3 Cancelled 0+10",
                "3 error 202",
                "2 Cancelled 0+10",
                "2 error 202",
            ][..],
        ),
        (SiblingCancel::Apart, &["2 Cancelled 0+10", "2 error 202"]),
    ] {
        let (_simulator, mut peer) = with(|switches| switches.sibling_cancel = sibling).await;
        bracket(&mut peer).await;
        peer.cancel(2).await;
        assert_eq!(peer.hear_briefly().await, expected);
    }
}

#[tokio::test]
async fn a_staged_child_goes_silently_with_a_global_cancel_and_may_with_its_own() {
    let (simulator, mut peer) = with(|_| {}).await;
    peer.send_order(1, buy("10", "LMT").limit(229.0).staged())
        .await;
    for id in [2, 3] {
        peer.send_order(id, sell("10", "LMT").limit(240.0).parent(1).staged())
            .await;
    }
    peer.cancel(3).await;
    assert_eq!(
        peer.hear_briefly().await,
        ["3 Cancelled 0+10", "3 error 202", "3 error 161"]
    );
    peer.send_order(4, sell("10", "LMT").limit(240.0).parent(1).staged())
        .await;
    simulator
        .control()
        .set_switches(|switches| switches.staged_child_cancel = StagedChildCancel::Silent)
        .await
        .unwrap();
    peer.cancel(4).await;
    assert_eq!(peer.hear_briefly().await, Vec::<String>::new());
    peer.send(58, &[]).await;
    assert_eq!(
        peer.hear_briefly().await[..3],
        ["1 Cancelled 0+10", "1 error 202", "1 error 161"]
    );
    let left = simulator.control().inspect(|view| view.order(2)).await;
    assert!(left.unwrap().unwrap().over);
}

#[tokio::test]
async fn a_child_needs_a_parent_that_can_have_it() {
    let (simulator, mut peer) =
        with(|switches| switches.child_too_soon = ChildTooSoon::Refused).await;
    peer.send_order(1, sell("10", "LMT").limit(240.0).parent(9))
        .await;
    assert_eq!(peer.hear_briefly().await, ["1 error 10006"]);
    peer.send_order(2, buy("10", "LMT").limit(229.0)).await;
    peer.send_order(3, sell("10", "LMT").limit(240.0).parent(2))
        .await;
    let told = peer.hear_briefly().await;
    assert_eq!(
        told[told.len() - 1],
        "3 error 10006",
        "too soon after its parent"
    );
    let control = simulator.control();
    control
        .set_switches(|switches| switches.child_too_soon = ChildTooSoon::Taken)
        .await
        .unwrap();
    peer.send_order(4, sell("10", "LMT").limit(240.0).parent(2))
        .await;
    assert_eq!(peer.hear_briefly().await[1], "4 PreSubmitted 0+10 child");
    peer.send_order(5, buy("10", "MKT").staged()).await;
    peer.send_order(6, sell("10", "TRAIL").aux(1.0).parent(5))
        .await;
    assert_eq!(peer.hear_briefly().await, ["6 error 328"]);
    control.fill(2).await.unwrap();
    peer.hear().await;
    for (id, of_filled, expected) in [
        (7, ChildOfFilled::Taken, "7 PreSubmitted 0+10"),
        (8, ChildOfFilled::NotFound, "8 error 135"),
        (9, ChildOfFilled::MissingParent, "9 error 10006"),
        (10, ChildOfFilled::Rejected, "10 error 201"),
    ] {
        control
            .set_switches(move |switches| switches.child_of_filled = of_filled)
            .await
            .unwrap();
        peer.send_order(id, sell("10", "LMT").limit(240.0).parent(2))
            .await;
        assert_eq!(briefly(&peer.hear_all().await)[0], expected);
    }
}

#[tokio::test]
async fn a_childs_parent_id_in_a_replacement_is_what_its_switches_say() {
    let (simulator, mut peer) = with(|_| {}).await;
    let control = simulator.control();
    let target = |limit: f64| sell("10", "LMT").limit(limit);
    bracket(&mut peer).await;
    peer.send_order(2, target(241.0).parent(3)).await;
    assert_eq!(peer.hear_briefly().await, ["2 error 10341"]);
    for (without, expected) in [
        (ChildWithoutParentId::Refused, "2 error 10341"),
        (ChildWithoutParentId::Kept, "2 PreSubmitted 0+10 child"),
        (ChildWithoutParentId::Detached, "2 PreSubmitted 0+10"),
    ] {
        control
            .set_switches(move |switches| switches.child_without_parent_id = without)
            .await
            .unwrap();
        peer.send_order(2, target(242.0)).await;
        assert_eq!(briefly(&peer.hear_all().await)[0], expected);
    }
    control.fill(1).await.unwrap();
    peer.hear().await;
    let stop = || sell("10", "STP").aux(221.0).parent(1);
    peer.send_order(3, stop()).await;
    assert_eq!(
        briefly(&peer.hear_all().await)[0],
        "3 PreSubmitted 0+10 trigger"
    );
    control
        .set_switches(|switches| switches.child_replace = ChildReplace::NotFound)
        .await
        .unwrap();
    peer.send_order(3, stop()).await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].words(), "135 Can't find order with id =1");
    assert_eq!(
        told[0].number(1),
        3,
        "the failure is the child's, the number its parent's"
    );
}

#[tokio::test]
async fn a_group_of_ones_own_ends_or_shrinks_its_members_by_its_type() {
    for (kind, after) in [
        (1, vec!["2 Cancelled 0+10", "2 error 202"]),
        (2, vec!["2 Submitted 0+6"]),
        (3, vec!["2 Submitted 0+6"]),
    ] {
        let (simulator, mut peer) = with(|_| {}).await;
        for id in [1, 2] {
            let limit = 100.0 + f64::from(id);
            peer.send_order(id, buy("10", "LMT").limit(limit).oca("exits", kind))
                .await;
        }
        let told = peer.hear_all().await;
        assert_eq!(told[0].inner(3).text(27), "exits");
        assert_eq!(told[0].inner(3).number(30), i64::from(kind));
        simulator
            .control()
            .fill_at(1, 4.into(), Decimal::from(100))
            .await
            .unwrap();
        let told = briefly(&peer.hear_all().await);
        assert_eq!(told[3..], after, "type {kind}");
    }
}

#[tokio::test]
async fn a_group_is_of_one_type_and_neither_it_nor_its_type_is_changed_by_a_replacement() {
    let (simulator, mut peer) = with(|_| {}).await;
    let order = || buy("10", "LMT").limit(100.0);
    peer.send_order(1, order().oca("exits", 1)).await;
    peer.hear().await;
    peer.send_order(2, order().oca("exits", 3)).await;
    assert_eq!(peer.hear_briefly().await, ["2 error 10327"]);
    for (change, code) in [
        (order().oca("others", 1), 10326),
        (order(), 10326),
        (order().oca("exits", 3), 10327),
    ] {
        peer.send_order(1, change).await;
        assert_eq!(peer.hear_briefly().await, [format!("1 error {code}")]);
    }
    // A member that is cancelled goes alone, or not.
    peer.send_order(3, order().oca("exits", 1)).await;
    peer.send_order(4, order().oca("exits", 1)).await;
    peer.hear().await;
    peer.cancel(4).await;
    assert_eq!(
        peer.hear_briefly().await,
        ["4 Cancelled 0+10", "4 error 202"]
    );
    let control = simulator.control();
    control
        .set_switches(|switches| {
            switches.oca_cancel = OcaCancel::Together;
            switches.oca_ended_group = OcaEndedGroup::Cancelled;
        })
        .await
        .unwrap();
    peer.cancel(3).await;
    assert_eq!(
        peer.hear_briefly().await,
        [
            "1 Cancelled 0+10",
            "1 error 202",
            "3 Cancelled 0+10",
            "3 error 202"
        ]
    );
    peer.send_order(5, order().oca("late", 1)).await;
    peer.hear().await;
    control.fill(5).await.unwrap();
    peer.hear().await;
    peer.send_order(6, order().oca("late", 1)).await;
    let told = briefly(&peer.hear_all().await);
    assert_eq!(told[told.len() - 2..], ["6 Cancelled 0+10", "6 error 202"]);
}
