//! A restart of the simulator itself, with a state file.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::Duration;

use ibkr_orders::simulator::{Mode, SimulatorConfig};

use super::peer::{Ask, Message, Peer, resting, start};

#[tokio::test]
async fn orders_ids_and_executions_outlive_a_restart_and_staged_orders_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let config = SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        state_file: Some(directory.path().join("deep/state.jsonl")),
        ..SimulatorConfig::on_free_port()
    };
    let simulator = start(config.clone()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        id: 1,
        ..Ask::default()
    })
    .await;
    peer.place(Ask {
        order_ref: "rests",
        ..resting(2)
    })
    .await;
    peer.place(Ask {
        transmit: false,
        ..resting(3)
    })
    .await;
    peer.place(resting(4)).await;
    peer.cancel(4).await;
    peer.hear().await;
    let before = simulator
        .control()
        .inspect(|view| (view.orders(), view.quote("AAPL")))
        .await
        .unwrap();
    simulator.shutdown().await;
    // What a kill in the middle of a line leaves.
    let path = config.state_file.as_ref().unwrap();
    OpenOptions::new()
        .append(true)
        .open(path)
        .unwrap()
        .write_all(b"{\"order\":{\"key\"")
        .unwrap();

    let simulator = start(config.clone()).await;
    let after = simulator
        .control()
        .inspect(|view| (view.orders(), view.quote("AAPL")))
        .await
        .unwrap();
    let kept: Vec<_> = before
        .0
        .iter()
        .filter(|order| order.transmitted)
        .cloned()
        .collect();
    assert_eq!((after.0, after.1), (kept, before.1));
    let mut peer = Peer::open(&simulator).await;
    peer.introduce("v213..226").await;
    peer.send(71, &[8, 1]).await;
    let told = peer.until("2158").await;
    let words: Vec<String> = told.iter().take(5).map(Message::words).collect();
    assert_eq!(
        words,
        [
            "open Submitted",
            "status Submitted 0+10",
            "open end",
            "accounts DU1234567",
            "id 5"
        ]
    );
    assert_eq!(told[0].inner(3).text(28), "rests");
    let perm_id = told[0].inner(3).number(3);
    peer.send(7, &[8, 5]).await;
    peer.send(99, &[]).await;
    assert_eq!(
        peer.hear().await,
        [
            "execution 10",
            "commission",
            "executions end",
            "status Filled 10+0",
            "status Cancelled 0+10",
            "completed Filled",
            "completed Cancelled",
            "completed end"
        ]
    );
    peer.place(resting(5)).await;
    assert!(
        peer.until("status Submitted").await[0].inner(3).number(3) > perm_id,
        "an old permanent id came again"
    );
    simulator.control().fill(2).await.unwrap();
    assert_eq!(peer.hear().await[0], "execution 10");
}
