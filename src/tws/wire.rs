//! The stream of bytes to and from TWS, cut into messages: four bytes of length, four bytes of message id, the body.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::frames::Frame;
use super::requests;
use super::{Permit, SendKind};

/// The longest message, id and body. TWS's own clients take no longer one.
const MESSAGE_BYTES_MAX: usize = 0x00FF_FFFF;
/// Read at once.
const READ_BYTES: usize = 64 * 1024;
/// A buffer that has grown beyond this for one long message is given back when it is empty.
const BUFFER_BYTES_KEPT: usize = 4 * READ_BYTES;

/// A length that no message has: the stream carries something else, or its place in it is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("TWS sent what is no message (a length of {0} bytes)")]
pub(super) struct BadLength(usize);

/// Bytes from TWS that have not been read as messages yet.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    bytes: Vec<u8>,
    /// Where the next message begins.
    start: usize,
}

impl Incoming {
    /// What is there but no whole message, in bytes.
    pub(super) fn rest(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// The next block of bytes with a length before it, if the whole of it has come. Takes nothing from memory for a length alone: the buffer grows with
    /// what comes.
    pub(super) fn block(
        &mut self,
        bytes_min: usize,
        bytes_max: usize,
    ) -> Result<Option<&[u8]>, BadLength> {
        let waiting = &self.bytes[self.start..];
        let Some((length, _)) = waiting.split_first_chunk::<4>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if !(bytes_min..=bytes_max).contains(&length) {
            return Err(BadLength(length));
        }
        let Some(block) = waiting.get(4..4 + length) else {
            return Ok(None);
        };
        self.start += 4 + length;
        Ok(Some(block))
    }

    /// The next message.
    pub(super) fn frame(&mut self) -> Result<Option<Frame<'_>>, BadLength> {
        let Some(block) = self.block(4, MESSAGE_BYTES_MAX)? else {
            return Ok(None);
        };
        Ok(block.split_first_chunk::<4>().map(|(id, body)| Frame {
            id: i32::from_be_bytes(*id),
            body,
        }))
    }

    /// Makes room for more bytes behind those that wait.
    fn make_room(&mut self) {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > BUFFER_BYTES_KEPT {
            self.bytes = Vec::new();
        }
        self.bytes.reserve(READ_BYTES);
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.make_room();
        self.bytes.extend_from_slice(bytes);
    }
}

/// A message to TWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    /// The whole of it.
    pub(super) frame: Vec<u8>,
    /// The order that it places or cancels, whose sender is told how that went.
    pub(super) order: Option<(i32, SendKind)>,
}

impl Outgoing {
    /// Whether it places, releases or changes an order.
    fn opens_risk(&self) -> bool {
        match self.order {
            Some((_, SendKind::Place)) => true,
            Some((_, SendKind::Cancel | SendKind::Preview)) | None => false,
        }
    }

    /// The last look at a message: one that is to be a preview must say so, or TWS would place the order.
    fn may_leave(&self) -> bool {
        match self.order {
            Some((_, SendKind::Preview)) => requests::is_preview(&self.frame),
            Some((_, SendKind::Place | SendKind::Cancel)) | None => true,
        }
    }
}

/// Messages to TWS that have not left yet.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// Bytes of the first that have left.
    written: usize,
    /// Since when the first is under way.
    since: Option<Instant>,
    /// What is asked before an order leaves.
    permit: Option<Permit>,
}

/// How far a message had come when its connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cut {
    /// The order's id.
    pub(super) order_id: i32,
    /// What was to be sent.
    pub(super) kind: SendKind,
    /// Some of its bytes have left.
    pub(super) begun: bool,
}

impl Outbox {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes messages over.
    pub(super) fn extend(&mut self, messages: &mut VecDeque<Outgoing>) {
        self.waiting.append(messages);
    }

    /// When the first message has been under way for too long.
    pub(super) fn stuck_at(&self, limit: Duration) -> Option<Instant> {
        self.since.map(|since| since + limit)
    }

