//! Messages of TWS about accounts, in the gateway's words. A row that cannot be read costs that row.

use super::decode::{Message, Unread};
use super::frames::account::{
    AccountDataEnd, AccountSummary, AccountSummaryEnd, AccountValue, PnL, PortfolioValue, Position,
};
use super::frames::{self, order::Contract};
use super::numbers::double;
use super::reports::{Problems, text};
use crate::domain::{Amount, Market, Origin, PortfolioReport, PositionReport, ValueReport};

/// A message about accounts, read. What it leaves out (the account of a subscription, the account of a request id) the conversation knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum AccountMessage {
    /// position.
    Position(PositionReport),
    /// A position that could not be read.
    PositionLost,
    /// positionEnd.
    PositionsEnd,
    /// updateAccountValue; the account may be empty.
    Value(ValueReport),
    /// updatePortfolio; the account may be empty.
    Portfolio(PortfolioReport),
    /// updateAccountTime.
    Looked,
    /// accountDownloadEnd.
    ValuesEnd(Option<String>),
    /// accountSummary, for a request.
    Summary(i32, ValueReport),
    /// accountSummaryEnd, for a request.
    SummaryEnd(i32),
    /// pnl, for a request.
    DailyProfit(i32, Option<Amount>),
}

pub(super) fn position(body: &[u8]) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<Position>(body);
    let Position {
        account,
        contract,
        position,
        avg_cost,
    } = frame;
    let mut problems = Problems::of("position", error);
    let (contract, _): (Contract, _) = problems.part("contract", contract);
    let quantity = problems.quantity("position", position.as_deref());
    let Contract {
        con_id,
        symbol,
        sec_type,
        exchange,
        primary_exch,
        currency,
    } = contract;
    let con_id = con_id.filter(|id| *id != 0);
    let (Some(account), Some(con_id), Some(quantity)) = (text(account), con_id, quantity) else {
        problems.missing("account, contract id or quantity");
        return (
            Message::Account(AccountMessage::PositionLost),
            problems.told(None, None, Origin::Snapshot, false),
        );
    };
    let report = PositionReport {
        account,
        con_id: con_id.into(),
        symbol: symbol.unwrap_or_default(),
        sec_type: sec_type.unwrap_or_default(),
        exchange: text(exchange).or(text(primary_exch)),
        currency: currency.unwrap_or_default(),
        quantity,
        average_cost: double(avg_cost).unwrap_or_default(),
    };
    told(AccountMessage::Position(report), problems)
}

pub(super) fn value(body: &[u8]) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<AccountValue>(body);
    let AccountValue {
        key,
        value,
        currency,
        account_name,
    } = frame;
    let mut problems = Problems::of("updateAccountValue", error);
    let Some(name) = text(key) else {
        problems.missing("key");
        return lost(problems);
    };
    let report = ValueReport {
        account: account_name.unwrap_or_default(),
        name,
        currency: text(currency),
        value: value.unwrap_or_default(),
        summary: false,
    };
    told(AccountMessage::Value(report), problems)
}

pub(super) fn portfolio(body: &[u8]) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<PortfolioValue>(body);
    let PortfolioValue {
        contract,
        position,
        market_price,
        market_value,
        unrealized_pnl,
        realized_pnl,
        account_name,
    } = frame;
    let mut problems = Problems::of("updatePortfolio", error);
    let (contract, _): (Contract, _) = problems.part("contract", contract);
    let quantity = problems.quantity("position", position.as_deref());
    let Some(con_id) = contract.con_id.filter(|id| *id != 0) else {
        problems.missing("contract id");
        return lost(problems);
    };
    let report = PortfolioReport {
        account: account_name.unwrap_or_default(),
        con_id: con_id.into(),
        held: quantity.is_none_or(|quantity| !quantity.is_zero()),
        market: Market {
            price: double(market_price),
            value: double(market_value),
            unrealized_pnl: double(unrealized_pnl),
            realized_pnl: double(realized_pnl),
        },
    };
    told(AccountMessage::Portfolio(report), problems)
}

pub(super) fn values_end(body: &[u8]) -> (Message, Option<Unread>) {
    // The answer has ended although the account in it cannot be read.
    let (end, _) = frames::decode::<AccountDataEnd>(body);
    let message = AccountMessage::ValuesEnd(text(end.account_name));
    (Message::Account(message), None)
}

pub(super) fn summary(body: &[u8]) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<AccountSummary>(body);
    let AccountSummary {
        req_id,
        account,
        tag,
        value,
        currency,
    } = frame;
    let mut problems = Problems::of("accountSummary", error);
    let (Some(request_id), Some(account), Some(name)) = (req_id, text(account), text(tag)) else {
        problems.missing("request id, account or tag");
        return lost(problems);
    };
    let report = ValueReport {
        account,
        name,
        currency: text(currency),
        value: value.unwrap_or_default(),
        summary: true,
    };
    told(AccountMessage::Summary(request_id, report), problems)
}

pub(super) fn summary_end(body: &[u8]) -> (Message, Option<Unread>) {
    let (end, error) = frames::decode::<AccountSummaryEnd>(body);
    let mut problems = Problems::of("accountSummaryEnd", error);
    match end.req_id {
        Some(request_id) => told(AccountMessage::SummaryEnd(request_id), problems),
        None => {
            problems.missing("request id");
            lost(problems)
        }
    }
}

pub(super) fn pnl(body: &[u8]) -> (Message, Option<Unread>) {
    let (frame, error) = frames::decode::<PnL>(body);
    let PnL { req_id, daily_pnl } = frame;
    let mut problems = Problems::of("pnl", error);
    match req_id {
        Some(request_id) => told(
            AccountMessage::DailyProfit(request_id, double(daily_pnl)),
            problems,
        ),
        None => {
            problems.missing("request id");
            lost(problems)
        }
    }
}

fn told(message: AccountMessage, problems: Problems) -> (Message, Option<Unread>) {
    let unread = problems.told(None, None, Origin::Snapshot, false);
    (Message::Account(message), unread)
}

/// Nothing of it can be told. The origin keeps it from being taken for a report of an order that was missed.
fn lost(problems: Problems) -> (Message, Option<Unread>) {
    let unread = problems.told(None, None, Origin::Snapshot, true);
    (Message::Other, unread)
}
