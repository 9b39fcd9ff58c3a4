//! Answers about the past: executions by time and day, ended orders, rows that are hard to read, no answer at all.

use ibkr_orders::simulator::switches::Executions;
use ibkr_orders::simulator::{Fault, OddRow, SimulatorConfig, Switches};

use super::peer::{Ask, Message, Peer, number, resting, start, text};

/// A request for executions with fields of its filter.
async fn executions(peer: &mut Peer, filter: &[u8]) -> Vec<Message> {
    let length = u8::try_from(filter.len()).unwrap();
    let body = [&[8, 5, 0x12, length][..], filter].concat();
    peer.send(7, &body).await;
    peer.hear_all().await
}

fn rows(told: &[Message]) -> usize {
    told.iter().filter(|message| message.kind == 11).count()
}

#[tokio::test]
async fn the_time_of_an_executions_filter_is_a_moment_in_whatever_zone_it_is_written() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    peer.hear().await;
    simulator.control().fill(1).await.unwrap();
    peer.hear().await;
    let told = executions(&mut peer, &[]).await;
    let stamp = told[0].inner(3).text(3);
    let eastern = stamp.trim_end_matches(" US/Eastern");
    // The same second a zone further east or west is hours before or after the fill.
    for (time, expected) in [
        (stamp.clone(), 1),
        (eastern.to_owned(), 1),
        (format!("{eastern} Asia/Tokyo"), 1),
        (format!("{eastern} America/Los_Angeles"), 0),
        // Taken for UTC the digits of New York are hours ago.
        (eastern.replace(' ', "-"), 1),
        ("20990101-00:00:00".to_owned(), 0),
        ("20200101-00:00:00".to_owned(), 1),
    ] {
        let told = executions(&mut peer, &text(3, &time)).await;
        assert_eq!(rows(&told), expected, "{time}");
        assert_eq!(told.last().unwrap().words(), "executions end", "{time}");
    }
    for time in ["yesterday", "20260825 14:11:30 GMT"] {
        let told = executions(&mut peer, &text(3, time)).await;
        assert_eq!(told.len(), 1, "{time}: {told:?}");
        assert!(told[0].words().starts_with("321 "), "{time}: {told:?}");
    }
}

#[tokio::test]
async fn executions_of_days_gone_are_found_by_their_number_or_their_date() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    peer.hear().await;
    control.fill(1).await.unwrap();
    peer.hear().await;
    let told = executions(&mut peer, &[]).await;
    let date: i32 = told[0].inner(3).text(3)[..8].parse().unwrap();
    control.end_day().await.unwrap();
    for (filter, expected) in [
        (vec![], 0),
        (number(8, 1), 0),
        (number(8, 2), 1),
        (number(9, date), 1),
        ([number(9, 20_200_101), number(9, date)].concat(), 1),
        (number(9, 20_200_101), 0),
        // A day that the calendar does not have is none.
        (number(9, 20_260_230), 0),
    ] {
        let told = executions(&mut peer, &filter).await;
        assert_eq!(rows(&told), expected, "{filter:?}");
    }
}

#[tokio::test]
async fn ended_orders_of_ones_own_are_told_by_status_and_then_listed_with_their_ids() {
    let simulator = start(SimulatorConfig::explicit()).await;
    let control = simulator.control();
    let mut other = Peer::log_in(&simulator, 2).await;
    other.place(resting(9)).await;
    other.cancel(9).await;
    other.hear().await;
    let mut peer = Peer::log_in(&simulator, 1).await;
    peer.place(Ask::default()).await;
    peer.hear().await;
    control.fill(1).await.unwrap();
    peer.hear().await;
    peer.send(99, &[]).await;
    let told = peer.hear_all().await;
    let words: Vec<String> = told.iter().map(Message::words).collect();
    assert_eq!(
        words,
        [
            "status Filled 10+0",
            "completed Cancelled",
            "completed Filled",
            "completed end"
        ]
    );
    let ids: Vec<(i64, i64)> = told[1..3]
        .iter()
        .map(|row| (row.inner(2).number(1), row.inner(2).number(2)))
        .collect();
    assert_eq!(ids, [(2, 9), (1, 1)]);
    control
        .set_switches(|switches| {
            switches.completed_statuses = false;
            switches.completed_order_ids = false;
        })
        .await
        .unwrap();
    peer.send(99, &[]).await;
    let told = peer.hear_all().await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(!told[0].inner(2).tags().contains(&2));
}