    /// What was left of orders, when nothing more will leave.
    pub(super) fn cut(&mut self) -> Vec<Cut> {
        let begun = self.written > 0;
        let orders = self.waiting.drain(..).enumerate();
        let cut = orders
            .filter_map(|(place, message)| {
                message.order.map(|(order_id, kind)| Cut {
                    order_id,
                    kind,
                    begun: begun && place == 0,
                })
            })
            .collect();
        self.written = 0;
        self.since = None;
        cut
    }

    fn advance(&mut self, bytes: usize) -> Option<Outgoing> {
        self.written += bytes;
        if self
            .waiting
            .front()
            .is_some_and(|first| self.written >= first.frame.len())
        {
            self.written = 0;
            self.since = None;
            return self.waiting.pop_front();
        }
        None
    }
}

/// A connection with TWS. Its methods may be dropped at any point: no byte is lost or sent twice by that.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) incoming: Incoming,
    pub(super) outbox: Outbox,
    reader: OwnedReadHalf,
    writer: OwnedWriteHalf,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, permit: Option<Permit>) -> Self {
        let (reader, writer) = stream.into_split();
        Self {
            incoming: Incoming::default(),
            outbox: Outbox {
                permit,
                ..Outbox::default()
            },
            reader,
            writer,
        }
    }

    /// Waits for bytes; 0 when TWS has closed the connection.
    pub(super) async fn read(&mut self) -> io::Result<usize> {
        read(&mut self.reader, &mut self.incoming).await
    }

    /// Reads what is there already.
    pub(super) fn read_ready(&mut self) -> io::Result<usize> {
        self.incoming.make_room();
        match self.reader.try_read_buf(&mut self.incoming.bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            result => result,
        }
    }

    /// Writes some of the first message that waits; the message once the whole of it was handed to the kernel. For ever while none waits.
    pub(super) async fn write(&mut self) -> io::Result<Option<Outgoing>> {
        write(&mut self.writer, &mut self.outbox).await
    }

    /// What comes first: bytes were read (how many), or a message left.
    pub(super) async fn turn(&mut self, reading: bool, writing: bool) -> Turn {
        let Self {
            incoming,
            outbox,
            reader,
            writer,
        } = self;
        tokio::select! {
            read = read(reader, incoming), if reading => Turn::Read(read),
            written = write(writer, outbox), if writing => Turn::Written(written),
            else => std::future::pending().await,
        }
    }

    /// Tells TWS that nothing more comes, so that it reads all that was sent before it closes on its side.
    pub(super) async fn finish_writing(&mut self) {
        // Fails where the connection is gone already.
        let _ = self.writer.shutdown().await;
    }
}

/// What happened on the wire.
#[derive(Debug)]
pub(super) enum Turn {
    /// So many bytes came; 0 when TWS has closed the connection.
    Read(io::Result<usize>),
    /// A message left whole, or a part of one did.
    Written(io::Result<Option<Outgoing>>),
}

async fn read(reader: &mut OwnedReadHalf, incoming: &mut Incoming) -> io::Result<usize> {
    incoming.make_room();
    reader.read_buf(&mut incoming.bytes).await
}

