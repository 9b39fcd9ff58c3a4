//! Symbols and their prices.
//!
//! Each symbol has a bid and an ask one tick either side of a middle that walks on whole ticks, never further than
//! [`REACH`] of its starting price. A limit order placed further away than that never fills by itself.

use std::collections::HashMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::random::Random;
use super::symbols::{BUILT_IN, VENUES};
use super::wire;

/// The walk stays within one part in `REACH` of the start: 2 %.
pub(crate) const REACH: i64 = 50;
/// Levels of depth an order may walk through; the last one has no end.
pub(crate) const LEVELS_MAX: u32 = 10;

/// A billion at the finest tick.
const TICKS_MAX: i64 = 100_000_000_000_000;

pub(crate) type SymbolIndex = usize;

/// One instrument.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    pub(crate) symbol: String,
    pub(crate) sec_type: &'static str,
    pub(crate) con_id: i32,
    pub(crate) currency: &'static str,
    pub(crate) venue: &'static str,
    pub(crate) trading_class: &'static str,
    pub(crate) name: String,
    pub(crate) tick: Decimal,
    /// What is shown at each level, in shares.
    pub(crate) size: Decimal,
    start: i64,
    middle: i64,
    random: Random,
}

impl Instrument {
    pub(crate) fn bid(&self) -> Decimal {
        Decimal::from(self.middle - 1) * self.tick
    }

    pub(crate) fn ask(&self) -> Decimal {
        Decimal::from(self.middle + 1) * self.tick
    }

    /// The middle of both, which stands for the last trade: there is no trade here but those of clients.
    pub(crate) fn last(&self) -> Decimal {
        Decimal::from(self.middle) * self.tick
    }

    /// Whether it is a currency.
    pub(crate) fn is_cash(&self) -> bool {
        self.sec_type == "CASH"
    }

    /// A price on the nearest tick, at least one.
    pub(crate) fn rounded(&self, price: Decimal) -> Decimal {
        let ticks = price.checked_div(self.tick).unwrap_or_default().round();
        (ticks * self.tick).max(self.tick).normalize()
    }

    /// The price `level` ticks behind the best one, for who buys or sells; never below one tick.
    pub(crate) fn level(&self, buy: bool, level: u32) -> Decimal {
        let away = Decimal::from(level) * self.tick;
        if buy {
            self.ask() + away
        } else {
            (self.bid() - away).max(self.tick)
        }
    }

    /// A step of -1, 0 or 1 tick, turned back at the edge of the reach.
    fn step(&mut self) {
        let step = i64::try_from(self.random.below(3)).unwrap_or(1) - 1;
        let room = (self.start / REACH).max(1);
        self.middle = (self.middle + step).clamp((self.start - room).max(2), self.start + room);
    }

    /// Puts the middle as close to `price` as the ticks allow.
    pub(crate) fn set_price(&mut self, price: Decimal) {
        self.middle = in_ticks(price, self.tick);
        self.start = self.middle;
    }

    pub(crate) fn conforms(&self, price: Decimal) -> bool {
        (price % self.tick).is_zero()
    }

    /// Another venue for each fill.
    pub(crate) fn fill_venue(&mut self) -> &'static str {
        if self.is_cash() {
            return self.venue;
        }
        let pick = self.random.below(VENUES.len() as u64);
        usize::try_from(pick)
            .ok()
            .and_then(|pick| VENUES.get(pick))
            .copied()
            .unwrap_or(self.venue)
    }

    /// The contract as echoed on `exchange`.
    pub(crate) fn contract(&self, exchange: &str) -> wire::Contract {
        wire::Contract {
            con_id: Some(self.con_id),
            symbol: Some(self.symbol.clone()),
            sec_type: Some(self.sec_type.to_owned()),
            strike: Some(0.0),
            exchange: Some(exchange.to_owned()),
            currency: Some(self.currency.to_owned()),
            local_symbol: Some(self.symbol.clone()),
            trading_class: Some(self.trading_class.to_owned()),
            ..wire::Contract::default()
        }
    }

    pub(crate) fn walk(&self) -> Walk {
        Walk {
            symbol: self.symbol.clone(),
            start: self.start,
            middle: self.middle,
            random: self.random.clone(),
        }
    }
}

