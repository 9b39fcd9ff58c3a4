//! The protobuf encoding of the messages: bytes to requests, messages to frames.
//!
//! A frame is a length, a number and a body. From server version 213 on everything after the version acknowledgement has this
//! form; what is text before that is in [`text`](super::text).

use prost::Message;

use super::frame::Frame;
use super::message::{Request, ServerMessage};
use super::wire;

/// Added to a message's number on the wire when its body is protobuf.
pub(crate) const NUMBER_OFFSET: i32 = 200;

/// Reads a frame as a request. Never fails: what cannot be read is a request too, to be answered or skipped.
pub(crate) fn decode_request(frame: &Frame<'_>) -> Request {
    let id = frame.id;
    if id <= NUMBER_OFFSET {
        return Request::Other { id };
    }
    fn read<M: Message + Default>(id: i32, body: &[u8], to: impl FnOnce(M) -> Request) -> Request {
        M::decode(body).map_or(Request::Malformed { id }, to)
    }
    let body = frame.body;
    match id - NUMBER_OFFSET {
        3 => read(id, body, |m: wire::PlaceOrder| Request::Place(Box::new(m))),
        4 => read(id, body, |m: wire::Number| Request::Cancel {
            order_id: m.value.unwrap_or(0),
        }),
        5 => Request::OpenOrders,
        6 => read(id, body, Request::AccountUpdates),
        7 => read(id, body, Request::Executions),
        8 => Request::Ids,
        9 => read(id, body, Request::ContractData),
        15 => Request::AutoOpenOrders,
        16 => Request::AllOpenOrders,
        17 => Request::ManagedAccounts,
        49 => Request::CurrentTime,
        58 => Request::GlobalCancel,
        61 => Request::Positions,
        62 => read(id, body, Request::AccountSummary),
        63 => read(id, body, |m: wire::Number| Request::CancelAccountSummary {
            request_id: m.value.unwrap_or(-1),
        }),
        64 => Request::CancelPositions,
        71 => read(id, body, |m: wire::StartApi| Request::StartApi {
            client_id: m.client_id.unwrap_or(0),
        }),
        74 => read(id, body, Request::PositionsMulti),
        75 => read(id, body, |m: wire::Number| Request::CancelPositionsMulti {
            request_id: m.value.unwrap_or(-1),
        }),
        76 => read(id, body, Request::AccountUpdatesMulti),
        77 => read(id, body, |m: wire::Number| {
            Request::CancelAccountUpdatesMulti {
                request_id: m.value.unwrap_or(-1),
            }
        }),
        92 => read(id, body, Request::Pnl),
        93 => read(id, body, |m: wire::Number| Request::CancelPnl {
            request_id: m.value.unwrap_or(-1),
        }),
        94 => read(id, body, Request::PnlSingle),
        95 => read(id, body, |m: wire::Number| Request::CancelPnlSingle {
            request_id: m.value.unwrap_or(-1),
        }),
        99 => read(id, body, |m: wire::Flag| Request::CompletedOrders {
            api_only: m.value.unwrap_or(false),
        }),
        105 => Request::CurrentTimeMillis,
        _ => Request::Other { id },
    }
}

