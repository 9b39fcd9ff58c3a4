//! Working orders that are changed: by their client, by hand, by IB.

use ibkr_orders::simulator::switches::{
    Chance, ReplaceBelowFilled, ReplaceEnded, ReplaceFilled, ReplaceStale, ReplaceTooSoon,
    SizeReduction,
};
use ibkr_orders::simulator::{HandChange, Simulator, SimulatorConfig, Switches};

use super::peer::{Peer, buy, start};

/// Sets a switch.
type Set = fn(&mut Switches);

/// Order 1, BUY 10 at 100, works.
async fn working(change: impl FnOnce(&mut Switches)) -> (Simulator, Peer) {
    let mut switches = Switches::default();
    change(&mut switches);
    let simulator = start(SimulatorConfig {
        switches,
        ..SimulatorConfig::explicit()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.send_order(1, buy("10", "LMT").limit(100.0)).await;
    peer.hear().await;
    (simulator, peer)
}

#[tokio::test]
async fn a_replacement_is_echoed_ignored_undone_or_met_by_old_values() {
    let (old, new) = (
        "1 open Submitted 10 lmt 100 aux 0",
        "1 open Submitted 10 lmt 101 aux 0",
    );
    let cases: &[(Set, &[&str])] = &[
        (|_| {}, &[new, new]),
        (|s| s.replace_ignored = Chance::Always, &[]),
        (|s| s.replace_stale = ReplaceStale::Before, &[old, new, new]),
        (|s| s.replace_stale = ReplaceStale::After, &[new, new, old]),
        (|s| s.replace_reverted = Chance::Always, &[new, new, old]),
    ];
    for (change, expected) in cases {
        let (_simulator, mut peer) = working(change).await;
        peer.send_order(1, buy("10", "LMT").limit(101.0)).await;
        let told = peer.hear_briefly().await;
        let echoes: Vec<&String> = told.iter().filter(|told| told.contains("open")).collect();
        assert_eq!(echoes, *expected);
    }
}

#[tokio::test]
async fn what_cannot_be_replaced_is_answered_as_its_switches_say() {
    let again = || buy("10", "LMT").limit(101.0);
    for (filled, ended, first, second) in [
        (
            ReplaceFilled::Refused,
            ReplaceEnded::Duplicate,
            &["1 error 104"][..],
            "2 error 103",
        ),
        (
            ReplaceFilled::Silent,
            ReplaceEnded::TooLate,
            &[],
            "2 error 201",
        ),
    ] {
        let (simulator, mut peer) = working(|switches| {
            switches.replace_filled = filled;
            switches.replace_ended = ended;
        })
        .await;
        simulator.control().fill(1).await.unwrap();
        peer.send_order(2, again()).await;
        peer.cancel(2).await;
        peer.hear().await;
        peer.send_order(1, again()).await;
        assert_eq!(peer.hear_briefly().await, first);
        peer.send_order(2, again()).await;
        assert_eq!(peer.hear_briefly().await, [second]);
    }
    let (simulator, mut peer) = working(|_| {}).await;
    let control = simulator.control();
    control.fill_at(1, 6.into(), 100.into()).await.unwrap();
    peer.hear().await;
    for (below, expected) in [
        (ReplaceBelowFilled::Refused, "1 error 105"),
        (ReplaceBelowFilled::Rejected, "1 error 201"),
        (ReplaceBelowFilled::Fills, "1 open Filled 6 lmt 100 aux 0"),
    ] {
        control
            .set_switches(move |switches| switches.replace_below_filled = below)
            .await
            .unwrap();
        peer.send_order(1, buy("5", "LMT").limit(101.0)).await;
        assert_eq!(peer.hear_briefly().await[0], expected);
    }
    control
        .set_switches(|switches| switches.replace_too_soon = ReplaceTooSoon::Processing)
        .await
        .unwrap();
    peer.send_order(3, again()).await;
    peer.send_order(3, again()).await;
    let told = peer.hear_briefly().await;
    assert_eq!(told[told.len() - 1], "3 error 2102");
}

#[tokio::test]
async fn a_replacement_while_ib_is_away_may_become_a_second_order() {
    let (simulator, mut peer) = working(|switches| switches.second_perm_id = Chance::Always).await;
    let control = simulator.control();
    control.lose_ib().await.unwrap();
    peer.send_order(1, buy("10", "LMT").limit(101.0)).await;
    peer.hear().await;
    control.restore_ib(false).await.unwrap();
    peer.hear().await;
    peer.send(5, &[]).await;
    let told = peer.hear_all().await;
    let rows: Vec<(i64, i64)> = told
        .iter()
        .filter(|message| message.kind == 5)
        .map(|row| (row.number(1), row.inner(3).number(3)))
        .collect();
    assert_eq!(rows.len(), 2, "{told:?}");
    assert!(rows[0].0 == rows[1].0 && rows[0].1 != rows[1].1, "{rows:?}");
    peer.cancel(1).await;
    assert_eq!(peer.hear_briefly().await.len(), 2, "one cancel ends one");
    peer.cancel(1).await;
    assert_eq!(peer.hear_briefly().await[0], "1 Cancelled 0+10");
}

#[tokio::test]
async fn a_person_changes_transmits_and_cancels_and_ib_reduces() {
    let (simulator, mut peer) = working(|_| {}).await;
    let control = simulator.control();
    let change = HandChange {
        quantity: Some(20.into()),
        limit_price: Some(99.into()),
        ..HandChange::default()
    };
    control.change_by_hand(1, change).await.unwrap();
    assert_eq!(
        peer.hear_briefly().await,
        ["1 open Submitted 20 lmt 99 aux 0", "1 Submitted 0+20"]
    );
    control.reduce_size(1, 14.into()).await.unwrap();
    assert_eq!(
        peer.hear_briefly().await,
        [
            "1 error 481",
            "1 open Submitted 14 lmt 99 aux 0",
            "1 Submitted 0+14"
        ]
    );
    control
        .set_switches(|switches| switches.size_reduction = SizeReduction::Hidden)
        .await
        .unwrap();
    control.reduce_size(1, 7.into()).await.unwrap();
    assert_eq!(peer.hear_briefly().await, ["1 error 481"]);
    control.fill(1).await.unwrap();
    assert!(
        peer.hear_briefly()
            .await
            .contains(&"1 Filled 7+7".to_owned())
    );
    peer.send_order(2, buy("10", "LMT").limit(100.0).staged())
        .await;
    peer.hear().await;
    control.transmit_by_hand(2).await.unwrap();
    assert_eq!(peer.hear_briefly().await[3], "2 Submitted 0+10");
    control.cancel_by_hand(2).await.unwrap();
    assert_eq!(
        peer.hear_briefly().await,
        ["2 Cancelled 0+10", "2 error 202"]
    );
}
