//! The prices and the time in force that an order type needs, and what TWS says when they are missing.

use rust_decimal::Decimal;

use super::super::super::clock::Now;
use super::super::super::market::SymbolIndex;
use super::super::super::order::{Pricing, Side, Tif, TrailBy};
use super::super::super::switches::{ComputedPrices, EmptyTimeInForce, GoodTillEcho};
use super::super::super::times::{self, TimeError};
use super::super::super::wire;
use super::super::Exchange;
use super::Refusal;
use super::check::{invalid, positive, refusal};

const TYPES: &[&str] = &[
    "MKT",
    "LMT",
    "STP",
    "STP LMT",
    "MIT",
    "LIT",
    "TRAIL",
    "TRAIL LIMIT",
    "MOC",
    "LOC",
];

pub(super) fn check_type(order_type: &str) -> Result<(), Refusal> {
    if TYPES.contains(&order_type) {
        Ok(())
    } else {
        Err(invalid("Invalid order type was entered"))
    }
}

const TIF_PRESET: &str = "Order TIF was set to DAY based on order preset.";

/// Codes and texts.
type Notices = Vec<(i32, String)>;

impl Exchange {
    pub(super) fn check_prices(
        &self,
        symbol: SymbolIndex,
        side: Side,
        order: &wire::Order,
    ) -> Result<Pricing, Refusal> {
        let no_limit = || invalid("Limit price is missing or not positive");
        let no_stop = || refusal(403, "Invalid stop price.");
        let limit = || self.check_price(symbol, order.lmt_price, no_limit);
        let auxiliary = || self.check_price(symbol, order.aux_price, no_stop);
        Ok(match order.order_type.as_deref().unwrap_or_default() {
            "MKT" => Pricing::Market,
            "LMT" => Pricing::Limit { limit: limit()? },
            "STP" => Pricing::Stop { stop: auxiliary()? },
            "STP LMT" => Pricing::StopLimit {
                stop: auxiliary()?,
                limit: limit()?,
            },
            "MIT" => Pricing::Touched {
                touch: auxiliary()?,
            },
            "LIT" => Pricing::TouchedLimit {
                touch: auxiliary()?,
                limit: limit()?,
            },
            "TRAIL" => {
                let (by, stop) = self.check_trail(symbol, side, order)?;
                Pricing::Trail { by, stop }
            }
            "TRAIL LIMIT" => {
                let (by, stop) = self.check_trail(symbol, side, order)?;
                let missing = || invalid("The offset of the limit from the stop is missing");
                let offset = positive(order.lmt_price_offset)
                    .or_else(|| (order.lmt_price_offset == Some(0.0)).then_some(Decimal::ZERO))
                    .ok_or_else(missing)?;
                Pricing::TrailLimit {
                    by,
                    stop,
                    offset: offset.normalize(),
                }
            }
            "MOC" => Pricing::MarketOnClose,
            "LOC" => Pricing::LimitOnClose { limit: limit()? },
            _ => return Err(invalid("Invalid order type was entered")),
        })
    }

    /// How far a stop trails, by amount or by percent, and where it begins: where the order says, else where it belongs now.
    fn check_trail(
        &self,
        symbol: SymbolIndex,
        side: Side,
        order: &wire::Order,
    ) -> Result<(TrailBy, Decimal), Refusal> {
        let percent = positive(order.trailing_percent);
        let by = match (positive(order.aux_price), percent) {
            (None, None) => {
                let text = "You must specify an offset amount or a percent offset value.";
                return Err(refusal(158, text));
            }
            (Some(_), Some(_)) => {
                return Err(invalid("An order trails by an amount or by a percentage"));
            }
            (None, Some(percent)) if percent >= Decimal::ONE_HUNDRED => {
                let text = "The percent offset value must be between 0% and 100%.";
                return Err(refusal(159, text));
            }
            (None, Some(percent)) => TrailBy::Percent(percent.normalize()),
            (Some(_), None) => {
                let missing = || refusal(403, "Invalid stop price.");
                TrailBy::Amount(self.check_price(symbol, order.aux_price, missing)?)
            }
        };
        if positive(order.trail_stop_price).is_some() {
            let missing = || refusal(403, "Invalid stop price.");
            let stop = self.check_price(symbol, order.trail_stop_price, missing)?;
            return Ok((by, stop));
        }
        let last = self.market.get(symbol).map(|instrument| instrument.last());
        let stop = by.stop(side, last.unwrap_or_default());
        Ok((by, self.computed_price(symbol, stop)))
    }

