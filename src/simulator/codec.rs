//! Which form a message has between the simulator and a client of some server version: text or protobuf.

use super::frame::Frame;
use super::message::{Request, ServerMessage};
use super::{protobuf, text};

/// Appends the frame of a message in the form that a client of this version reads.
pub(crate) fn encode(out: &mut Vec<u8>, version: i32, message: ServerMessage<'_>) {
    if text::is_text(message.kind(), version) {
        text::encode(out, version, message);
    } else {
        protobuf::encode(out, message);
    }
}

/// Reads a frame as a request. Never fails: what cannot be read is a request too, to be answered or skipped.
pub(crate) fn decode_request(frame: &Frame<'_>, version: i32) -> Request {
    if frame.id > protobuf::NUMBER_OFFSET {
        protobuf::decode_request(frame)
    } else {
        text::decode_request(frame, version)
    }
}
