//! The picture of a model.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::model::{Model, Shown, is_exit};
use crate::domain::{Action, Amount, OrderState, Position, PriceFields, Status};

const KEYS: &str = "↑ ↓ order   c cancel   h halt or resume   p positions   a all or open   q end";

/// Draws the model; the table's own state says which rows are in sight.
pub(super) fn draw(frame: &mut Frame<'_>, model: &mut Model) {
    let [head, body, foot, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(head_line(model), head);
    match model.view {
        Shown::Orders => draw_orders(frame, model, body),
        Shown::Positions => draw_positions(frame, model, body),
    }
    let said = match model.confirming {
        Some(action) => Line::styled(action.question(), Style::new().fg(Color::Red)),
        None => Line::raw(model.said.clone()),
    };
    frame.render_widget(Paragraph::new(said), foot);
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)),
        keys,
    );
}

fn heading<const N: usize>(names: [&'static str; N]) -> Row<'static> {
    Row::new(names).style(Style::new().add_modifier(Modifier::DIM))
}

fn draw_positions(frame: &mut Frame<'_>, model: &Model, body: Rect) {
    let rows = model.positions().map(position_row);
    let widths = [10, 8, 12, 12, 12, 14, 14].map(Constraint::Length);
    let table = Table::new(rows, widths).header(heading([
        "account",
        "symbol",
        "quantity",
        "average cost",
        "price",
        "value",
        "unrealized",
    ]));
    let table = if model.positions_stale {
        table.style(Style::new().add_modifier(Modifier::DIM))
    } else {
        table
    };
    frame.render_widget(table, body);
}

fn position_row(position: &Position) -> Row<'static> {
    let profit = match position.unrealized_pnl {
        Some(profit) if profit < Amount::from(0) => Style::new().fg(Color::Red),
        Some(_) | None => Style::new().fg(Color::Green),
    };
    let plain = |text: &str| Cell::from(text.replace(char::is_control, " "));
    Row::new([
        plain(&position.account),
        plain(&position.symbol),
        Cell::from(position.quantity.to_string()),
        Cell::from(position.average_cost.to_string()),
        Cell::from(amount(position.market_price)),
        Cell::from(amount(position.market_value)),
        Cell::from(amount(position.unrealized_pnl)).style(profit),
    ])
}

fn amount(amount: Option<Amount>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn draw_orders(frame: &mut Frame<'_>, model: &mut Model, body: Rect) {
    let row = model.selected_row();
    model.table.select(row);
    let rows: Vec<Row<'static>> = model.shown().map(order_row).collect();
    let table = Table::new(
        rows,
        [
            Constraint::Length(8),
            Constraint::Length(14),
            Constraint::Length(4),
            Constraint::Length(9),
            Constraint::Length(8),
            Constraint::Length(11),
            Constraint::Length(9),
            Constraint::Length(9),
            Constraint::Length(20),
            Constraint::Min(10),
        ],
    )
    .header(heading([
        "order",
        "status",
        "",
        "quantity",
        "symbol",
        "type",
        "limit",
        "stop",
        "filled",
        "last error",
    ]))
    .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, body, &mut model.table);
}

fn head_line(model: &Model) -> Paragraph<'static> {
    let mut spans = vec![
        Span::styled("ibkr-orders", Style::new().add_modifier(Modifier::BOLD)),
        Span::raw(format!(
            "  {}  {}  {} open  ",
            model.url,
            model.accounts,
            model.open()
        )),
    ];
    for (name, up) in [
        ("gateway", model.gateway),
        ("TWS", model.tws),
        ("IB", model.ib),
    ] {
        let (mark, colour) = match up {
            Some(true) => ("●", Color::Green),
            Some(false) => ("○ no", Color::Red),
            None => ("·", Color::DarkGray),
        };
        spans.push(Span::styled(
            format!("{mark} {name}  "),
            Style::new().fg(colour),
        ));
    }
    if let Some(why) = &model.halted {
        let halted = format!("HALTED {why}");
        let style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
        spans.push(Span::styled(halted, style));
    }
    Paragraph::new(Line::from(spans))
}

fn order_row(order: &OrderState) -> Row<'static> {
    let side = match order.terms.action {
        Action::Buy => Color::Green,
        Action::Sell => Color::Red,
    };
    let status = match order.status {
        Status::Rejected => Style::new().fg(Color::Red),
        Status::Unconfirmed => Style::new().fg(Color::Yellow),
        Status::Staged
        | Status::Submitting
        | Status::ApiPending
        | Status::PendingSubmit
        | Status::PreSubmitted
        | Status::Submitted
        | Status::PendingCancel
        | Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive
        | Status::Unknown => {
            if order.terminal {
                Style::new().add_modifier(Modifier::DIM)
            } else {
                Style::new()
            }
        }
    };
    let prices = PriceFields::from(order.terms.pricing);
    let filled = match order.avg_fill_price {
        Some(price) => format!("{}/{} @ {price}", order.filled, order.terms.quantity),
        None => format!("{}/{}", order.filled, order.terms.quantity),
    };
    Row::new([
        Cell::from(if is_exit(order) {
            format!("└ {}", order.order_id)
        } else {
            order.order_id.to_string()
        }),
        Cell::from(order.status.to_string()).style(status),
        Cell::from(order.terms.action.to_string()).style(Style::new().fg(side)),
        Cell::from(order.terms.quantity.to_string()),
        Cell::from(order.terms.symbol().to_owned()),
        Cell::from(order.terms.pricing.order_type().to_string()),
        Cell::from(amount(prices.limit_price)),
        Cell::from(amount(order.trail_stop.or(prices.stop_price))),
        Cell::from(filled),
        Cell::from(
            order
                .last_error
                .as_deref()
                .unwrap_or_default()
                .replace(char::is_control, " "),
        ),
    ])
}
