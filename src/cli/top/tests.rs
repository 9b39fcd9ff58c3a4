//! `top` on a terminal that is a piece of memory.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::model::{Action, Model, Wanted};
use super::view;
use crate::domain::{
    AccountUpdate, Amount, Halt, LimitsOut, LinkChange, LinkState, OrderState, Position,
    TradingState, WatchEvent, WatchUpdate,
};
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

fn cancel(order_id: i32, with_sibling: bool) -> Wanted {
    Wanted::Do(Action::Cancel {
        order_id,
        with_sibling,
    })
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
    assert_eq!(press(&mut model, KeyCode::Char('y')), cancel(1, false));
    press(&mut model, KeyCode::Home);
    press(&mut model, KeyCode::Char('c'));
    assert_eq!(Wanted::Do(model.confirming.unwrap()), cancel(9, false));
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

#[test]
fn a_bracket_stands_together_under_its_entry_for_as_long_as_an_exit_works() {
    use pb::order_state::Status;
    let mut model = Model::new(String::new());
    for (order_id, status) in [
        (4, Status::Filled),
        (5, Status::Submitted),
        (6, Status::PreSubmitted),
        (7, Status::Submitted),
    ] {
        let bracket_id = (order_id < 7).then_some(4);
        let order = OrderState {
            bracket_id,
            ..order(order_id, status)
        };
        model.update(update(WatchEvent::Order(order)));
    }
    let ids = |model: &Model| {
        model
            .shown()
            .map(|order| order.order_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&model), [7, 4, 5, 6]);
    let lines = picture(&mut model);
    assert!(
        lines[3].starts_with("4 ") && lines[4].starts_with("└ 5"),
        "{lines:#?}"
    );
    for _ in 0..3 {
        press(&mut model, KeyCode::Down);
    }
    press(&mut model, KeyCode::Char('c'));
    let lines = picture(&mut model);
    assert!(lines[6].contains("the other exit"), "{lines:#?}");
    assert_eq!(press(&mut model, KeyCode::Char('y')), cancel(5, true));
    for order_id in [5, 6] {
        let order = OrderState {
            bracket_id: Some(4),
            sequence: 9,
            ..order(order_id, Status::Filled)
        };
        model.update(update(WatchEvent::Order(order)));
    }
    assert_eq!(ids(&model), [7]);
}

#[test]
fn a_halt_shows_and_the_same_key_lifts_it() {
    let mut model = model();
    press(&mut model, KeyCode::Char('h'));
    let lines = picture(&mut model);
    assert!(lines[6].contains("halt new orders of everybody?"));
    assert_eq!(
        press(&mut model, KeyCode::Char('y')),
        Wanted::Do(Action::Halt)
    );
    let limits = |state, halts| LimitsOut {
        state,
        halts,
        hash: None,
        problem: None,
        positions_stale: false,
        limits: Vec::new(),
    };
    let halt = Halt {
        reason: "looks wrong".to_owned(),
        caller: None,
        account: None,
        halted_by: None,
        since: crate::domain::Timestamp::from_unix_micros(0),
    };
    model.limits(limits(TradingState::CancelOnly, vec![halt]));
    assert!(picture(&mut model)[0].contains("HALTED everybody: looks wrong"));
    press(&mut model, KeyCode::Char('h'));
    assert_eq!(
        press(&mut model, KeyCode::Char('y')),
        Wanted::Do(Action::Resume)
    );
    model.limits(limits(TradingState::Active, Vec::new()));
    assert!(!picture(&mut model)[0].contains("HALTED"));
}

#[test]
fn positions_come_and_go_and_no_key_about_orders_acts_there() {
    let mut model = model();
    let position = |quantity: i64| {
        AccountUpdate::Position(Position {
            account: "DU1".to_owned(),
            con_id: 265_598,
            symbol: "AAPL".to_owned(),
            sec_type: "STK".to_owned(),
            exchange: None,
            currency: "USD".to_owned(),
            quantity: Amount::from(quantity),
            average_cost: Amount::from(230),
            market_price: None,
            market_value: None,
            unrealized_pnl: None,
            realized_pnl: None,
        })
    };
    press(&mut model, KeyCode::Down);
    model.account(position(-30));
    press(&mut model, KeyCode::Char('p'));
    let lines = picture(&mut model);
    assert!(
        lines[2].contains("AAPL") && lines[2].contains("-30"),
        "{lines:#?}"
    );
    press(&mut model, KeyCode::Char('c'));
    assert_eq!(model.confirming, None);
    model.account(position(0));
    assert!(!picture(&mut model).concat().contains("AAPL"));
    press(&mut model, KeyCode::Char('p'));
    assert!(picture(&mut model)[2].contains("PRE_SUBMITTED"));
}
