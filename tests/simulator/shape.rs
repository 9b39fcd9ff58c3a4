//! The fields and texts of messages, beside those of captures from a paper gateway.

use ibkr_orders::simulator::switches::TimeRequests;
use ibkr_orders::simulator::{Hours, Mode, SimulatorConfig, Switches};
use std::time::Duration;

use super::peer::{Ask, LIMIT, Peer, resting, start, text, timeless};

fn quiet() -> SimulatorConfig {
    SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        ..SimulatorConfig::on_free_port()
    }
}

#[tokio::test]
async fn the_version_is_the_lower_of_both_highest_ones() {
    let simulator = start(quiet()).await;
    for (range, version) in [
        ("v213..226", "226"),
        ("v100..225", "225"),
        ("v213..300", "226"),
        ("v100..213", "213"),
        ("v157..178", "178"),
        ("v100..157", "157"),
    ] {
        let answer = Peer::open(&simulator).await.introduce(range).await.unwrap();
        let parts: Vec<&str> = std::str::from_utf8(&answer).unwrap().split('\0').collect();
        assert_eq!((parts[0], parts.len()), (version, 3), "{range}");
        assert!(
            parts[1].ends_with(" US/Eastern") && parts[1].len() == 28,
            "{parts:?}"
        );
    }
}

#[tokio::test]
async fn a_client_too_old_is_told_so_in_its_own_protocol_and_the_connection_closes() {
    let simulator = start(quiet()).await;
    for range in ["v100..156", "v300..400"] {
        let mut peer = Peer::open(&simulator).await;
        peer.introduce(range).await.unwrap();
        let refusal = String::from_utf8(peer.frame().await.unwrap()).unwrap();
        assert!(refusal.starts_with("4\x002\0-1\x00321\0"), "{refusal:?}");
        assert!(refusal.contains("versions 157 to 226"), "{refusal:?}");
        assert_eq!(peer.rest().await, Vec::<u8>::new());
    }
}

/// Tags of captured frames (a paper gateway, server version 225): MKT order, its status, its execution, its commission.
#[tokio::test]
async fn each_report_has_the_fields_of_its_capture() {
    let simulator = start(quiet()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        order_ref: "ref",
        quantity: "1",
        ..Ask::default()
    })
    .await;
    let told = peer.until("commission").await;
    let (open, status, execution) = (&told[2], &told[3], &told[4]);

    assert_eq!(open.tags(), [1, 2, 3, 4]);
    assert_eq!(open.inner(2).tags(), [1, 2, 3, 5, 8, 10, 11, 12]);
    let captured = [
        1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 15, 28, 30, 31, 38, 40, 41, 46, 69, 70, 72, 93, 98,
        111, 115, 118, 120, 122, 137, 142,
    ];
    assert_eq!(open.inner(3).tags(), captured);
    assert_eq!(open.inner(4).tags(), [1]);
    assert_eq!(status.tags(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    assert_eq!(execution.tags(), [1, 2, 3]);
    assert_eq!(execution.number(1), -1);
    assert_eq!(
        execution.inner(3).tags(),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 18, 21]
    );
    assert_eq!(told[7].inner(4).tags(), [1, 11, 14, 29, 30]);
    assert_eq!(told.last().unwrap().tags(), [1, 2, 3]);

    assert_eq!(open.inner(3).text(15), "IB");
    assert_eq!(open.inner(3).number(30), 3);
    assert_eq!(open.inner(3).number(72), -1);
    assert_eq!(open.inner(3).text(115), "0");
    assert_eq!(told[5].inner(3).text(115), "1");
    let perm_id = open.inner(3).number(3);
    assert_eq!(
        (status.number(6), execution.inner(3).number(9)),
        (perm_id, perm_id)
    );
    assert!(perm_id > i64::from(i32::MAX) && perm_id < 1 << 53);
}

