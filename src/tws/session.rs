//! One session with TWS: from the moment that ids and accounts are known until the connection is over.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::conversation::{Conversation, End};
use super::event_sender::{Closed, EventSender, TrySend};
use super::handshake::Opened;
use super::supervisor::answer_unsent;
use super::wire::{Turn, Wire};
use super::{TwsCommand, TwsEvent, TwsSettings};

/// Events that may wait for room before commands have to wait as well.
const EVENTS_HELD_MAX: usize = 256;
/// How long TWS is heard after it took no more, for what it may have said about that.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);
/// How long TWS may take to close on its side, so that it reads all that was sent.
const CLOSE_LIMIT: Duration = Duration::from_millis(250);

/// The parts of a session.
struct Session<'a> {
    number: u64,
    settings: &'a TwsSettings,
    event_sender: &'a EventSender,
    wire: Wire,
    conversation: Conversation,
    /// TWS takes nothing more: why, and until when it is still heard.
    broken: Option<(String, Instant)>,
}

/// Runs a session and tells all of it, from [`TwsEvent::SessionUp`] to [`TwsEvent::SessionDown`].
pub(super) async fn run(
    opened: Opened,
    number: u64,
    settings: &TwsSettings,
    event_sender: &EventSender,
    commands: &mut mpsc::Receiver<TwsCommand>,
    ending: &CancellationToken,
) -> End {
    let Opened {
        wire,
        conversation,
        peer,
    } = opened;
    let mut session = Session {
        number,
        settings,
        event_sender,
        wire,
        conversation,
        broken: None,
    };
    let end = session.talk(commands, ending).await;
    if end.is_final() {
        tracing::info!(%peer, session = number, reason = end.reason(), "session with TWS is over");
    } else {
        tracing::warn!(%peer, session = number, reason = end.reason(), "session with TWS is over");
    }
    session.close(end).await
}

