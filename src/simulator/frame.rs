//! Bytes to frames, with every length checked before anything is kept.

use thiserror::Error;

/// One message of a client: its number and its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) id: i32,
    pub(crate) body: &'a [u8],
}

/// What the first bytes of a connection said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Lowest server version the client accepts.
    pub(crate) min: i32,
    /// Highest server version the client speaks.
    pub(crate) max: i32,
}

/// Why a peer is dropped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum FrameError {
    #[error("the first bytes are not those of an API client")]
    NotAnApiClient,
    #[error("the version range cannot be read")]
    BadVersionRange,
    #[error("a frame of {0} bytes is outside 4..={1}")]
    BadLength(u32, usize),
    #[error("a message of text does not begin with a number")]
    NoNumber,
}

/// Collects bytes and gives frames. Holds at most one incomplete frame beyond what was pushed last.
#[derive(Debug)]
pub(crate) struct FrameReader {
    bytes: Vec<u8>,
    start: usize,
    frame_bytes_max: usize,
    /// Whether a message's number is text, as before server version 201.
    text_numbers: bool,
}

const MAGIC: &[u8; 4] = b"API\0";
/// "v100..226 +PACEAPI" and the like; a longer text is not a version range.
const HELLO_BYTES_MAX: usize = 1024;

impl FrameReader {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            frame_bytes_max,
            text_numbers: false,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The opening of a connection: `API\0`, a length, and "v<min>..<max>" with options after a space.
    pub(crate) fn hello(&mut self) -> Result<Option<Hello>, FrameError> {
        let bytes = &self.bytes[self.start..];
        let seen = bytes.len().min(MAGIC.len());
        if bytes[..seen] != MAGIC[..seen] {
            return Err(FrameError::NotAnApiClient);
        }
        let Some(length) = read_length(bytes.get(4..).unwrap_or_default()) else {
            return Ok(None);
        };
        let length = length as usize;
        if length > HELLO_BYTES_MAX {
            return Err(FrameError::BadVersionRange);
        }
        let Some(text) = bytes.get(8..8 + length) else {
            return Ok(None);
        };
        let hello = parse_hello(text).ok_or(FrameError::BadVersionRange)?;
        self.start += 8 + length;
        Ok(Some(hello))
    }

    /// From here on messages begin with their number as text.
    pub(crate) fn read_text_numbers(&mut self) {
        self.text_numbers = true;
    }

    /// The next whole frame, if one has arrived.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        let bytes = &self.bytes[self.start..];
        let Some(length) = read_length(bytes) else {
            return Ok(None);
        };
        let size = length as usize;
        let least = if self.text_numbers { 2 } else { 4 };
        if size < least || size > self.frame_bytes_max {
            return Err(FrameError::BadLength(length, self.frame_bytes_max));
        }
        if bytes.len() < 4 + size {
            return Ok(None);
        }
        let from = self.start;
        self.start += 4 + size;
        let frame = &self.bytes[from + 4..from + 4 + size];
        if self.text_numbers {
            return text_frame(frame).map(Some);
        }
        let id = i32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        Ok(Some(Frame {
            id,
            body: &frame[4..],
        }))
    }
}

/// A frame whose number is its first field.
fn text_frame(frame: &[u8]) -> Result<Frame<'_>, FrameError> {
    let end = frame.iter().position(|byte| *byte == 0);
    let end = end.ok_or(FrameError::NoNumber)?;
    let number = std::str::from_utf8(&frame[..end]).ok();
    let id = number.and_then(|number| number.parse().ok());
    Ok(Frame {
        id: id.ok_or(FrameError::NoNumber)?,
        body: &frame[end + 1..],
    })
}

fn read_length(bytes: &[u8]) -> Option<u32> {
    let word = bytes.get(..4)?;
    Some(u32::from_be_bytes([word[0], word[1], word[2], word[3]]))
}

fn parse_hello(text: &[u8]) -> Option<Hello> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\0');
    let range = text.split(' ').next()?.strip_prefix('v')?;
    let (min, max) = match range.split_once("..") {
        Some((min, max)) => (min.parse().ok()?, max.parse().ok()?),
        None => {
            let only = range.parse().ok()?;
            (only, only)
        }
    };
    (min <= max).then_some(Hello { min, max })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_text_is_the_first_field() {
        let mut reader = FrameReader::new(1 << 20);
        reader.read_text_numbers();
        reader.push(b"\0\0\0\x06".as_slice());
        reader.push(b"49\x001\0x");
        let frame = reader.next_frame().unwrap().unwrap();
        assert_eq!((frame.id, frame.body), (49, b"1\0x".as_slice()));
        for text in [b"4\09".as_slice(), b"time\0"] {
            let mut reader = FrameReader::new(1 << 20);
            reader.read_text_numbers();
            reader.push(&u32::try_from(text.len()).unwrap().to_be_bytes());
            reader.push(text);
            let read = reader.next_frame().map(|frame| frame.map(|frame| frame.id));
            assert!(
                matches!(read, Ok(Some(4)) | Err(FrameError::NoNumber)),
                "{read:?}"
            );
        }
    }

    #[test]
    fn a_version_range_is_read_with_and_without_options() {
        for text in ["v213..226", "v213..226 +PACEAPI", "v213..226\0"] {
            let mut reader = FrameReader::new(1 << 20);
            reader.push(b"API\0");
            reader.push(&u32::try_from(text.len()).unwrap().to_be_bytes());
            assert_eq!(reader.hello(), Ok(None));
            reader.push(text.as_bytes());
            assert_eq!(reader.hello(), Ok(Some(Hello { min: 213, max: 226 })));
        }
    }

    #[test]
    fn another_protocol_is_recognised_by_its_first_byte() {
        let mut reader = FrameReader::new(1 << 20);
        reader.push(b"G");
        assert_eq!(reader.hello(), Err(FrameError::NotAnApiClient));
    }

    #[test]
    fn lengths_below_four_above_the_limit_and_negative_are_refused() {
        for length in [0_u32, 3, 1025, 0xffff_ffff] {
            let mut reader = FrameReader::new(1024);
            reader.push(&length.to_be_bytes());
            assert_eq!(
                reader.next_frame(),
                Err(FrameError::BadLength(length, 1024))
            );
        }
    }

    #[test]
    fn frames_come_out_whole_however_the_bytes_arrive() {
        let bytes = [0, 0, 0, 5, 0, 0, 0, 249, 7, 0, 0, 0, 4, 0, 0, 0, 208];
        let mut reader = FrameReader::new(1024);
        let mut seen = Vec::new();
        for byte in bytes {
            reader.push(&[byte]);
            while let Some(frame) = reader.next_frame().unwrap() {
                seen.push((frame.id, frame.body.to_vec()));
            }
        }
        assert_eq!(seen, [(249, vec![7]), (208, vec![])]);
    }
}
