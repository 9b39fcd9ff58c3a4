//! Text to requests.

use super::super::frame::Frame;
use super::super::message::Request;
use super::super::wire;
use super::account;
use super::is_text_request;
use super::place::place_order;
use super::reader::{ReadError, Reader};

/// Reads a text message as a request of a client of this version. Never fails: what cannot be read is a request too.
pub(crate) fn decode_request(frame: &Frame<'_>, version: i32) -> Request {
    let id = frame.id;
    if !is_text_request(id, version) {
        return Request::Other { id };
    }
    read(id, Reader::new(frame.body), version).unwrap_or(Request::Malformed { id })
}

fn read(number: i32, mut fields: Reader<'_>, version: i32) -> Result<Request, ReadError> {
    Ok(match number {
        3 => Request::Place(Box::new(place_order(fields, version)?)),
        4 => {
            if version < 192 {
                fields.skip(1)?;
            }
            Request::Cancel {
                order_id: fields.int()?.unwrap_or(0),
            }
        }
        5 => Request::OpenOrders,
        6 => Request::AccountUpdates(account::updates_request(fields)?),
        7 => Request::Executions(executions(fields, version)?),
        8 => Request::Ids,
        9 => Request::ContractData(contract_data(fields)?),
        15 => Request::AutoOpenOrders,
        16 => Request::AllOpenOrders,
        17 => Request::ManagedAccounts,
        49 => Request::CurrentTime,
        58 => Request::GlobalCancel,
        61 => Request::Positions,
        62 => Request::AccountSummary(account::summary_request(fields)?),
        63 => Request::CancelAccountSummary {
            request_id: account::request_id(fields)?,
        },
        64 => Request::CancelPositions,
        71 => {
            fields.skip(1)?;
            Request::StartApi {
                client_id: fields.int()?.unwrap_or(0),
            }
        }
        74 => Request::PositionsMulti(account::positions_multi_request(fields)?),
        75 => Request::CancelPositionsMulti {
            request_id: account::request_id(fields)?,
        },
        76 => Request::AccountUpdatesMulti(account::updates_multi_request(fields)?),
        77 => Request::CancelAccountUpdatesMulti {
            request_id: account::request_id(fields)?,
        },
        92 => Request::Pnl(account::pnl_request(fields)?),
        93 => Request::CancelPnl {
            request_id: fields.int()?.unwrap_or(-1),
        },
        94 => Request::PnlSingle(account::pnl_single_request(fields)?),
        95 => Request::CancelPnlSingle {
            request_id: fields.int()?.unwrap_or(-1),
        },
        99 => Request::CompletedOrders {
            api_only: fields.flag()?,
        },
        105 => Request::CurrentTimeMillis,
        id => Request::Other { id },
    })
}

fn executions(mut fields: Reader<'_>, version: i32) -> Result<wire::ExecutionsRequest, ReadError> {
    fields.skip(1)?;
    let request_id = fields.int()?;
    let mut filter = wire::ExecutionFilter {
        client_id: fields.int()?,
        account: fields.text()?,
        time: fields.text()?,
        symbol: fields.text()?,
        sec_type: fields.text()?,
        exchange: fields.text()?,
        side: fields.text()?,
        ..wire::ExecutionFilter::default()
    };
    if version >= 200 {
        filter.last_n_days = fields.int()?;
        for _ in 0..fields.count()? {
            filter.specific_dates.extend(fields.int()?);
        }
    }
    Ok(wire::ExecutionsRequest {
        request_id,
        filter: Some(filter),
    })
}

fn contract_data(mut fields: Reader<'_>) -> Result<wire::ContractRequest, ReadError> {
    fields.skip(1)?;
    Ok(wire::ContractRequest {
        request_id: fields.int()?,
        contract: Some(contract(&mut fields)?),
    })
}

/// The twelve fields of a contract in a request.
pub(super) fn contract(fields: &mut Reader<'_>) -> Result<wire::Contract, ReadError> {
    let con_id = fields.int()?;
    let symbol = fields.text()?;
    let sec_type = fields.text()?;
    let last_trade_date = fields.text()?;
    let strike = fields.double()?;
    let right = fields.text()?;
    let multiplier = fields.double()?;
    Ok(wire::Contract {
        con_id,
        symbol,
        sec_type,
        last_trade_date,
        strike,
        right,
        multiplier,
        exchange: fields.text()?,
        primary_exch: fields.text()?,
        currency: fields.text()?,
        local_symbol: fields.text()?,
        trading_class: fields.text()?,
    })
}
