//! TWS's frames, as a tap before TWS sees them. Read by their layout alone: nothing of the gateway's or the simulator's reads them here.

use std::time::Instant;

use prost::Message;

use crate::tap::{Piece, Way};

/// Added to a message's number when its body is protobuf.
const PROTOBUF: i32 = 200;
/// "API\0" before the client's first frame.
const MAGIC: usize = 4;

/// Numbers of the requests that a limit is about.
pub(crate) const PLACE: i32 = 3;
pub(crate) const CANCEL: i32 = 4;
pub(crate) const CURRENT_TIME: i32 = 49;
pub(crate) const START_API: i32 = 71;
const CURRENT_TIME_MILLIS: i32 = 105;
/// Number of TWS's errors.
const ERROR: i32 = 4;
/// "Max rate of messages per second has been exceeded".
const RATE_EXCEEDED: i32 = 100;

/// A message and when the last byte of it arrived.
pub(crate) struct Arrived {
    pub(crate) at: Instant,
    pub(crate) number: i32,
    body: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ErrorMessage {
    #[prost(int32, optional, tag = "3")]
    code: Option<i32>,
}

impl Arrived {
    pub(crate) fn is_order_or_cancel(&self) -> bool {
        matches!(self.number, PLACE | CANCEL)
    }

    pub(crate) fn is_time_request(&self) -> bool {
        matches!(self.number, CURRENT_TIME | CURRENT_TIME_MILLIS)
    }

    /// Whether TWS says that it refused something for the rate of messages.
    pub(crate) fn is_rate_refusal(&self) -> bool {
        self.number == ERROR
            && ErrorMessage::decode(self.body.as_slice())
                .is_ok_and(|error| error.code == Some(RATE_EXCEEDED))
    }
}

/// How many connections there were.
pub(crate) fn connections(pieces: &[Piece]) -> usize {
    let last = pieces.iter().map(|piece| piece.connection).max();
    last.map_or(0, |last| last + 1)
}

/// The messages of every connection that went this way, without those that agree on a version.
pub(crate) fn messages(pieces: &[Piece], way: Way) -> Vec<Arrived> {
    let mut all = Vec::new();
    for connection in 0..connections(pieces) {
        let mut waiting: Vec<u8> = Vec::new();
        let mut skip = if way == Way::ToServer { MAGIC } else { 0 };
        let mut introduced = false;
        for piece in pieces
            .iter()
            .filter(|piece| piece.connection == connection && piece.way == way)
        {
            waiting.extend_from_slice(&piece.bytes);
            while let Some(frame) = frame(&waiting[skip.min(waiting.len())..]) {
                let length = frame.len();
                if let (true, Some((number, body))) = (introduced, frame.split_first_chunk::<4>()) {
                    all.push(Arrived {
                        at: piece.at,
                        number: i32::from_be_bytes(*number) - PROTOBUF,
                        body: body.to_vec(),
                    });
                }
                introduced = true;
                waiting.drain(..skip + 4 + length);
                skip = 0;
            }
        }
    }
    all
}

/// The first whole frame, without its length.
fn frame(bytes: &[u8]) -> Option<&[u8]> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.get(..u32::from_be_bytes(*length) as usize)
}

/// The most of these that came within one second, wherever it began.
pub(crate) fn most_in_a_second(times: &[Instant]) -> usize {
    let mut most = 0;
    let mut first = 0;
    for (index, time) in times.iter().enumerate() {
        while time.duration_since(times[first]).as_secs_f64() >= 1.0 {
            first += 1;
        }
        most = most.max(index + 1 - first);
    }
    most
}
