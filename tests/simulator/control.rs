//! Tests of tests' tools: what a control can make happen, and what it can see.

use std::time::Duration;

use ibkr_orders::simulator::{ControlError, ManualOrder, SimulatorConfig};
use rust_decimal::Decimal;

use super::peer::{Ask, Peer, resting, start};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[tokio::test]
async fn in_explicit_mode_nothing_fills_until_it_is_told_to() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    assert_eq!(peer.hear().await.last().unwrap(), "status Submitted 0+10");
    control.fill_at(1, dec("4"), dec("99.5")).await.unwrap();
    assert_eq!(
        peer.hear().await,
        [
            "execution 4",
            "open Submitted",
            "status Submitted 4+6",
            "commission"
        ]
    );
    control.fill(1).await.unwrap();
    let heard = peer.hear().await;
    assert_eq!(
        (heard[0].as_str(), heard[2].as_str()),
        ("execution 6", "status Filled 10+0")
    );
    assert!(matches!(
        control.fill(1).await,
        Err(ControlError::NotWorking {
            status: "Filled",
            ..
        })
    ));
    assert!(matches!(
        control.fill(9).await,
        Err(ControlError::UnknownOrder(_))
    ));
}

#[tokio::test]
async fn a_fill_can_come_before_the_acknowledgement_without_a_status_or_after_its_status() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    control.hold_acknowledgements().await.unwrap();
    peer.place(resting(1)).await;
    assert_eq!(peer.hear().await, Vec::<String>::new());
    control.fill_at(1, dec("3"), dec("100")).await.unwrap();
    assert_eq!(peer.hear().await[0], "execution 3");
    peer.place(resting(2)).await;
    control
        .wait_until(|view| view.place_messages(2) == 1)
        .await
        .unwrap();
    control.release_acknowledgements().await.unwrap();
    assert_eq!(peer.hear().await[3], "status Submitted 0+10");
    control
        .fill_without_status(2, dec("10"), dec("100"))
        .await
        .unwrap();
    assert_eq!(peer.hear().await, ["execution 10", "commission"]);
    peer.place(resting(3)).await;
    peer.hear().await;
    control
        .fill_status_first(3, dec("10"), dec("100"))
        .await
        .unwrap();
    assert_eq!(
        peer.hear().await,
        [
            "open Filled",
            "status Filled 10+0",
            "execution 10",
            "commission"
        ]
    );
}

#[tokio::test]
async fn a_fill_can_follow_a_cancel() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    peer.cancel(1).await;
    assert_eq!(peer.hear().await[4], "status Cancelled 0+10");
    simulator.control().fill(1).await.unwrap();
    assert_eq!(peer.hear().await[2], "status Filled 10+0");
}

#[tokio::test]
async fn cancels_can_be_withheld_so_that_a_fill_overtakes_them() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    control.hold_cancels().await.unwrap();
    for id in [1, 2] {
        peer.place(resting(id)).await;
        peer.cancel(id).await;
    }
    assert_eq!(peer.hear().await[5], "status PendingCancel 0+10");
    control.fill(1).await.unwrap();
    assert_eq!(peer.hear().await[2], "status Filled 10+0");
    control.release_cancels().await.unwrap();
    assert_eq!(
        peer.hear().await,
        ["status Cancelled 0+10", "202 Order Canceled - reason:"]
    );
}

#[tokio::test]
async fn a_corrected_execution_has_the_same_id_but_for_its_end() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    peer.hear().await;
    control.fill_at(1, dec("6"), dec("100")).await.unwrap();
    peer.hear().await;
    let first = control
        .inspect(|view| view.exec_ids()[0].clone())
        .await
        .unwrap();
    let second = control
        .correct_execution(&first, dec("5"), dec("99"))
        .await
        .unwrap();
    assert_eq!(second, first.replace(".01.01", ".01.02"));
    let told = peer.until("commission").await;
    assert_eq!(
        (
            told[0].inner(3).text(2),
            told[0].inner(3).text(7),
            told[0].inner(3).text(12)
        ),
        (second, "5".into(), "5".into())
    );
    assert_eq!(
        control
            .inspect(|view| view.order(1).unwrap().filled)
            .await
            .unwrap(),
        dec("5")
    );
}

