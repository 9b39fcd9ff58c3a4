//! The tables beside the recordings they were made from: they must not differ in anything.

use std::collections::BTreeSet;

use crate::compare::{self, Sorter};
use crate::recording::{self, Event};
use crate::schema::{SCHEMA, Side};
use crate::script::{Line, Request};
use crate::table::Table;
use crate::values::{Bindings, Name};
use crate::wire;

/// Tables whose recording is not in the folder.
const ELSEWHERE: [&str; 10] = [
    "account-summary-doubled",
    "account-updates",
    "completed-orders",
    "executions",
    "limit-cancelled-pending",
    "limit-rests-cancelled-open",
    "pnl",
    "refused-empty-tif",
    "refused-off-tick",
    "replace-limit-by-market-open",
];

#[test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
fn the_tables_say_what_the_recordings_say() {
    let folder = recording::folder().expect("CAPTURES names a folder with the recordings");
    let mut elsewhere = BTreeSet::new();
    let mut complaints = String::new();
    for table in Table::all() {
        let Some(events) = recording::of(&table, &folder) else {
            elsewhere.insert(table.name);
            continue;
        };
        let mut bindings = Bindings::default();
        for (order, id) in &table.orders {
            bindings.set(Name::of(*order, "id"), id);
        }
        bindings.set_sample(&table.sample);
        let mut sorter = Sorter::default();
        let said: Vec<compare::Got> = part(&table, &events)
            .into_iter()
            .map(|event| sorter.sort(&event.word, event.fields, &bindings))
            .collect();
        assert!(!said.is_empty(), "{}: nothing was found", table.name);
        for difference in compare::differences(&table, &said, &mut bindings) {
            complaints += &format!("{}: {}\n", table.name, difference.text);
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
    assert_eq!(elsewhere, ELSEWHERE.map(str::to_owned).into());
}

/// The walker loses nothing: what it read of a frame, written again, is that frame.
#[test]
#[ignore = "needs the recordings: CAPTURES=../shared/captures"]
fn every_recorded_frame_of_order_entry_is_written_again_as_it_was() {
    let folder = recording::folder().expect("CAPTURES names a folder with the recordings");
    let mut frames = 0;
    for table in Table::all() {
        for event in recording::of(&table, &folder).unwrap_or_default() {
            // A map of options is bytes here, and a name stands in the table of fields once.
            let (Some(bytes), false) =
                (&event.bytes, event.fields.contains_key("order.algoParams"))
            else {
                continue;
            };
            let (number, message) = SCHEMA.message(event.side, &event.word);
            let again = wire::frame(number, &wire::encode(message, &event.fields));
            assert_eq!(&again, bytes, "{}: {:?}", table.name, event.fields);
            frames += 1;
        }
    }
    assert!(frames > 400, "{frames} frames");
}

/// What the server said in the part of a recording that a table is about.
pub(crate) fn part(table: &Table, events: &[Event]) -> Vec<Event> {
    let mut sends = table.recorded.iter().filter_map(|line| match line {
        Line::Send(request) => Some(request),
        Line::Expect(_) | Line::Act(_) => None,
    });
    let mut next = sends.next();
    let about_login = next.is_some_and(|request| request.word == "startApi");
    let mut started = about_login;
    if about_login {
        next = sends.next();
    }
    let mut said = Vec::new();
    for event in events {
        match event.side {
            // A time request ended a recording's session, and is in no table.
            Side::Client if event.word == "reqCurrentTime" => {}
            Side::Client => match next {
                Some(request) if is_request(table, request, event) => {
                    started = true;
                    next = sends.next();
                }
                _ if started => break,
                _ => {}
            },
            Side::Server if started && is_about(table, event, about_login) => {
                said.push(event.clone());
            }
            Side::Server => {}
        }
    }
    assert!(
        next.is_none(),
        "{}: the recording has no {next:?}",
        table.name
    );
    said
}

fn is_request(table: &Table, request: &Request, event: &Event) -> bool {
    let id = request.order.and_then(|order| table.orders.get(&order));
    event.word == request.word && id.is_none_or(|id| event.field("orderId") == Some(id.to_string()))
}

/// Whether the table speaks of this message: of its order, or, about no order, of its kind.
fn is_about(table: &Table, event: &Event, about_login: bool) -> bool {
    let id = match event.word.as_str() {
        "openOrder" | "orderStatus" => event.field("orderId"),
        "error" => event.field("id").filter(|id| about_login || id != "-1"),
        "execDetails" => event.field("execution.orderId"),
        "currentTime" => return false,
        _ => return true,
    };
    let id = id.and_then(|id| id.parse::<i64>().ok());
    (about_login && id == Some(-1)) || table.orders.values().any(|known| Some(*known) == id)
}