    /// A price that TWS computes, on the tick or as it came out.
    pub(in super::super) fn computed_price(&self, symbol: SymbolIndex, price: Decimal) -> Decimal {
        match (self.switches.computed_prices, self.market.get(symbol)) {
            (ComputedPrices::Rounded, Some(instrument)) => instrument.rounded(price),
            (ComputedPrices::Exact, _) | (_, None) => price.normalize(),
        }
    }

    /// The time in force, with notices: that TWS filled it in, that a date is without its zone. The date is put into the order as it comes back.
    pub(super) fn check_tif(
        &self,
        order: &mut wire::Order,
        order_type: &str,
        now: Now,
    ) -> Result<(Tif, Notices), Refusal> {
        let mut notices = Notices::new();
        let preset = self.switches.empty_time_in_force;
        if order.tif.as_deref() == Some("") && preset != EmptyTimeInForce::Refused {
            order.tif = Some("DAY".to_owned());
            if preset == EmptyTimeInForce::PresetWithNotice {
                notices.push((10349, TIF_PRESET.to_owned()));
            }
        }
        let text = order.tif.as_deref().unwrap_or_default();
        let tif = match text {
            "DAY" => Tif::Day,
            "GTC" => Tif::Gtc,
            "IOC" => Tif::Ioc,
            "FOK" => Tif::Fok,
            "OPG" => Tif::Opg,
            "GTD" if !["MOC", "LOC"].contains(&order_type) => {
                return self.check_good_till(order, now);
            }
            "GTD" => Tif::Gtd(0),
            "" => return Err(refusal(10052, "Invalid time in force:Empty")),
            other => return Err(refusal(10052, format!("Invalid time in force:{other}"))),
        };
        if ["MOC", "LOC"].contains(&order_type) && tif != Tif::Day {
            let text = "The Tif option should be set to DAY for MOC and LOC orders.";
            return Err(refusal(113, text));
        }
        if tif == Tif::Opg && !["MKT", "LMT"].contains(&order_type) {
            let text = "The Time in force (tif type) and the order type are incompatible.";
            return Err(refusal(111, text));
        }
        Ok((tif, notices))
    }

    fn check_good_till(
        &self,
        order: &mut wire::Order,
        now: Now,
    ) -> Result<(Tif, Notices), Refusal> {
        let text = order.good_till_date.clone().unwrap_or_default();
        if text.is_empty() {
            let text = "End Time: The time or time-zone entered is invalid. The correct format is hh:mm:ss xxx";
            return Err(refusal(391, text));
        }
        let written = times::read_time(&text).map_err(|error| match error {
            TimeError::Form | TimeError::Zone => refusal(
                10314,
                "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xxxx/xxxx or yyyymmdd-hh:mm:ss in UTC.",
            ),
        })?;
        let at = Now(written.seconds.saturating_mul(1_000_000));
        if at <= now {
            return Err(refusal(334, "Invalid Good Till Date order"));
        }
        if self.switches.good_till_echo == GoodTillEcho::TwsZone {
            order.good_till_date = Some(at.stamp());
        }
        let warning = (!written.named_zone).then(|| {
            let text = "Warning: You submitted request with date-time attributes without explicit time zone. Please switch to use yyyymmdd-hh:mm:ss in UTC or use instrument timezone, like US/Eastern. Implied time zone functionality will be removed in the next API release";
            (2174, text.to_owned())
        });
        Ok((Tif::Gtd(at.micros()), warning.into_iter().collect()))
    }
}