#[tokio::test]
async fn a_limit_order_shows_a_trail_stop_one_above_its_limit_and_errors_have_four_fields() {
    let simulator = start(quiet()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    let told = peer.until("status Submitted").await;
    assert_eq!(
        (told[0].inner(3).double(9), told[0].inner(3).double(23)),
        (100.0, 101.0)
    );
    peer.cancel(1).await;
    let told = peer.until("202").await;
    assert_eq!(told[0].words(), "status Cancelled 0+10");
    assert_eq!(told[1].tags(), [1, 2, 3, 4]);
    assert_eq!(
        (told[1].number(1), told[1].text(4)),
        (1, "Order Canceled - reason:".to_owned())
    );
}

#[tokio::test]
async fn outside_the_hours_orders_wait_with_a_warning_but_for_limits_that_may_trade_then() {
    let simulator = start(SimulatorConfig {
        hours: Hours::Closed,
        ..quiet()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        id: 1,
        ..Ask::default()
    })
    .await;
    let heard = peer.hear().await;
    assert!(heard[2].starts_with(
        "399 Order Message:\nBUY 10 AAPL NASDAQ.NMS\nWarning: Your order will not be placed"
    ));
    let pair = ["open PreSubmitted", "status PreSubmitted 0+10"];
    assert_eq!(heard.len(), 9);
    for at in [0, 3, 5, 7] {
        assert_eq!(heard[at..at + 2], pair.map(String::from), "{at}");
    }
    peer.place(Ask {
        outside_rth: true,
        ..resting(2)
    })
    .await;
    assert_eq!(peer.hear().await.last().unwrap(), "status Submitted 0+10");
    simulator.control().open_exchange().await.unwrap();
    let heard = peer.until("commission").await;
    assert_eq!(heard[1].words(), "status Submitted 0+10");
}

#[tokio::test]
async fn the_end_of_the_day_ends_day_orders_keeps_the_others_and_empties_the_queries() {
    let simulator = start(quiet()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        id: 1,
        ..Ask::default()
    })
    .await;
    peer.place(resting(2)).await;
    peer.place(Ask {
        tif: "GTC",
        ..resting(3)
    })
    .await;
    peer.hear().await;
    simulator.control().end_day().await.unwrap();
    assert_eq!(
        peer.hear().await,
        ["status Cancelled 0+10", "202 Order Canceled - reason:"]
    );
    peer.send(7, &[1 << 3, 5]).await;
    peer.send(99, &[]).await;
    peer.send(16, &[]).await;
    assert_eq!(
        peer.hear().await,
        [
            "executions end",
            "completed end",
            "open Submitted",
            "status Submitted 0+10",
            "open end"
        ]
    );
}

#[tokio::test]
async fn read_only_mode_refuses_orders_cancels_and_ids_with_321() {
    let simulator = start(SimulatorConfig {
        read_only: true,
        ..quiet()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(resting(1)).await;
    peer.cancel(1).await;
    peer.send(8, &[]).await;
    let heard = peer.hear().await;
    assert_eq!(heard.len(), 3);
    assert!(
        heard
            .iter()
            .all(|words| words.ends_with("The API interface is currently in Read-Only mode.")),
        "{heard:?}"
    );
}

#[tokio::test]
async fn a_what_if_order_is_answered_with_margins_and_is_no_order() {
    let simulator = start(quiet()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        what_if: true,
        ..resting(1)
    })
    .await;
    let told = peer.until("open").await;
    let captured = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 15];
    assert_eq!(told[0].inner(4).tags(), captured);
    peer.send(16, &[]).await;
    assert_eq!(peer.hear().await, ["open end"]);
    peer.place(Ask {
        what_if: true,
        transmit: false,
        ..resting(1)
    })
    .await;
    assert!(peer.hear().await[0].starts_with("413 "));
}

#[tokio::test]
async fn several_accounts_need_one_named_and_the_list_is_told_at_login() {
    let accounts = vec!["DU1".to_owned(), "DU2".to_owned()];
    let simulator = start(SimulatorConfig {
        accounts,
        ..quiet()
    })
    .await;
    let mut peer = Peer::open(&simulator).await;
    peer.introduce("v213..226").await;
    peer.send(71, &[8, 1]).await;
    assert_eq!(peer.until("id").await[0].words(), "accounts DU1,DU2");
    peer.place(resting(1)).await;
    assert_eq!(
        peer.until("435").await.last().unwrap().words(),
        "435 You must specify an account."
    );
}

