//! How an order looks to the limits: what it asks for, and what it adds to the totals while it is open.

use std::sync::Arc;

use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use super::super::lifecycle::TrackedOrder;
use super::super::{
    Bracket, Day, Order, OrderState, OrderTerms, OrderType, PriceFields, Status, WorkingTerms,
};
use super::exposure::{
    ExclusiveSet, Instrument, Likeness, OpenExposure, OrderExposure, WorkingPrice,
};
use super::proposal::{Proposal, ProposalKind, ProposedOrder, Replaced};
use super::quantity::{Cents, Shares};
use super::value::{MarketPrice, OrderPrices, unit_value};

/// What of an order never changes, worked out once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNames {
    account: Arc<str>,
    instrument: Instrument,
}

impl OrderNames {
    /// Of an order for an account.
    pub fn new(account: &str, terms: &OrderTerms) -> Self {
        Self {
            account: account.into(),
            instrument: Instrument::new(terms.symbol(), &terms.contract.currency),
        }
    }
}

impl OrderPrices {
    /// The prices of an order's terms.
    pub fn of(terms: &OrderTerms) -> Self {
        let PriceFields {
            order_type,
            limit_price,
            stop_price,
            trail_amount: _,
            trail_percent: _,
            limit_offset: _,
        } = terms.pricing.into();
        Self {
            limit: limit_price.map(|price| price.value()),
            stop: stop_price.map(|price| price.value()),
            has_limit: match order_type {
                OrderType::Limit
                | OrderType::StopLimit
                | OrderType::LimitOnClose
                | OrderType::TrailLimit => true,
                OrderType::Market
                | OrderType::Stop
                | OrderType::Trail
                | OrderType::MarketOnClose
                | OrderType::Other => false,
            },
            reference: terms.reference_price.map(|price| price.value()),
        }
    }
}

/// Where an order could trade once nothing holds it back.
fn price_when_working(terms: &OrderTerms) -> WorkingPrice {
    match PriceFields::from(terms.pricing).limit_price {
        Some(limit) => WorkingPrice::Limit(limit.value()),
        None => WorkingPrice::Any,
    }
}

/// Whether an order waits for a trigger before it trades.
fn waits_for_trigger(terms: &OrderTerms) -> bool {
    match terms.pricing.order_type() {
        OrderType::Stop | OrderType::StopLimit | OrderType::Trail | OrderType::TrailLimit => true,
        OrderType::Market
        | OrderType::Limit
        | OrderType::MarketOnClose
        | OrderType::LimitOnClose
        | OrderType::Other => false,
    }
}