impl Session<'_> {
    /// Talks with TWS until the session is to end.
    async fn talk(
        &mut self,
        commands: &mut mpsc::Receiver<TwsCommand>,
        ending: &CancellationToken,
    ) -> End {
        // Whether something had come due before the last messages were read.
        let mut due = false;
        let mut over = None;
        loop {
            if let Err(end) = self.hear() {
                return end;
            }
            let held = !self.conversation.events.is_empty();
            if !held {
                // All that TWS said before its end has been heard.
                if let Some(reason) = over {
                    return End::Over(reason);
                }
                if std::mem::take(&mut due) {
                    if let Err(end) = self.conversation.due(Instant::now()) {
                        return end;
                    }
                    continue;
                }
            }
            self.wire.outbox.extend(&mut self.conversation.messages);
            let writing = !self.wire.outbox.is_empty() && self.broken.is_none();
            let reading = !held && over.is_none();
            let listening = !writing
                && self.broken.is_none()
                && over.is_none()
                && self.conversation.events.len() < EVENTS_HELD_MAX;
            let stuck_at = self.stuck_at().filter(|_| writing || self.broken.is_some());
            // Whether a stream of messages goes on for ever or not: each of these has its turn.
            tokio::select! {
                () = ending.cancelled() => return End::Ending,
                () = self.event_sender.closed() => return End::NobodyReads,
                permit = self.event_sender.reserve(), if held => match permit {
                    Ok(permit) => {
                        if let Some(event) = self.conversation.events.pop_front() {
                            permit.send(event);
                        }
                        self.conversation.was_deaf(Instant::now());
                    }
                    Err(Closed) => return End::NobodyReads,
                },
                turn = self.wire.turn(reading, writing) => match turn {
                    Turn::Read(Ok(0)) => over = Some(self.why_over(None)),
                    Turn::Read(Ok(_)) => {}
                    Turn::Read(Err(error)) => over = Some(self.why_over(Some(&error))),
                    Turn::Written(Ok(Some(message))) => self.conversation.written(message),
                    Turn::Written(Ok(None)) => {}
                    Turn::Written(Err(error)) => {
                        let reason = self.why_over(Some(&error));
                        self.broken = Some((reason, Instant::now() + LAST_WORDS_LIMIT));
                    }
                },
                command = commands.recv(), if listening => {
                    let Some(command) = command else { return End::Ending };
                    if let Err(end) = self.carry_out(command).await {
                        return end;
                    }
                }
                () = sleep_until(self.conversation.next_due()), if !held => {
                    // What has arrived by now was in time.
                    let _ = self.wire.read_ready();
                    due = true;
                }
                () = wait_until(stuck_at) => return End::Over(self.why_stuck()),
            }
        }
    }

    /// Hears every message that has come, as long as the events it makes find room.
    fn hear(&mut self) -> Result<(), End> {
        loop {
            while let Some(event) = self.conversation.events.pop_front() {
                match self.event_sender.try_send(event) {
                    TrySend::Sent => {}
                    TrySend::Full(event) => {
                        self.conversation.events.push_front(event);
                        return Ok(());
                    }
                    TrySend::Closed => return Err(End::NobodyReads),
                }
            }
            match self.wire.incoming.frame() {
                Ok(Some(frame)) => self.conversation.hear(frame, Instant::now())?,
                Ok(None) => return Ok(()),
                Err(bad) => return Err(End::Over(bad.to_string())),
            }
        }
    }

    async fn carry_out(&mut self, command: TwsCommand) -> Result<(), End> {
        if command.session() == self.number {
            return self.conversation.command(command, Instant::now());
        }
        answer_unsent(command, self.event_sender)
            .await
            .map_err(|Closed| End::NobodyReads)
    }

    fn stuck_at(&self) -> Option<Instant> {
        match &self.broken {
            Some((_, until)) => Some(*until),
            None => self.wire.outbox.stuck_at(self.settings.heartbeat_timeout),
        }
    }

    fn why_stuck(&self) -> String {
        match &self.broken {
            Some((reason, _)) => reason.clone(),
            None => format!(
                "TWS does not read: a message did not leave within {:?}",
                self.settings.heartbeat_timeout
            ),
        }
    }

    /// Why the connection is over.
    fn why_over(&self, error: Option<&io::Error>) -> String {
        let lost = "the connection to TWS was lost";
        match error {
            Some(error) => format!("{lost}: {error}"),
            None if self.wire.incoming.rest() > 0 => format!("{lost} in the middle of a message"),
            None => lost.to_owned(),
        }
    }

    /// Closes the connection, and only then tells that the session is over: nothing of it can still leave.
    async fn close(mut self, end: End) -> End {
        match end {
            End::Ending | End::Restart | End::NobodyReads => self.part().await,
            End::Over(_) => {}
        }
        for cut in self.wire.outbox.cut() {
            let reason = match &end {
                End::Over(reason) => reason.as_str(),
                End::Restart | End::Ending | End::NobodyReads => {
                    "the session ended before it was sent"
                }
            };
            self.conversation.cut(cut, reason);
        }
        let reason = self.conversation.end(&end);
        let Self {
            number,
            event_sender,
            wire,
            mut conversation,
            ..
        } = self;
        drop(wire);
        conversation.events.push_back(TwsEvent::SessionDown {
            session: number,
            reason,
        });
        while let Some(event) = conversation.events.pop_front() {
            if event_sender.send(event).await.is_err() {
                return End::NobodyReads;
            }
        }
        end
    }

    /// Parts from a TWS that is well: a message that is under way is finished first, and TWS is heard until it has read everything and closes.
    async fn part(&mut self) {
        let until = self.wire.outbox.stuck_at(self.settings.heartbeat_timeout);
        if let (Some(until), None) = (until, &self.broken) {
            let finish = async {
                while !self.wire.outbox.is_empty() {
                    match self.wire.write().await {
                        Ok(Some(message)) => self.conversation.written(message),
                        Ok(None) => {}
                        Err(_) => return,
                    }
                }
            };
            tokio::select! {
                () = finish => {}
                () = sleep_until(until) => {}
            }
        }
        self.wire.finish_writing().await;
        let heard = async {
            loop {
                if self.hear().is_err() || !self.conversation.events.is_empty() {
                    return;
                }
                match self.wire.read().await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        // A TWS that does not close in time is closed all the same.
        let _ = timeout(CLOSE_LIMIT, heard).await;
    }
}

async fn wait_until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