async fn write(writer: &mut OwnedWriteHalf, outbox: &mut Outbox) -> io::Result<Option<Outgoing>> {
    let Some(first) = outbox.waiting.front() else {
        return std::future::pending().await;
    };
    if outbox.written == 0 && !first.may_leave() {
        // A defect. The connection ends, and nothing of the message has left.
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a preview that TWS would take for an order was not sent",
        ));
    }
    outbox.since.get_or_insert_with(Instant::now);
    let bytes = match &outbox.permit {
        None => writer.write(&first.frame[outbox.written..]).await?,
        Some(permit) => loop {
            // The look comes when the message can leave, not when it begins to wait for that.
            writer.writable().await?;
            if outbox.written == 0 && first.opens_risk() && !permit.is_given() {
                return Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "the lease of this gateway has run out: nothing that opens risk is sent",
                ));
            }
            match writer.try_write(&first.frame[outbox.written..]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => break written?,
            }
        },
    };
    if bytes == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(outbox.advance(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Action, Amount, OrderRequest, OrderTicket};

    /// Reads everything that is there.
    fn frames(incoming: &mut Incoming) -> Result<Vec<(i32, Vec<u8>)>, BadLength> {
        let mut frames = Vec::new();
        while let Some(frame) = incoming.frame()? {
            frames.push((frame.id, frame.body.to_vec()));
        }
        Ok(frames)
    }

    fn encoded(id: i32, body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len() + 4)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        bytes.extend(id.to_be_bytes());
        bytes.extend(body);
        bytes
    }

    proptest! {
        #[test]
        fn messages_are_read_whole_and_in_order_wherever_the_stream_is_cut(
            messages in prop::collection::vec((any::<i32>(), prop::collection::vec(any::<u8>(), 0..300)), 0..20),
            cuts in prop::collection::vec(1usize..50, 1..200),
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|(id, body)| encoded(*id, body)).collect();
            let mut incoming = Incoming::default();
            let mut read = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                rest = later;
                incoming.put(now);
                read.extend(frames(&mut incoming).unwrap());
            }
            prop_assert_eq!(read, messages);
            prop_assert_eq!(incoming.rest(), 0);
        }

        #[test]
        fn whatever_bytes_come_they_are_messages_or_an_end_and_cost_no_more_memory_than_they_are(
            bytes in prop::collection::vec(any::<u8>(), 0..2_000),
        ) {
            let mut incoming = Incoming::default();
            incoming.put(&bytes);
            let read = frames(&mut incoming);
            if let Err(BadLength(length)) = read {
                prop_assert!(!(4..=MESSAGE_BYTES_MAX).contains(&length));
            }
            prop_assert!(incoming.bytes.capacity() <= 2 * READ_BYTES);
        }
    }

    #[test]
    fn an_impossible_length_is_an_end_and_a_long_one_is_waited_for() {
        for length in [0u32, 1, 3, 0x0100_0000, u32::MAX] {
            let mut incoming = Incoming::default();
            incoming.put(&length.to_be_bytes());
            assert!(incoming.frame().is_err(), "{length}");
        }
        let mut incoming = Incoming::default();
        incoming.put(&0x00FF_FFFF_u32.to_be_bytes());
        assert_eq!(incoming.frame(), Ok(None));
    }

    #[test]
    fn of_what_is_cut_off_only_the_first_can_have_begun_to_leave() {
        let message = |order_id| Outgoing {
            frame: vec![0; 10],
            order: Some((order_id, SendKind::Place)),
        };
        let cut = |order_id, begun| Cut {
            order_id,
            kind: SendKind::Place,
            begun,
        };
        let mut outbox = Outbox::default();
        outbox.extend(&mut [message(1), message(2), message(3)].into());
        assert_eq!(
            outbox.advance(10).and_then(|left| left.order),
            message(1).order
        );
        assert_eq!(outbox.advance(9), None);
        assert_eq!(outbox.cut(), [cut(2, true), cut(3, false)]);
        outbox.extend(&mut [message(4)].into());
        assert_eq!(outbox.cut(), [cut(4, false)]);
    }

    #[tokio::test]
    async fn a_preview_that_does_not_say_so_never_leaves_not_a_byte_of_it() {
        let order = OrderRequest::market(Action::Buy, "AAPL", Amount::from(1));
        let ticket = OrderTicket {
            order_id: 5,
            terms: order.terms,
            parent_order_id: None,
            transmit: true,
            order_ref: String::new(),
            account: "DU1".to_owned(),
        };
        for (frame, leaves) in [
            (requests::place_order(&ticket).unwrap(), false),
            (requests::cancel_order(5), false),
            (requests::preview_order(&ticket).unwrap(), true),
        ] {
            let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
                .await
                .unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (mut peer, _) = listener.accept().await.unwrap();
            let mut wire = Wire::new(stream, None);
            let message = Outgoing {
                frame: frame.clone(),
                order: Some((5, SendKind::Preview)),
            };
            wire.outbox.extend(&mut [message].into());
            let written = wire.write().await;
            assert_eq!(written.is_ok(), leaves);
            let cut = wire.outbox.cut();
            assert!(cut.iter().all(|cut| !cut.begun), "{cut:?}");
            drop(wire);
            let mut read = Vec::new();
            peer.read_to_end(&mut read).await.unwrap();
            assert_eq!(read, if leaves { frame } else { Vec::new() });
        }
    }
}
