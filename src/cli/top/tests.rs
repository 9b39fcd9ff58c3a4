//! `top` on a terminal that is a piece of memory.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Model, Wanted};
use super::view;
use crate::domain::{LinkChange, LinkState, OrderState, WatchEvent, WatchUpdate};
use crate::wire::pb;

fn order(order_id: i32, status: pb::order_state::Status) -> OrderState {
    use pb::order_state::Status;
    let state = pb::OrderState {
        order_id,
        status: status.into(),
        terminal: matches!(status, Status::Filled | Status::Rejected),
        symbol: "AAPL".to_owned(),
        action: pb::order::Action::Buy.into(),
        order_type: pb::order::OrderType::Lmt.into(),
        limit_price: Some("180.5".to_owned()),
        quantity: "10".to_owned(),
        filled: "4".to_owned(),
        remaining: "6".to_owned(),
        avg_fill_price: Some("180.25".to_owned()),
        tif: pb::order::TimeInForce::Day.into(),
        sec_type: pb::order::SecType::Stk.into(),
        exchange: "SMART".to_owned(),
        currency: "USD".to_owned(),
        account: "DU1".to_owned(),
        request_id: format!("request-{order_id}"),
        order_ref: format!("request-{order_id}"),
        sequence: u64::try_from(order_id).unwrap(),
        last_update: Some(prost_types::Timestamp::default()),
        created_at: Some(prost_types::Timestamp::default()),
        transmit: true,
        client_id: 7,
        ..pb::OrderState::default()
    };
    OrderState::try_from(state).unwrap()
}

fn update(event: WatchEvent) -> WatchUpdate {
    WatchUpdate { sequence: 1, event }
}

/// The picture as lines of text.
fn picture(model: &mut Model) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(120, 8)).unwrap();
    terminal.draw(|frame| view::draw(frame, model)).unwrap();
    let buffer = terminal.backend().buffer();
    buffer
        .content
        .chunks(usize::from(buffer.area.width))
        .map(|line| line.iter().map(|cell| cell.symbol()).collect())
        .collect()
}

fn press(model: &mut Model, code: KeyCode) -> Wanted {
    model.press(KeyEvent::new(code, KeyModifiers::NONE))
}

fn model() -> Model {
    use pb::order_state::Status;
    let mut model = Model::new("http://127.0.0.1:50051".to_owned());
    for (order_id, status) in [
        (1, Status::Submitted),
        (2, Status::Filled),
        (3, Status::PreSubmitted),
    ] {
        model.update(update(WatchEvent::Order(order(order_id, status))));
    }
    model
}

#[test]
fn open_orders_are_shown_newest_first_and_ended_ones_when_asked_for() {
    let mut model = model();
    let lines = picture(&mut model);
    assert!(lines[0].contains("2 open"), "{lines:#?}");
    assert!(lines[2].contains("3") && lines[2].contains("PRE_SUBMITTED"));
    assert!(
        lines[3].contains("SUBMITTED") && lines[3].contains("4/10 @ 180.25"),
        "{lines:#?}"
    );
    assert!(!lines.iter().any(|line| line.contains("FILLED")));
    assert_eq!(press(&mut model, KeyCode::Char('a')), Wanted::Nothing);
    let lines = picture(&mut model);
    assert!(lines[3].contains("FILLED"), "{lines:#?}");
}

#[test]
fn a_cancel_needs_a_yes_and_names_the_order_that_was_chosen() {
    let mut model = model();
    assert_eq!(press(&mut model, KeyCode::Char('c')), Wanted::Nothing);
    assert_eq!(model.confirming, None, "no order is chosen");
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Char('c'));
    let lines = picture(&mut model);
    assert!(lines[6].contains("cancel order 1?"), "{lines:#?}");
    assert_eq!(press(&mut model, KeyCode::Enter), Wanted::Nothing);
    assert_eq!(model.confirming, None, "any other key is a no");
    press(&mut model, KeyCode::Char('c'));
    // A newer order above it changes the row and not what is chosen.
    model.update(update(WatchEvent::Order(order(
        9,
        pb::order_state::Status::Submitted,
    ))));
    assert_eq!(press(&mut model, KeyCode::Char('y')), Wanted::Cancel(1));
    press(&mut model, KeyCode::Home);
    press(&mut model, KeyCode::Char('c'));
    assert_eq!(model.confirming, Some(9));
    press(&mut model, KeyCode::Esc);
    assert_eq!(press(&mut model, KeyCode::Char('q')), Wanted::End);
}

#[test]
fn links_show_when_they_break_and_when_they_heal() {
    let mut model = model();
    let link = |state| {
        update(WatchEvent::Link(LinkChange {
            state,
            peer: "127.0.0.1:7497".to_owned(),
            text: "the link\u{1b}[31m changed".to_owned(),
        }))
    };
    model.update(link(LinkState::Lost));
    let lines = picture(&mut model);
    assert!(lines[0].contains("○ no TWS"), "{lines:#?}");
    assert!(
        !lines.concat().contains('\u{1b}'),
        "a terminal would obey it"
    );
    model.update(link(LinkState::Reconciled));
    model.update(link(LinkState::IbLost));
    let lines = picture(&mut model);
    assert!(lines[0].contains("● TWS") && lines[0].contains("○ no IB"));
    model.away("no gateway answers".to_owned());
    let lines = picture(&mut model);
    assert!(lines[0].contains("○ no gateway") && lines[6].contains("no gateway answers"));
}
