//! What cancels are answered, order by order and for all at once.

use ibkr_orders::simulator::switches::{
    GlobalCancelEnded, InactiveCancel, LocateStatus, PendingCancel, StagedCancel, WhatIfCancel,
};
use ibkr_orders::simulator::{SimulatorConfig, Switches};

use super::peer::{Ask, Peer, resting, start};

async fn with(change: impl FnOnce(&mut Switches)) -> (ibkr_orders::simulator::Simulator, Peer) {
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

#[tokio::test]
async fn an_ended_order_is_refused_its_cancel_with_its_state() {
    let (simulator, mut peer) = with(|_| {}).await;
    let control = simulator.control();
    for id in 1..=4 {
        peer.place(resting(id)).await;
    }
    peer.cancel(1).await;
    peer.hear().await;
    control.fill(2).await.unwrap();
    control
        .reject(3, 201, "Order rejected - reason:late")
        .await
        .unwrap();
    control.hold_cancels().await.unwrap();
    peer.cancel(4).await;
    peer.hear().await;
    for (id, state) in [
        (1, "Cancelled"),
        (2, "Filled"),
        (3, "Inactive"),
        (4, "PendingCancel"),
    ] {
        peer.cancel(id).await;
        let expected = format!(
            "10148 OrderId {id} that needs to be cancelled cannot be cancelled, state: {state}."
        );
        assert_eq!(peer.hear().await, [expected]);
    }
}

#[tokio::test]
async fn a_staged_order_shows_itself_when_it_is_cancelled_or_not_even_then() {
    let staged = Ask {
        transmit: false,
        ..resting(1)
    };
    let (_simulator, mut peer) = with(|_| {}).await;
    peer.place(staged).await;
    peer.cancel(1).await;
    let told = peer.hear().await;
    assert_eq!(
        told[..2],
        [
            "status Cancelled 0+10",
            "202 Order Canceled - reason:Order was discarded."
        ]
    );
    assert!(told[2].starts_with("161 ") && told.len() == 3, "{told:?}");
    let (_simulator, mut peer) =
        with(|switches| switches.staged_cancel = StagedCancel::WithoutStatus).await;
    peer.place(staged).await;
    peer.cancel(1).await;
    let told = peer.hear().await;
    assert_eq!(
        (told.len(), told[0].as_str()),
        (2, "202 Order was discarded")
    );
}

#[tokio::test]
async fn a_global_cancel_discards_names_what_has_ended_and_cancels_in_the_order_of_a_recording() {
    let (simulator, mut early) = with(|_| {}).await;
    early.place(resting(1)).await;
    early.place(resting(2)).await;
    early.cancel(2).await;
    early.hear().await;
    drop(early);
    let gone = |view: &ibkr_orders::simulator::View<'_>| view.connections() == 0;
    simulator.control().wait_until(gone).await.unwrap();
    let mut other = Peer::log_in(&simulator, 2).await;
    other.place(resting(1)).await;
    other.hear().await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(3)).await;
    peer.place(Ask {
        transmit: false,
        ..resting(4)
    })
    .await;
    peer.place(resting(5)).await;
    peer.hear().await;
    peer.send(58, &[]).await;
    assert_eq!(
        peer.hear_briefly().await,
        [
            "4 Cancelled 0+10",
            "4 error 202",
            "4 error 161",
            "2 error 161",
            "3 Cancelled 0+10",
            "3 error 202",
            "5 Cancelled 0+10",
            "5 error 202",
            "1 Cancelled 0+10",
            "1 error 202",
        ]
    );
    assert_eq!(
        other.hear_briefly().await,
        ["1 Cancelled 0+10", "1 error 202"]
    );
    for (ended, expected) in [
        (GlobalCancelEnded::Silent, vec![]),
        (GlobalCancelEnded::Discarded, vec!["4 error 161"]),
    ] {
        let set = move |switches: &mut Switches| switches.global_cancel_ended = ended;
        simulator.control().set_switches(set).await.unwrap();
        peer.send(58, &[]).await;
        assert_eq!(peer.hear_briefly().await, expected);
    }
}

#[tokio::test]
async fn what_is_shown_before_a_cancel_is_confirmed_is_a_switch() {
    for (pending, expected) in [
        (PendingCancel::Hidden, &["status Cancelled 0+10"][..]),
        (
            PendingCancel::Status,
            &["status PendingCancel 0+10", "status Cancelled 0+10"],
        ),
        (
            PendingCancel::Pairs,
            &[
                "open PendingCancel",
                "status PendingCancel 0+10",
                "open PendingCancel",
                "status PendingCancel 0+10",
                "status Cancelled 0+10",
            ],
        ),
    ] {
        let (_simulator, mut peer) = with(|switches| switches.pending_cancel = pending).await;
        peer.place(resting(1)).await;
        peer.hear().await;
        peer.cancel(1).await;
        let told = peer.hear().await;
        assert_eq!(told[..told.len() - 1], *expected, "{pending:?}");
    }
}

#[tokio::test]
async fn an_order_held_for_locate_is_alive_and_its_cancel_may_go_unanswered() {
    let (simulator, mut peer) = with(|switches| {
        switches.locate_status = LocateStatus::Inactive;
        switches.inactive_cancel = InactiveCancel::Silent;
    })
    .await;
    let control = simulator.control();
    control.hold_next_for_locate().await.unwrap();
    peer.place(resting(1)).await;
    assert_eq!(
        peer.hear_briefly().await[1..],
        ["1 Inactive 0+10 locate", "1 error 404"]
    );
    peer.cancel(1).await;
    assert_eq!(peer.hear().await, Vec::<String>::new());
    peer.send(5, &[]).await;
    assert_eq!(peer.hear().await[0], "open Inactive");
    control.acknowledge(1).await.unwrap();
    assert_eq!(peer.hear_briefly().await[1..], ["1 Submitted 0+10"]);
    control.fill(1).await.unwrap();
    control
        .set_switches(|switches| switches.inactive_cancel = InactiveCancel::Answered)
        .await
        .unwrap();
    control.hold_next_for_locate().await.unwrap();
    peer.place(resting(2)).await;
    peer.hear().await;
    peer.cancel(2).await;
    assert_eq!(
        peer.hear_briefly().await,
        ["2 Cancelled 0+10", "2 error 202"]
    );
}

#[tokio::test]
async fn the_cancel_of_a_preview_is_answered_as_its_switch_says() {
    for (answer, expected) in [
        (WhatIfCancel::NotFound, &["1 error 10147"][..]),
        (WhatIfCancel::NotCancellable, &["1 error 161"]),
        (WhatIfCancel::Silent, &[]),
    ] {
        let (_simulator, mut peer) = with(|switches| switches.what_if_cancel = answer).await;
        peer.place(Ask {
            what_if: true,
            ..resting(1)
        })
        .await;
        peer.hear().await;
        peer.cancel(1).await;
        assert_eq!(peer.hear_briefly().await, expected, "{answer:?}");
    }
}