/// What makes two orders look like one placed twice: SHA-256 over account, symbol, side, type, quantity and every price, shortened.
fn fingerprint(account: &str, terms: &OrderTerms) -> u128 {
    let PriceFields {
        order_type,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
    } = terms.pricing.into();
    let mut hash = Sha256::new();
    let mut put = |text: &str| {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    };
    for text in [
        account,
        terms.symbol(),
        terms.contract.sec_type.as_str(),
        &terms.contract.currency,
        terms.action.as_str(),
        order_type.as_str(),
        &terms.quantity.to_string(),
    ] {
        put(text);
    }
    for price in [
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
    ] {
        put(&price.map(|price| price.to_string()).unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&digest[..16]);
    u128::from_be_bytes(short)
}

impl ProposedOrder {
    /// An order as it is about to be sent; `held`: until its parent has filled.
    pub fn of(account: &str, terms: &OrderTerms, held: bool) -> Self {
        let quantity = terms.quantity.value();
        Self {
            action: terms.action,
            quantity,
            remaining: quantity,
            prices: OrderPrices::of(terms),
            working: (!held && !waits_for_trigger(terms)).then(|| price_when_working(terms)),
            fingerprint: fingerprint(account, terms),
        }
    }
}

impl Proposal {
    /// A new order for an account.
    pub fn place(order: &Order, account: &str, caller: Arc<str>) -> Self {
        let request = order.request();
        let OrderNames {
            account,
            instrument,
        } = OrderNames::new(account, &request.terms);
        Self {
            kind: ProposalKind::Place {
                staged: !request.transmit,
            },
            orders: vec![ProposedOrder::of(&account, &request.terms, false)],
            account,
            caller,
            instrument,
        }
    }

    /// A new bracket for an account. Its exits wait for their parent.
    pub fn bracket(bracket: &Bracket, account: &str, caller: Arc<str>) -> Self {
        let entry = &bracket.entry().request().terms;
        let OrderNames {
            account,
            instrument,
        } = OrderNames::new(account, entry);
        let exits = bracket
            .exits()
            .map(|exit| ProposedOrder::of(&account, &exit.request().terms, true));
        let orders = std::iter::once(ProposedOrder::of(&account, entry, false))
            .chain(exits)
            .collect();
        Self {
            kind: ProposalKind::PlaceBracket,
            orders,
            account,
            caller,
            instrument,
        }
    }

    /// Other terms for an order, a share of which counts `unit` now.
    pub fn replace(
        state: &OrderState,
        wanted: &WorkingTerms,
        unit: Option<Decimal>,
        caller: Arc<str>,
    ) -> Self {
        let OrderNames {
            account,
            instrument,
        } = OrderNames::new(&state.account, &state.terms);
        let mut terms = state.terms.clone();
        terms.set_working(*wanted);
        let mut order = ProposedOrder::of(&account, &terms, state.parent_order_id.is_some());
        order.remaining = (order.quantity - state.filled.value()).max(Decimal::ZERO);
        let prices = OrderPrices::of(&state.terms);
        let by_prices = unit_value(&prices, MarketPrice::default());
        let other_pricing = wanted.pricing != state.terms.pricing && order.prices == prices;
        Self {
            kind: ProposalKind::Replace {
                order_id: state.order_id,
                family: state.bracket_id,
                before: Replaced {
                    quantity: state.terms.quantity.value(),
                    remaining: state.remaining.value(),
                    unit_value: by_prices.map(|value| value.price).max(unit),
                    prices,
                },
                changes_more: other_pricing || wanted.tif != state.terms.tif,
            },
            orders: vec![order],
            account,
            caller,
            instrument,
        }
    }

    /// The release of a staged order.
    pub fn transmit(state: &OrderState, caller: Arc<str>) -> Self {
        let OrderNames {
            account,
            instrument,
        } = OrderNames::new(&state.account, &state.terms);
        Self {
            kind: ProposalKind::Transmit {
                order_id: state.order_id,
            },
            orders: vec![ProposedOrder::of(&account, &state.terms, false)],
            account,
            caller,
            instrument,
        }
    }
}

impl OrderExposure {
    /// What an order adds to the totals. `unit` is what a share of it counted when it was taken; `None`: not known any more, for example
    /// after a restart. `day` is the day of the limits.
    pub fn of(
        order: &TrackedOrder,
        names: &OrderNames,
        unit: Option<Decimal>,
        day: Day,
    ) -> OrderExposure {
        let state = &order.record.state;
        let OrderNames {
            account,
            instrument,
        } = names.clone();
        let by_prices = unit_value(&OrderPrices::of(&state.terms), MarketPrice::default());
        let unit = by_prices.map(|value| value.price).max(unit);
        Self {
            open: is_open(state).then(|| {
                let remaining = state.remaining.value();
                OpenExposure {
                    remaining: Shares::of(remaining),
                    value: unit.map(|unit| Cents::value(remaining, unit)),
                    working: working(state),
                    exclusive: exclusive(state, &account),
                    family: state.bracket_id,
                }
            }),
            executed: executed(order, unit, day),
            likeness: (!state.terminal).then(|| Likeness {
                fingerprint: fingerprint(&account, &state.terms),
                placed_at: state.created_at,
            }),
            action: state.terms.action,
            account,
            instrument,
        }
    }
}

/// Whether an order may still execute. A staged one counts once it is transmitted.
fn is_open(state: &OrderState) -> bool {
    !state.terminal && state.transmit
}

fn working(state: &OrderState) -> Option<WorkingPrice> {
    let held = state.why_held.as_deref().is_some_and(|why| {
        why.split(',')
            .any(|why| matches!(why.trim(), "child" | "trigger"))
    });
    let triggered = state.status == Status::Submitted || state.filled.is_positive();
    // A child works once TWS shows it working.
    let waits = state.parent_order_id.is_some() || waits_for_trigger(&state.terms);
    (!held && (triggered || !waits)).then(|| price_when_working(&state.terms))
}

fn exclusive(state: &OrderState, account: &Arc<str>) -> Option<ExclusiveSet> {
    if state.parent_order_id.is_some()
        && let Some(entry) = state.bracket_id
    {
        return Some(ExclusiveSet::Children(entry));
    }
    let group = state.terms.oca.as_ref().map(|oca| oca.group.as_str());
    group.map(|group| ExclusiveSet::Oca(Arc::clone(account), group.into()))
}

/// What an order has executed on a day. What TWS says has filled and shows no execution of counts at its average price.
fn executed(order: &TrackedOrder, unit: Option<Decimal>, day: Day) -> Cents {
    let mut all = Decimal::ZERO;
    let mut today = Cents::ZERO;
    for (fill, counts) in order.executions.fills() {
        if counts {
            all += fill.quantity.value();
        }
        if fill.time.is_none_or(|time| day.contains(time)) {
            today += Cents::value(fill.quantity.value(), fill.price.value());
        }
    }
    let state = &order.record.state;
    let unexplained = state.filled.value() - all;
    if unexplained > Decimal::ZERO && day.contains(state.last_update) {
        let price = state.avg_fill_price.map(|price| price.value()).or(unit);
        today += Cents::value(unexplained, price.unwrap_or_default());
    }
    today
}
