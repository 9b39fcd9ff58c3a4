//! Contract details.

use super::super::super::clock::Now;
use super::super::super::message::ServerMessage;
use super::super::super::order::plain;
use super::super::super::session::ConnectionId;
use super::super::super::symbols::VENUES;
use super::super::super::wire;
use super::super::Exchange;
use super::super::reports::NO_SECURITY;

/// The order types and times in force that are simulated, in the words of contract details.
const ORDER_TYPES: &str =
    "DAY,FOK,GTC,GTD,IOC,LIT,LMT,LOC,MIT,MKT,MOC,OPG,OUTSIDERTH,STP,STPLMT,TRAIL,TRAILLMT,WHATIF";

impl Exchange {
    pub(in super::super) fn contract_data(
        &mut self,
        connection: ConnectionId,
        asked: &wire::ContractRequest,
        now: Now,
    ) {
        let request_id = asked.request_id.unwrap_or(-1);
        let contract = asked.contract.clone().unwrap_or_default();
        let found = self
            .market
            .find(&contract)
            .and_then(|symbol| self.market.get(symbol));
        let Some(instrument) = found else {
            self.error_to(connection, request_id, 200, NO_SECURITY, now);
            return;
        };
        let exchange = contract
            .exchange
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| "SMART".to_owned());
        let mut echoed = instrument.contract(&exchange);
        echoed.primary_exch = Some(instrument.venue.to_owned());
        let row = wire::ContractData {
            request_id: Some(request_id),
            contract: Some(echoed),
            details: Some(wire::ContractDetails {
                market_name: Some(instrument.trading_class.to_owned()),
                min_tick: Some(plain(instrument.tick)),
                order_types: Some(ORDER_TYPES.to_owned()),
                valid_exchanges: Some(format!("SMART,{}", VENUES.join(","))),
                price_magnifier: Some(1),
                long_name: Some(instrument.name.clone()),
                time_zone_id: Some("US/Eastern".to_owned()),
                stock_type: (instrument.sec_type == "STK").then(|| "COMMON".to_owned()),
                min_size: Some("0.0001".to_owned()),
                size_increment: Some("0.0001".to_owned()),
            }),
        };
        self.sessions
            .answer(connection, ServerMessage::ContractData(&row));
        self.sessions
            .answer(connection, ServerMessage::ContractDataEnd(request_id));
    }
}
