//! Orders that wait for a price, for the close, or until a date.

use std::time::Duration;

use ibkr_orders::simulator::switches::{
    ComputedPrices, OnCloseAcknowledgement, StopEcho, StopFill,
};
use ibkr_orders::simulator::{ControlError, Hours, Mode, Simulator, SimulatorConfig, Switches};
use rust_decimal::Decimal;

use super::peer::{Message, Peer, Terms, buy, double, number, sell, start, text};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A simulator whose market moves only when a test says so, with AAPL at 230.
async fn at_230(change: impl FnOnce(&mut Switches)) -> (Simulator, Peer) {
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

async fn price(simulator: &Simulator, price: &str) {
    simulator
        .control()
        .move_price("AAPL", dec(price))
        .await
        .unwrap();
}

#[tokio::test]
async fn each_order_type_waits_for_its_price_from_its_side_and_then_works_or_fills() {
    for (order, waits_at, fires_at, then) in [
        (sell("10", "STP").aux(225.0), "225.01", "225", "Filled"),
        (buy("10", "STP").aux(235.0), "234.99", "235", "Filled"),
        (
            sell("10", "STP LMT").aux(225.0).limit(224.5),
            "225.01",
            "225",
            "Filled",
        ),
        // Its limit lies above what the market bids when it goes off.
        (
            sell("10", "STP LMT").aux(225.0).limit(226.0),
            "225.01",
            "225",
            "Submitted",
        ),
        (buy("10", "MIT").aux(225.0), "225.01", "225", "Filled"),
        (
            sell("10", "LIT").aux(235.0).limit(240.0),
            "234.99",
            "235",
            "Submitted",
        ),
        (sell("10", "TRAIL").aux(5.0), "225.01", "225", "Filled"),
        (
            buy("10", "TRAIL").with(&double(22, 2.0)),
            "234.59",
            "234.6",
            "Filled",
        ),
        (
            sell("10", "TRAIL LIMIT").aux(5.0).with(&double(99, 1.0)),
            "225.01",
            "225",
            "Filled",
        ),
    ] {
        let (simulator, mut peer) = at_230(|_| {}).await;
        peer.send_order(1, order).await;
        let told = peer.hear_briefly().await;
        assert_eq!(told[1], "1 PreSubmitted 0+10 trigger", "{told:?}");
        price(&simulator, waits_at).await;
        let told = peer.hear_briefly().await;
        assert!(
            told.iter().all(|told| !told.contains("Submitted 0+10")),
            "{told:?}"
        );
        price(&simulator, fires_at).await;
        let told = peer.hear_briefly().await;
        assert_eq!(told[1], "1 Submitted 0+10", "{told:?}");
        let order = simulator
            .control()
            .inspect(|view| view.order(1).unwrap())
            .await
            .unwrap();
        assert_eq!((order.status, order.why_held), (then, None), "{told:?}");
    }
}

#[tokio::test]
async fn a_trailing_stop_follows_the_price_with_an_open_order_alone() {
    let (simulator, mut peer) = at_230(|_| {}).await;
    peer.send_order(
        1,
        sell("10", "TRAIL LIMIT").aux(5.0).with(&double(99, 0.05)),
    )
    .await;
    let told = peer.hear_all().await;
    let echo = told[0].inner(3);
    assert_eq!(
        (
            echo.double(9),
            echo.double(10),
            echo.double(23),
            echo.double(99)
        ),
        (224.95, 5.0, 225.0, 0.05)
    );
    for (at, stop) in [
        ("231", Some(226.0)),
        ("230.5", None),
        ("233.25", Some(228.25)),
    ] {
        price(&simulator, at).await;
        let told = peer.hear_all().await;
        match stop {
            None => assert!(told.is_empty(), "{told:?}"),
            Some(stop) => {
                assert_eq!(told.len(), 1, "{told:?}");
                let echo = told[0].inner(3);
                assert_eq!((echo.double(23), echo.double(9)), (stop, stop - 0.05));
            }
        }
    }
    price(&simulator, "228.25").await;
    assert_eq!(peer.hear_briefly().await[1], "1 Submitted 0+10");
}

#[tokio::test]
async fn a_stop_by_percent_is_on_the_tick_or_not() {
    for (computed, stop) in [
        (ComputedPrices::Rounded, 223.68),
        (ComputedPrices::Exact, 223.675),
    ] {
        let (_simulator, mut peer) = at_230(|switches| switches.computed_prices = computed).await;
        peer.send_order(1, sell("10", "TRAIL").with(&double(22, 2.75)))
            .await;
        let told = peer.hear_all().await;
        let echo = told[0].inner(3);
        assert_eq!((echo.double(10), echo.double(22)), (0.0, 2.75));
        assert_eq!(echo.double(23), stop);
    }
}

#[tokio::test]
async fn a_stop_may_fill_while_it_is_still_shown_as_waiting() {
    let switches = Switches {
        stop_fill: StopFill::Held,
        ..Switches::default()
    };
    let simulator = start(SimulatorConfig {
        switches,
        mode: Mode::Automatic {
            tick: Duration::ZERO,
        },
        ..SimulatorConfig::on_free_port()
    })
    .await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    // Larger than one level of the market, so that it fills in parts; beyond the market, so that it goes off at once.
    peer.send_order(1, sell("900", "TRAIL").aux(1.0).trail_stop(2921.0))
        .await;
    let told = peer.hear_briefly().await;
    assert!(
        told.iter().any(|told| told.starts_with("1 PreSubmitted ")
            && told.ends_with(" trigger")
            && !told.contains(" 0+900")),
        "{told:?}"
    );
    assert!(
        told.iter().all(|told| !told.starts_with("1 Submitted")),
        "{told:?}"
    );
    assert!(told.iter().any(|told| told == "1 Filled 900+0"), "{told:?}");
}

#[tokio::test]
async fn a_control_sets_a_stop_off_and_fills_it_before_that() {
    let (simulator, mut peer) = at_230(|_| {}).await;
    let control = simulator.control();
    peer.send_order(1, sell("10", "STP").aux(100.0)).await;
    peer.hear().await;
    control.fill_at(1, dec("4"), dec("99")).await.unwrap();
    assert_eq!(peer.hear_briefly().await[2], "1 PreSubmitted 4+6 trigger");
    control.trigger(1).await.unwrap();
    assert_eq!(peer.hear_briefly().await[1], "1 Submitted 4+6");
    let again = control.trigger(1).await;
    assert!(
        matches!(again, Err(ControlError::NotWorking { .. })),
        "{again:?}"
    );
}

#[tokio::test]
async fn stops_go_off_in_regular_hours_only_unless_they_say_otherwise() {
    let simulator = start(SimulatorConfig {
        hours: Hours::Closed,
        ..SimulatorConfig::explicit()
    })
    .await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.send_order(1, sell("10", "STP").aux(225.0)).await;
    peer.send_order(
        2,
        sell("10", "STP LMT")
            .aux(225.0)
            .limit(240.0)
            .with(&number(19, 1)),
    )
    .await;
    peer.hear().await;
    price(&simulator, "220").await;
    assert_eq!(peer.hear_briefly().await[1..], ["2 Submitted 0+10"]);
    control.open_exchange().await.unwrap();
    peer.hear().await;
    price(&simulator, "219").await;
    assert!(
        peer.hear_briefly()
            .await
            .contains(&"1 Filled 10+0".to_owned())
    );
}

#[tokio::test]
async fn the_first_echo_of_a_stop_may_have_a_limit_that_means_nothing() {
    let (_simulator, mut peer) = at_230(|switches| switches.stop_echo = StopEcho::ThreeTicks).await;
    peer.send_order(1, sell("10", "STP").aux(13.13)).await;
    let told = peer.hear_briefly().await;
    assert_eq!(told[0], "1 open PreSubmitted 10 lmt 13.16 aux 13.13");
    assert_eq!(told[2], "1 open PreSubmitted 10 lmt 0 aux 13.13");
}

#[tokio::test]
async fn orders_for_the_close_wait_for_it_and_end_beyond_their_limit() {
    for silent in [false, true] {
        let (simulator, mut peer) = at_230(|switches| {
            if silent {
                switches.on_close_acknowledgement = OnCloseAcknowledgement::Silent;
            }
        })
        .await;
        peer.send_order(1, sell("10", "MOC")).await;
        peer.send_order(2, sell("10", "LOC").limit(229.0)).await;
        peer.send_order(3, buy("10", "LOC").limit(229.0)).await;
        let told = peer.hear_briefly().await;
        assert_eq!(told.is_empty(), silent, "{told:?}");
        peer.send(5, &[]).await;
        assert_eq!(peer.hear_briefly().await.len(), 7);
        simulator.control().close_exchange().await.unwrap();
        let told = peer.hear_briefly().await;
        let ends: Vec<&String> = told
            .iter()
            .filter(|told| told.contains(" Filled 10+0") || told.contains("Cancelled 0+10"))
            .collect();
        // A fill is told twice, the second time with its commission.
        assert_eq!(ends[..2], ["1 Filled 10+0", "1 Filled 10+0"], "{told:?}");
        assert_eq!(ends[4], "3 Cancelled 0+10", "{told:?}");
    }
}

#[tokio::test]
async fn an_order_good_till_a_date_comes_back_in_the_zone_of_tws_and_ends_then() {
    let (_simulator, mut peer) = at_230(|_| {}).await;
    let order = |date: &str| {
        buy("10", "LMT")
            .limit(100.0)
            .tif("GTD")
            .with(&text(26, date))
    };
    peer.send_order(1, order("20990825-18:11:30")).await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].inner(3).text(26), "20990825 14:11:30 US/Eastern");
    peer.send_order(2, order("20990825 20:11:30 Europe/Berlin"))
        .await;
    let told = peer.hear_all().await;
    assert_eq!(told[0].inner(3).text(26), "20990825 14:11:30 US/Eastern");
    peer.send_order(3, order("20990825 14:11:30")).await;
    assert_eq!(peer.hear_briefly().await[0], "3 error 2174");
    for (id, date, code) in [
        (4, "", 391),
        (5, "tomorrow", 10314),
        (6, "20990825 14:11:30 GMT", 10314),
        (7, "20200101-00:00:00", 334),
    ] {
        peer.send_order(id, order(date)).await;
        assert_eq!(
            peer.hear_briefly().await,
            [format!("{id} error {code}")],
            "{date}"
        );
    }
    // In two seconds, to the second: at most two of waiting.
    let soon = time::OffsetDateTime::now_utc() + Duration::from_secs(2);
    let format = time::macros::format_description!("[year][month][day]-[hour]:[minute]:[second]");
    peer.send_order(8, order(&soon.format(&format).unwrap()))
        .await;
    let told = peer.until("202").await;
    let briefly: Vec<String> = told.iter().map(Message::brief).collect();
    assert_eq!(
        briefly[briefly.len() - 2..],
        ["8 Cancelled 0+10", "8 error 202"]
    );
}

#[tokio::test]
async fn what_a_stop_lacks_is_refused_with_its_code() {
    let (_simulator, mut peer) = at_230(|_| {}).await;
    let cases: &[(Terms, i64)] = &[
        (sell("10", "STP"), 403),
        (sell("10", "STP").aux(100.001), 110),
        (sell("10", "STP LMT").aux(100.0), 321),
        (sell("10", "TRAIL"), 158),
        (sell("10", "TRAIL").with(&double(22, 100.0)), 159),
        (sell("10", "TRAIL").aux(1.0).with(&double(22, 1.0)), 321),
        (sell("10", "TRAIL LIMIT").aux(1.0), 321),
        (sell("10", "MOC").tif("GTC"), 113),
        (sell("10", "STP").aux(100.0).tif("OPG"), 111),
        (sell("10", "REL").limit(100.0), 321),
    ];
    for (turn, (order, code)) in cases.iter().enumerate() {
        let id = i32::try_from(turn).unwrap() + 1;
        peer.send_order(id, order.clone()).await;
        assert_eq!(peer.hear_briefly().await, [format!("{id} error {code}")]);
    }
}