/// What of an instrument outlives a restart.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct Walk {
    pub(crate) symbol: String,
    start: i64,
    middle: i64,
    random: Random,
}

/// All instruments.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    instruments: Vec<Instrument>,
    by_symbol: HashMap<String, SymbolIndex>,
}

impl Market {
    pub(crate) fn new(seed: u64, extra: &[(String, Decimal)]) -> Self {
        let mut market = Self {
            instruments: Vec::new(),
            by_symbol: HashMap::new(),
        };
        for known in BUILT_IN {
            let start =
                Decimal::from_i64(known.start_cents).unwrap_or_default() / Decimal::ONE_HUNDRED;
            let stock = Listing {
                symbol: known.symbol,
                con_id: known.con_id,
                venue: known.venue,
                name: known.name,
                currency: "USD",
                cash: known.venue == "IDEALPRO",
            };
            market.list(seed, &stock, start);
        }
        for (index, (symbol, price)) in extra.iter().enumerate() {
            let con_id = 900_000_000_i32.saturating_add(i32::try_from(index).unwrap_or(i32::MAX));
            let symbol = symbol.to_uppercase();
            let stock = Listing {
                symbol: &symbol,
                con_id,
                venue: "NASDAQ",
                name: &symbol,
                currency: "USD",
                cash: false,
            };
            market.list(seed, &stock, *price);
        }
        market
    }

    /// The instrument that a request's contract names, if it is one we know, in a way TWS would accept.
    pub(crate) fn find(&self, contract: &wire::Contract) -> Option<SymbolIndex> {
        let index = match contract.con_id {
            Some(con_id) if con_id != 0 => self
                .instruments
                .iter()
                .position(|instrument| instrument.con_id == con_id)?,
            _ => *self.by_symbol.get(contract.symbol.as_deref()?)?,
        };
        let instrument = self.instruments.get(index)?;
        let same = |asked: &Option<String>, ours: &str| {
            asked.as_deref().is_none_or(|a| a.is_empty() || a == ours)
        };
        let exchange = contract.exchange.as_deref().unwrap_or_default();
        let known_exchange = ["", "SMART", instrument.venue].contains(&exchange)
            || (instrument.sec_type == "STK" && VENUES.contains(&exchange));
        let matches = same(&contract.symbol, &instrument.symbol)
            && same(&contract.sec_type, instrument.sec_type)
            && same(&contract.currency, instrument.currency)
            && (same(&contract.primary_exch, instrument.venue)
                || contract.primary_exch.as_deref() == Some("ISLAND"))
            && known_exchange;
        matches.then_some(index)
    }

    pub(crate) fn by_symbol(&self, symbol: &str) -> Option<SymbolIndex> {
        self.by_symbol.get(symbol).copied()
    }

    pub(crate) fn get(&self, index: SymbolIndex) -> Option<&Instrument> {
        self.instruments.get(index)
    }

    pub(crate) fn get_mut(&mut self, index: SymbolIndex) -> Option<&mut Instrument> {
        self.instruments.get_mut(index)
    }

    pub(crate) fn len(&self) -> usize {
        self.instruments.len()
    }

    /// One step of one symbol.
    pub(crate) fn step(&mut self, index: SymbolIndex) {
        if let Some(instrument) = self.instruments.get_mut(index) {
            instrument.step();
        }
    }

    pub(crate) fn restore(&mut self, walk: Walk) {
        if let Some(instrument) = self
            .by_symbol
            .get(&walk.symbol)
            .copied()
            .and_then(|index| self.instruments.get_mut(index))
        {
            instrument.start = walk.start;
            instrument.middle = walk.middle;
            instrument.random = walk.random;
        }
    }

