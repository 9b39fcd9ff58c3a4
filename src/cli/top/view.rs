//! The picture of a model.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row, Table};

use super::model::Model;
use crate::domain::{Action, Amount, OrderState, Status};

const KEYS: &str = "↑ ↓ order   c cancel   a all or open   q end";

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
    let row = model.selected_row();
    model.table.select(row);
    let rows: Vec<Row<'static>> = model.shown().map(order_row).collect();
    let table = Table::new(
        rows,
        [
            Constraint::Length(6),
            Constraint::Length(14),
            Constraint::Length(4),
            Constraint::Length(9),
            Constraint::Length(8),
            Constraint::Length(6),
            Constraint::Length(9),
            Constraint::Length(20),
            Constraint::Min(10),
        ],
    )
    .header(
        Row::new([
            "order",
            "status",
            "",
            "quantity",
            "symbol",
            "type",
            "limit",
            "filled",
            "last error",
        ])
        .style(Style::new().add_modifier(Modifier::DIM)),
    )
    .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, body, &mut model.table);
    let question = model
        .confirming
        .map(|order_id| format!("cancel order {order_id}? y: yes, any other key: no"));
    let said = match question {
        Some(question) => Line::styled(question, Style::new().fg(Color::Red)),
        None => Line::raw(model.said.clone()),
    };
    frame.render_widget(Paragraph::new(said), foot);
    frame.render_widget(
        Paragraph::new(KEYS).style(Style::new().add_modifier(Modifier::DIM)),
        keys,
    );
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
    Paragraph::new(Line::from(spans))
}

fn order_row(order: &OrderState) -> Row<'static> {
    let amount = |amount: Option<Amount>| amount.map(|a| a.to_string()).unwrap_or_default();
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
    let filled = match order.avg_fill_price {
        Some(price) => format!("{}/{} @ {price}", order.filled, order.terms.quantity),
        None => format!("{}/{}", order.filled, order.terms.quantity),
    };
    Row::new([
        Cell::from(order.order_id.to_string()),
        Cell::from(order.status.to_string()).style(status),
        Cell::from(order.terms.action.to_string()).style(Style::new().fg(side)),
        Cell::from(order.terms.quantity.to_string()),
        Cell::from(order.terms.symbol().to_owned()),
        Cell::from(order.terms.pricing.order_type().to_string()),
        Cell::from(amount(order.terms.pricing.limit_price())),
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
