//! Each fault, by its text, as a client meets it.

use std::time::{Duration, Instant};

use ibkr_orders::simulator::{Fault, Mode, Simulator, SimulatorConfig};

use super::peer::{Ask, Peer, frame, resting, start};

async fn with(fault: &str) -> Simulator {
    let fault: Fault = fault.parse().expect("a fault");
    let mode = Mode::Automatic {
        tick: Duration::ZERO,
    };
    start(SimulatorConfig {
        mode,
        faults: vec![fault],
        ..SimulatorConfig::on_free_port()
    })
    .await
}

#[tokio::test]
async fn drop_before_order_loses_the_order_and_the_connection() {
    let simulator = with("drop-before-order=2").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    assert_eq!(peer.hear().await.len(), 4);
    peer.place(resting(2)).await;
    assert_eq!(peer.rest().await, Vec::<u8>::new());
    let view = simulator.control();
    assert_eq!(view.inspect(|view| view.orders().len()).await.unwrap(), 1);
    assert_eq!(
        view.inspect(|view| view.place_messages(2)).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn drop_after_order_keeps_the_order_and_loses_its_answer() {
    let simulator = with("drop-after-order=1").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    assert_eq!(peer.rest().await, Vec::<u8>::new());
    let order = simulator
        .control()
        .inspect(|view| view.order(1))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(order.status, "Submitted");
    let mut again = Peer::open(&simulator).await;
    again.introduce("v213..226").await;
    again.send(71, &[8, 1]).await;
    let told = again.until("id").await;
    assert_eq!(
        (told[0].words(), told.last().unwrap().words()),
        ("open Submitted".to_owned(), "id 2".to_owned())
    );
}

#[tokio::test]
async fn mute_after_order_processes_everything_and_says_nothing() {
    let simulator = with("mute-after-order=1").await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    peer.place(resting(2)).await;
    peer.send(49, &[]).await;
    control
        .wait_until(|view| view.messages().len() == 4)
        .await
        .unwrap();
    control.unmute().await.unwrap();
    assert_eq!(peer.hear().await, Vec::<String>::new());
    assert_eq!(
        control.inspect(|view| view.accepted_total()).await.unwrap(),
        2
    );
}

#[tokio::test]
async fn mute_does_not_even_tell_the_version() {
    let simulator = with("mute").await;
    let mut peer = Peer::open(&simulator).await;
    let silent = tokio::time::timeout(Duration::from_millis(50), peer.introduce("v213..226")).await;
    assert!(silent.is_err());
    simulator.control().clear_faults().await.unwrap();
    Peer::log_in(&simulator, 1).await;
}

#[tokio::test]
async fn slow_delays_what_is_sent() {
    let simulator = with("slow=60ms").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    let from = Instant::now();
    peer.hear().await;
    assert!(from.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn refuse_closes_new_connections_and_leaves_old_ones() {
    let simulator = with("refuse").await;
    assert_eq!(Peer::open(&simulator).await.rest().await, Vec::<u8>::new());
    simulator.control().refuse_connections(false).await.unwrap();
    let mut old = Peer::log_in(&simulator, 1).await;
    simulator.control().refuse_connections(true).await.unwrap();
    assert_eq!(Peer::open(&simulator).await.rest().await, Vec::<u8>::new());
    old.hear().await;
}

#[tokio::test]
async fn half_frame_after_order_ends_within_a_frame() {
    let simulator = with("half-frame-after-order=1").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    let bytes = peer.rest().await;
    let length = usize::try_from(u32::from_be_bytes(bytes[..4].try_into().unwrap())).unwrap();
    assert!(
        bytes.len() > 8 && bytes.len() < length + 4,
        "{} of {length}",
        bytes.len()
    );
}

#[tokio::test]
async fn garbage_and_bad_length_follow_the_answers() {
    let simulator = with("garbage-after-order=1").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    peer.until("status Submitted").await;
    assert_eq!(
        peer.frame().await.unwrap(),
        [0, 0, 0, 203, 0x12, 0xff, 0x01]
    );
    simulator
        .control()
        .set_fault("bad-length-after-order=1".parse().unwrap())
        .await
        .unwrap();
    peer.place(resting(2)).await;
    peer.until("status Submitted").await;
    simulator.control().drop_connections().await.unwrap();
    assert_eq!(peer.rest().await[..4], [0xff; 4]);
}

#[tokio::test]
async fn duplicate_says_every_report_twice() {
    let simulator = with("duplicate").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    let heard = peer.hear().await;
    assert_eq!(heard.len(), 20);
    assert!(heard.chunks(2).all(|pair| pair[0] == pair[1]), "{heard:?}");
}

#[tokio::test]
async fn reorder_reverses_the_reports_of_one_request() {
    let simulator = with("reorder").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    let heard = peer.hear().await;
    assert_eq!(
        (heard[0].as_str(), heard[1].as_str()),
        ("commission", "status Filled 10+0")
    );
    assert_eq!(heard.last().unwrap(), "open PreSubmitted");
}

#[tokio::test]
async fn lost_reports_are_missing_live_and_present_in_answers() {
    for (fault, lost) in [
        ("lose-statuses", "status"),
        ("lose-open-orders", "open"),
        ("lose-executions", "execution"),
    ] {
        let simulator = with(fault).await;
        let mut peer = Peer::log_in(&simulator, 1).await;
        peer.place(Ask {
            id: 1,
            ..Ask::default()
        })
        .await;
        peer.place(resting(2)).await;
        let heard = peer.hear().await;
        assert!(
            !heard.is_empty() && heard.iter().all(|words| !words.starts_with(lost)),
            "{fault}: {heard:?}"
        );
        peer.send(5, &[]).await;
        peer.send(7, &[8, 5]).await;
        let heard = peer.hear().await;
        assert!(
            heard.iter().any(|words| words.starts_with(lost)),
            "{fault}: {heard:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_about_executions_may_lack_its_end() {
    let simulator = with("lose-executions-end").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    peer.hear().await;
    peer.send(7, &[8, 5]).await;
    let heard = peer.hear().await;
    assert!(!heard.is_empty(), "no row came");
    assert!(
        heard
            .iter()
            .all(|words| words.starts_with("execution ") || words == "commission"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn while_ib_is_lost_orders_and_cancels_wait_in_tws_and_go_out_when_it_is_back() {
    let simulator = with("ib-lost-after-order=1:1s").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    let heard = peer.hear().await;
    assert_eq!(
        heard[4],
        "1100 Connectivity between IBKR and Trader Workstation has been lost."
    );
    peer.place(resting(2)).await;
    peer.cancel(1).await;
    let waited: Vec<String> = peer
        .until("202")
        .await
        .iter()
        .map(|message| message.words())
        .collect();
    assert_eq!(
        waited,
        [
            "open PendingCancel",
            "status PendingCancel 0+10",
            "1102 Connectivity between IBKR and Trader Workstation has been restored - data maintained.",
            "open PreSubmitted",
            "status PreSubmitted 0+10",
            "open Submitted",
            "status Submitted 0+10",
            "status Cancelled 0+10",
            "202 Order Canceled - reason:",
        ]
    );
    simulator
        .control()
        .set_fault("ib-data-lost-after-order=1:1ms".parse().unwrap())
        .await
        .unwrap();
    peer.place(resting(3)).await;
    let told = peer.until("1101").await;
    assert!(
        told.last()
            .unwrap()
            .words()
            .ends_with("restored - data lost.")
    );
}

#[tokio::test]
async fn rollback_ids_lowers_the_next_login_once() {
    let simulator = with("rollback-ids=2").await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    for id in 1..=5 {
        peer.place(resting(id)).await;
    }
    peer.hear().await;
    control
        .set_fault("rollback-ids=2".parse().unwrap())
        .await
        .unwrap();
    for expected in ["id 4", "id 4"] {
        drop(peer);
        control
            .wait_until(|view| view.connections() == 0)
            .await
            .unwrap();
        peer = Peer::open(&simulator).await;
        peer.introduce("v213..226").await;
        peer.send(71, &[8, 1]).await;
        assert_eq!(peer.until("id").await.last().unwrap().words(), expected);
    }
}

#[tokio::test]
async fn restart_after_order_closes_everything_and_forgets_staged_orders() {
    let simulator = with("restart-after-order=2").await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        transmit: false,
        ..resting(1)
    })
    .await;
    peer.place(resting(2)).await;
    peer.rest().await;
    let orders = simulator
        .control()
        .inspect(|view| view.orders())
        .await
        .unwrap();
    assert_eq!(
        orders
            .iter()
            .map(|order| order.order_id)
            .collect::<Vec<_>>(),
        [2]
    );
}

#[tokio::test]
async fn an_order_can_be_rejected_or_held_for_locate() {
    let simulator = with("reject-order=1").await;
    simulator
        .control()
        .set_fault("held-for-locate=2".parse().unwrap())
        .await
        .unwrap();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    let heard = peer.hear().await;
    assert_eq!(heard[..2], ["open Inactive", "status Inactive 0+10"]);
    assert!(heard[2].starts_with("201 Order rejected - reason:"));
    peer.place(resting(2)).await;
    let told = peer.until("404").await;
    assert_eq!(told[1].text(10), "locate");
    simulator.control().acknowledge(2).await.unwrap();
    assert_eq!(
        peer.hear().await,
        ["open Submitted", "status Submitted 0+10"]
    );
}

#[tokio::test]
async fn too_many_messages_get_100_and_the_third_time_the_connection_closes() {
    let config = SimulatorConfig {
        max_messages_per_second: Some(50),
        ..SimulatorConfig::on_free_port()
    };
    let simulator = start(config).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    let burst = frame(49, &[]).repeat(120);
    let mut told = Vec::new();
    for breach in 1..=3 {
        peer.write(&burst).await;
        told.extend(peer.until("100").await);
        assert!(
            told.last()
                .unwrap()
                .words()
                .ends_with(&format!("({breach})")),
            "{told:?}"
        );
        if breach < 3 {
            tokio::time::sleep(Duration::from_millis(1050)).await;
        }
    }
    peer.rest().await;
    assert!(told.iter().any(|message| {
        message
            .words()
            .starts_with("100 Max rate of messages per second")
    }));
}