    fn list(&mut self, seed: u64, listing: &Listing<'_>, start: Decimal) {
        let tick = if listing.cash {
            Decimal::new(5, 5)
        } else {
            Decimal::new(1, 2)
        };
        let mut random = Random::new(seed, listing.symbol);
        let lots = i64::try_from(3 + random.below(6)).unwrap_or(5);
        let middle = in_ticks(start, tick);
        let instrument = Instrument {
            symbol: listing.symbol.to_owned(),
            sec_type: if listing.cash { "CASH" } else { "STK" },
            con_id: listing.con_id,
            currency: listing.currency,
            venue: listing.venue,
            trading_class: if listing.cash { "EUR.USD" } else { "NMS" },
            name: listing.name.to_owned(),
            tick,
            size: Decimal::from(lots * if listing.cash { 100_000 } else { 100 }),
            start: middle,
            middle,
            random,
        };
        self.by_symbol
            .insert(instrument.symbol.clone(), self.instruments.len());
        self.instruments.push(instrument);
    }
}

/// A price as a count of ticks, at least two, so that there is room for a bid, and at most a number that leaves room
/// for arithmetic.
fn in_ticks(price: Decimal, tick: Decimal) -> i64 {
    let ticks = price
        .checked_div(tick)
        .and_then(|ticks| ticks.round().to_i64())
        .unwrap_or(TICKS_MAX);
    ticks.clamp(2, TICKS_MAX)
}

struct Listing<'a> {
    symbol: &'a str,
    con_id: i32,
    venue: &'static str,
    name: &'a str,
    currency: &'static str,
    cash: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_walks_the_same_way_and_another_does_not() {
        let walk = |seed| {
            let mut market = Market::new(seed, &[]);
            let aapl = market.by_symbol("AAPL").unwrap();
            (0..200)
                .map(|_| {
                    market.step(aapl);
                    market.get(aapl).unwrap().bid()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(walk(7), walk(7));
        assert_ne!(walk(7), walk(8));
    }

    #[test]
    fn a_price_never_leaves_its_reach() {
        let mut market = Market::new(1, &[("PENNY".to_owned(), Decimal::new(3, 2))]);
        for name in ["AAPL", "PENNY"] {
            let index = market.by_symbol(name).unwrap();
            let start = market.get(index).unwrap().start;
            for _ in 0..20_000 {
                market.step(index);
                let instrument = market.get(index).unwrap();
                assert!((instrument.middle - start).abs() <= (start / REACH).max(1));
                assert!(instrument.bid() > Decimal::ZERO && instrument.ask() > instrument.bid());
            }
        }
    }

    #[test]
    fn a_contract_is_found_only_when_everything_it_names_fits() {
        let market = Market::new(7, &[]);
        let contract =
            |symbol: &str, sec_type: &str, exchange: &str, currency: &str| wire::Contract {
                symbol: Some(symbol.to_owned()),
                sec_type: Some(sec_type.to_owned()),
                exchange: Some(exchange.to_owned()),
                currency: Some(currency.to_owned()),
                ..wire::Contract::default()
            };
        assert!(
            market
                .find(&contract("AAPL", "STK", "SMART", "USD"))
                .is_some()
        );
        assert!(
            market
                .find(&contract("AAPL", "STK", "ARCA", "USD"))
                .is_some()
        );
        assert!(
            market
                .find(&contract("EUR", "CASH", "IDEALPRO", "USD"))
                .is_some()
        );
        assert!(
            market
                .find(&contract("AAPL", "FUT", "SMART", "USD"))
                .is_none()
        );
        assert!(
            market
                .find(&contract("AAPL", "STK", "MOON", "USD"))
                .is_none()
        );
        assert!(
            market
                .find(&contract("AAPL", "STK", "SMART", "EUR"))
                .is_none()
        );
        assert!(
            market
                .find(&contract("ZZZZNOEX", "STK", "SMART", "USD"))
                .is_none()
        );
    }
}