#[tokio::test]
async fn a_query_may_stay_unanswered() {
    for (query, kinds) in [
        ("open-orders", &[5, 16][..]),
        ("completed-orders", &[99]),
        ("executions", &[7]),
    ] {
        let fault: Fault = format!("unanswered={query}").parse().unwrap();
        let simulator = start(SimulatorConfig {
            faults: vec![fault],
            ..SimulatorConfig::explicit()
        })
        .await;
        let mut peer = Peer::log_in(&simulator, 1).await;
        for kind in kinds {
            peer.send(*kind, &[]).await;
        }
        assert_eq!(peer.hear().await, Vec::<String>::new(), "{query}");
        simulator.control().clear_faults().await.unwrap();
        peer.send(kinds[0], &[]).await;
        assert_eq!(peer.hear().await.len(), 1, "{query}");
    }
}

#[tokio::test]
async fn a_row_of_another_client_may_be_hard_to_read_in_every_answer() {
    for (word, kind) in OddRow::WORDS {
        let simulator = start(SimulatorConfig {
            faults: vec![Fault::OddRow(*kind)],
            ..SimulatorConfig::explicit()
        })
        .await;
        let mut peer = Peer::log_in(&simulator, 1).await;
        peer.send(5, &[]).await;
        assert_eq!(peer.hear().await, ["open end"], "one's own orders: {word}");
        for (request, row, end) in [(16, 5, "open end"), (99, 101, "completed end")] {
            peer.send(request, &[]).await;
            let told = peer.hear_all().await;
            assert_eq!(told.last().unwrap().words(), end);
            let told = told.iter().find(|message| message.kind == row).unwrap();
            let at = if row == 5 { 2 } else { 1 };
            let (contract, order) = (told.inner(at), told.inner(at + 1));
            let state = told.tags().contains(&(at + 2));
            match kind {
                OddRow::RightQuestionMark => assert_eq!(contract.text(6), "?"),
                OddRow::RightZero => assert_eq!(contract.text(6), "0"),
                OddRow::ActionUnknown => assert_eq!(order.text(5), "SLONGSHORT"),
                OddRow::ActionEmpty => assert_eq!(order.text(5), ""),
                OddRow::StatusUnknown => assert_eq!(told.inner(at + 2).text(1), "PreCancelled"),
                OddRow::StatusEmpty => assert_eq!(told.inner(at + 2).text(1), ""),
                OddRow::NoOrderState => assert!(!state),
                OddRow::QuantityWithComma => assert_eq!(order.text(6), "1,000"),
                other => panic!("{other}"),
            }
        }
        let told = executions(&mut peer, &[]).await;
        assert_eq!((told.len(), told[0].number(1)), (2, 5), "{word}");
    }
}

#[tokio::test]
async fn a_fill_may_be_told_without_its_execution_and_the_account_knows_of_it_all_the_same() {
    for (executions_told, live, asked) in [
        (Executions::Reported, 1, 1),
        (Executions::Queried, 0, 1),
        (Executions::Missing, 0, 0),
    ] {
        let simulator = start(SimulatorConfig {
            switches: Switches {
                executions: executions_told,
                ..Switches::default()
            },
            ..SimulatorConfig::explicit()
        })
        .await;
        let mut peer = Peer::log_in(&simulator, 1).await;
        peer.place(Ask::default()).await;
        peer.hear().await;
        simulator.control().fill(1).await.unwrap();
        let told = peer.hear_all().await;
        assert_eq!(rows(&told), live, "{executions_told:?}");
        assert!(told.iter().any(|m| m.words() == "status Filled 10+0"));
        assert_eq!(rows(&executions(&mut peer, &[]).await), asked);
    }
}
