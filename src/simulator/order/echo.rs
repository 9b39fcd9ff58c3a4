//! The prices of an order as openOrder shows them.

use rust_decimal::Decimal;

use super::super::wire;
use super::{Pricing, Side, TrailBy, double};

/// The price fields of an echo, as each order type shows them. `trailStopPrice` means a stop only for the stop and trailing
/// types; TWS shows one of a limit order too, one above the limit.
pub(crate) fn echo_prices(echo: &mut wire::Order, pricing: &Pricing, side: Side) {
    let limit = double(pricing.limit(side).unwrap_or_default());
    echo.order_type = Some(pricing.word().to_owned());
    echo.lmt_price = Some(limit);
    echo.aux_price = Some(0.0);
    echo.trail_stop_price = None;
    echo.trailing_percent = None;
    echo.lmt_price_offset = None;
    match *pricing {
        Pricing::Market | Pricing::MarketOnClose => {}
        Pricing::Limit { .. } | Pricing::LimitOnClose { .. } => {
            echo.trail_stop_price = Some(limit + 1.0);
        }
        Pricing::Stop { stop } | Pricing::StopLimit { stop, .. } => {
            echo.aux_price = Some(double(stop));
            echo.trail_stop_price = Some(double(stop));
        }
        Pricing::Touched { touch } | Pricing::TouchedLimit { touch, .. } => {
            echo.aux_price = Some(double(touch));
        }
        Pricing::Trail { by, stop } => echo_trail(echo, by, stop),
        Pricing::TrailLimit { by, stop, offset } => {
            echo_trail(echo, by, stop);
            echo.lmt_price_offset = Some(double(offset));
        }
    }
}

fn echo_trail(echo: &mut wire::Order, by: TrailBy, stop: Decimal) {
    echo.trail_stop_price = Some(double(stop));
    match by {
        TrailBy::Amount(amount) => echo.aux_price = Some(double(amount)),
        TrailBy::Percent(percent) => echo.trailing_percent = Some(double(percent)),
    }
}