/// Appends the frame of a message to `out`. Returns nothing because a `Vec` takes any amount.
pub(crate) fn encode(out: &mut Vec<u8>, message: ServerMessage<'_>) {
    let kind = message.kind() as i32;
    match message {
        ServerMessage::OrderStatus(body) => frame(out, kind, body),
        ServerMessage::Error(body) => frame(out, kind, body),
        ServerMessage::OpenOrder(body) => frame(out, kind, body),
        ServerMessage::ContractData(body) => frame(out, kind, body),
        ServerMessage::Execution(body) => frame(out, kind, body),
        ServerMessage::Commission(body) => frame(out, kind, body),
        ServerMessage::OrderBound(body) => frame(out, kind, body),
        ServerMessage::CompletedOrder(body) => frame(out, kind, body),
        ServerMessage::AccountValue(body) => frame(out, kind, body),
        ServerMessage::PortfolioValue(body) => frame(out, kind, body),
        ServerMessage::Position(body) => frame(out, kind, body),
        ServerMessage::AccountSummary(body) => frame(out, kind, body),
        ServerMessage::PositionMulti(body) => frame(out, kind, body),
        ServerMessage::AccountUpdateMulti(body) => frame(out, kind, body),
        ServerMessage::Pnl(body) => frame(out, kind, body),
        ServerMessage::PnlSingle(body) => frame(out, kind, body),
        ServerMessage::ManagedAccounts(text)
        | ServerMessage::AccountUpdateTime(text)
        | ServerMessage::AccountUpdatesEnd(text) => frame(
            out,
            kind,
            &wire::Word {
                text: Some(text.to_owned()),
            },
        ),
        ServerMessage::NextValidId(value)
        | ServerMessage::ContractDataEnd(value)
        | ServerMessage::ExecutionsEnd(value)
        | ServerMessage::AccountSummaryEnd(value)
        | ServerMessage::PositionMultiEnd(value)
        | ServerMessage::AccountUpdateMultiEnd(value) => {
            frame(out, kind, &wire::Number { value: Some(value) });
        }
        ServerMessage::CurrentTime(value) | ServerMessage::CurrentTimeMillis(value) => {
            frame(out, kind, &wire::Clock { value: Some(value) });
        }
        ServerMessage::OpenOrdersEnd
        | ServerMessage::CompletedOrdersEnd
        | ServerMessage::PositionsEnd => {
            frame(out, kind, &wire::Empty {});
        }
    }
}

fn frame(out: &mut Vec<u8>, kind: i32, message: &impl Message) {
    let body = message.encoded_len();
    // A body of 2 GiB cannot be built from bounded fields; saturating keeps the arithmetic total.
    let length = u32::try_from(body + 4).unwrap_or(u32::MAX);
    out.reserve(body + 8);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&(kind + NUMBER_OFFSET).to_be_bytes());
    // A `Vec` cannot run out of room, which is the only error there is.
    let _infallible = message.encode(out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::frame::FrameReader;

    /// The bytes are those of a capture of another client's place order (facts: request bytes seen).
    #[test]
    fn a_captured_place_order_is_read_field_by_field() {
        let hex = "00000074000000cb085a12171204414150\
                   4c1a0353544b4205534d41525452035553441a532a034255593203313030380042034c4d54490000000000c862405a\
                   034441596205445531313\
                   1e2010467772d319004 01c004ffffffffffffffffff01c9050000000000000000d9050000000000000000a00700";
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        let mut reader = FrameReader::new(1 << 20);
        reader.push(&bytes);
        let frame = reader.next_frame().unwrap().unwrap();
        let Request::Place(place) = decode_request(&frame) else {
            panic!("not a place order")
        };
        assert_eq!(place.order_id, Some(90));
        let order = place.order.unwrap();
        assert_eq!(order.action.as_deref(), Some("BUY"));
        assert_eq!(order.total_quantity.as_deref(), Some("100"));
        assert_eq!(order.lmt_price, Some(150.25));
        assert_eq!(order.tif.as_deref(), Some("DAY"));
        assert_eq!(order.account.as_deref(), Some("DU111"));
        assert_eq!(order.order_ref.as_deref(), Some("gw-1"));
        assert_eq!(order.transmit, Some(true));
        assert_eq!(place.contract.unwrap().symbol.as_deref(), Some("AAPL"));
    }

    #[test]
    fn an_answer_is_framed_as_length_number_body() {
        let mut out = Vec::new();
        encode(&mut out, ServerMessage::NextValidId(90));
        assert_eq!(out, [0, 0, 0, 6, 0, 0, 0, 0xd1, 0x08, 0x5a]);
    }

    #[test]
    fn a_body_that_does_not_decode_is_malformed_and_a_strange_number_is_other() {
        assert_eq!(
            decode_request(&Frame {
                id: 203,
                body: &[0xff, 0xff]
            }),
            Request::Malformed { id: 203 }
        );
        assert_eq!(
            decode_request(&Frame {
                id: 5000,
                body: &[]
            }),
            Request::Other { id: 5000 }
        );
        assert_eq!(
            decode_request(&Frame { id: -1, body: &[] }),
            Request::Other { id: -1 }
        );
    }
}