#[tokio::test]
async fn the_same_seed_and_requests_give_the_same_frames_but_for_times_and_id_bases() {
    let first = scenario(7).await;
    assert_eq!(first, scenario(7).await);
    assert_ne!(first, scenario(8).await);
    assert!(first.len() > 100, "{} messages", first.len());
}

async fn scenario(seed: u64) -> Vec<String> {
    let simulator = start(SimulatorConfig { seed, ..quiet() }).await;
    let mut peer = Peer::log_in(&simulator, 3).await;
    for id in 1..=40 {
        let symbol = ["AAPL", "MSFT", "TSLA"][usize::try_from(id).unwrap() % 3];
        let limit = (id % 4 == 0).then_some(1_000.0);
        peer.place(Ask {
            id,
            symbol,
            quantity: "450",
            limit,
            sell: id % 5 == 0,
            ..Ask::default()
        })
        .await;
    }
    peer.place(resting(41)).await;
    peer.cancel(41).await;
    peer.send(8, &[]).await;
    let told = peer.until("id ").await;
    let base = told[0].inner(3).number(3) - 1;
    told.iter().map(|message| timeless(message, base)).collect()
}

#[tokio::test]
async fn a_quiet_market_moves_by_itself_and_fills_what_it_reaches() {
    let config = SimulatorConfig {
        mode: Mode::Automatic {
            tick: Duration::from_millis(1),
        },
        symbols: vec![("PENNY".to_owned(), "1.00".parse().unwrap())],
        ..SimulatorConfig::on_free_port()
    };
    let simulator = start(config).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        symbol: "PENNY",
        limit: Some(0.99),
        ..Ask::default()
    })
    .await;
    let heard = tokio::time::timeout(LIMIT, peer.until("commission"))
        .await
        .unwrap();
    assert!(
        heard
            .iter()
            .any(|message| message.words() == "status Filled 10+0"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn executions_are_filtered_by_what_the_request_names() {
    let simulator = start(SimulatorConfig {
        switches: Switches {
            commission_replay: false,
            ..Switches::default()
        },
        ..quiet()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask {
        id: 1,
        symbol: "AAPL",
        ..Ask::default()
    })
    .await;
    peer.place(Ask {
        id: 2,
        symbol: "MSFT",
        sell: true,
        ..Ask::default()
    })
    .await;
    peer.hear().await;
    for (filter, rows) in [
        (vec![], 2),
        (text(4, "MSFT"), 1),
        (text(7, "BUY"), 1),
        (text(7, "SELL"), 1),
        (text(2, "DU1234567"), 2),
        (text(2, "DU9"), 0),
        (vec![8, 1], 2),
        (vec![8, 9], 0),
        (text(3, "20990101 00:00:00"), 0),
        (text(3, "20200101-00:00:00"), 2),
    ] {
        let body = [
            vec![8, 5, 0x12, u8::try_from(filter.len()).unwrap()],
            filter.clone(),
        ]
        .concat();
        peer.send(7, &body).await;
        let told = peer.until("executions end").await;
        assert_eq!(told.len() - 1, rows, "{filter:?}: {told:?}");
    }
}

#[tokio::test]
async fn of_two_time_requests_in_a_second_the_later_stays_unanswered_and_ids_never_do() {
    let switches = Switches {
        time_requests: TimeRequests::OnceASecond,
        ..Switches::default()
    };
    let simulator = start(SimulatorConfig {
        switches,
        ..quiet()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    for kind in [49, 49, 8, 105, 8] {
        peer.send(kind, &[]).await;
    }
    assert_eq!(peer.hear().await, ["time", "id 1", "id 1"]);
    let control = simulator.control();
    control
        .set_switches(|switches| switches.time_requests = TimeRequests::Always)
        .await
        .unwrap();
    peer.send(49, &[]).await;
    peer.send(49, &[]).await;
    assert_eq!(peer.hear().await, ["time", "time"]);
}