#[tokio::test]
async fn orders_can_be_rejected_late_expired_and_annotated() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    for id in 1..=3 {
        peer.place(resting(id)).await;
    }
    peer.hear().await;
    control
        .reject(1, 201, "Order rejected - reason:late")
        .await
        .unwrap();
    assert_eq!(
        peer.hear().await,
        [
            "open Inactive",
            "status Inactive 0+10",
            "201 Order rejected - reason:late"
        ]
    );
    control.expire(2).await.unwrap();
    assert_eq!(
        peer.hear().await,
        ["status Cancelled 0+10", "202 Order Canceled - reason:"]
    );
    control
        .send_error(
            3,
            2109,
            "Order Event Warning: Attribute 'Outside RTH' is ignored",
        )
        .await
        .unwrap();
    control.send_notice(2110, "broken").await.unwrap();
    control.repeat_reports(3).await.unwrap();
    let heard = peer.hear().await;
    assert!(
        heard[0].starts_with("2109 ") && heard[1].starts_with("2110 "),
        "{heard:?}"
    );
    assert_eq!(heard[2..], ["open Submitted", "status Submitted 0+10"]);
    control.reject_next(110, "tick", false).await.unwrap();
    peer.place(resting(4)).await;
    assert_eq!(peer.hear().await, ["110 tick"]);
}

#[tokio::test]
async fn a_moved_price_fills_what_it_reaches_at_its_limit() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        quantity: "5000",
        ..resting(1)
    })
    .await;
    peer.place(Ask {
        limit: Some(90.0),
        ..resting(2)
    })
    .await;
    peer.hear().await;
    control.move_price("AAPL", dec("99")).await.unwrap();
    let told = peer.until("commission").await;
    assert_eq!(
        (told[0].words(), told[0].inner(3).double(8)),
        ("execution 5000".to_owned(), 100.0)
    );
    assert_eq!(peer.hear().await, Vec::<String>::new());
    assert_eq!(
        control.inspect(|view| view.quote("AAPL")).await.unwrap(),
        Some((dec("98.99"), dec("99.01")))
    );
    assert!(matches!(
        control.move_price("NOPE", dec("1")).await,
        Err(ControlError::UnknownSymbol(_))
    ));
}

#[tokio::test]
async fn a_manual_order_is_seen_by_all_and_bound_by_client_0() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let order = ManualOrder {
        symbol: "IBM".to_owned(),
        buy: true,
        quantity: dec("5"),
        limit_price: dec("100"),
    };
    let perm_id = simulator.control().place_manual_order(order).await.unwrap();
    let mut other = Peer::log_in(&simulator, 1).await;
    other.send(16, &[]).await;
    let told = other.until("open end").await;
    assert_eq!(
        (told[0].inner(3).number(3), told[0].number(1)),
        (perm_id, 0)
    );
    other.cancel(0).await;
    assert_eq!(
        other.hear().await,
        ["10147 OrderId 0 that needs to be cancelled is not found."]
    );
    let mut master = Peer::log_in(&simulator, 0).await;
    master.send(5, &[]).await;
    let told = master.until("open end").await;
    assert_eq!(
        (told[0].words(), told[1].number(1)),
        ("bound".to_owned(), 1)
    );
    other.send(15, &[8, 1]).await;
    assert!(other.hear().await[0].starts_with("327 "));
}

#[tokio::test]
async fn the_view_counts_frames_orders_and_sessions() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 4).await;
    peer.place(Ask {
        order_ref: "one",
        transmit: false,
        ..resting(1)
    })
    .await;
    peer.place(Ask {
        order_ref: "one",
        ..resting(1)
    })
    .await;
    peer.place(Ask {
        symbol: "ZZZZ",
        ..resting(2)
    })
    .await;
    peer.hear().await;
    let seen = control
        .inspect(|view| {
            let orders = view.orders_with_ref("one");
            (
                orders,
                view.place_messages((4, 1)),
                view.place_messages(2),
                view.accepted_total(),
                view.clients(),
            )
        })
        .await
        .unwrap();
    assert_eq!(
        (seen.0.len(), seen.1, seen.2, seen.3, seen.4),
        (1, 2, 1, 1, vec![4])
    );
    let order = &seen.0[0];
    assert_eq!(
        (
            order.client_id,
            order.order_id,
            order.status,
            order.transmitted
        ),
        (4, 1, "Submitted", true)
    );
    let limit = Duration::from_millis(20);
    assert_eq!(
        control.wait_until_within(limit, |_| false).await,
        Err(ControlError::Timeout(limit))
    );
    let transmits: Vec<bool> = control
        .inspect(|view| {
            view.messages()
                .iter()
                .filter(|m| m.order_id == Some(1))
                .map(|m| m.transmit)
                .collect()
        })
        .await
        .unwrap();
    assert_eq!(transmits, [false, true]);
    simulator.shutdown().await;
    assert_eq!(control.fill(1).await, Err(ControlError::Stopped));
}

#[tokio::test]
async fn accounts_change_with_the_next_login() {
    let simulator = start(SimulatorConfig::explicit()).await;
    simulator
        .control()
        .set_accounts(vec!["U7".to_owned()])
        .await
        .unwrap();
    let mut peer = Peer::open(&simulator).await;
    peer.introduce("v213..226").await;
    peer.send(71, &[8, 1]).await;
    assert_eq!(peer.until("id").await[0].words(), "accounts U7");
}
