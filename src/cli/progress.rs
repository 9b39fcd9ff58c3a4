//! A line on stderr that says how a long wait goes, only where a person looks at it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::domain::{LinkState, OrderState, WatchEvent, WatchUpdate};

/// Waits for an operation that shows nothing of itself, and says every second that it still does.
pub(super) async fn while_waiting<T>(operation: impl Future<Output = T>) -> T {
    /// A wait shorter than this is none.
    const BEAT: Duration = Duration::from_secs(1);
    let mut progress = Progress::stderr(Instant::now());
    let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    let mut operation = std::pin::pin!(operation);
    loop {
        tokio::select! {
            out = &mut operation => return out,
            _ = beats.tick() => progress.draw(Instant::now()),
        }
    }
}

/// The line, drawn over and over in place. Silent where stderr is no terminal.
pub(super) struct Progress<W: Write> {
    terminal: Option<W>,
    started: Instant,
    order: Option<OrderState>,
    link: Option<&'static str>,
    drawn: bool,
}

impl Progress<io::Stderr> {
    /// On the process's stderr.
    pub(super) fn stderr(now: Instant) -> Self {
        let stderr = io::stderr();
        Self::new(stderr.is_terminal().then_some(stderr), now)
    }
}

impl<W: Write> Progress<W> {
    fn new(terminal: Option<W>, started: Instant) -> Self {
        Self {
            terminal,
            started,
            order: None,
            link: None,
            drawn: false,
        }
    }

    /// Takes in an update and redraws the line.
    pub(super) fn update(&mut self, update: &WatchUpdate, now: Instant) {
        if self.terminal.is_none() {
            return;
        }
        match &update.event {
            WatchEvent::Order(order) => self.order = Some(order.clone()),
            WatchEvent::Link(change) => {
                self.link = match change.state {
                    LinkState::Lost => Some("link to TWS lost"),
                    LinkState::Restored => Some("link to TWS restored, catching up"),
                    LinkState::IbLost => Some("TWS lost its link to IB"),
                    LinkState::Halted => Some("new orders are halted"),
                    LinkState::Resumed => Some("a halt was lifted"),
                    LinkState::Reconciled | LinkState::IbRestored => None,
                };
            }
            WatchEvent::Heartbeat { .. } | WatchEvent::Fill(_) | WatchEvent::SnapshotEnd {} => {}
        }
        self.draw(now);
    }

    fn draw(&mut self, now: Instant) {
        let elapsed = elapsed(now.saturating_duration_since(self.started));
        let state = match &self.order {
            Some(order) => format!(
                "order {} {} {}/{} {}",
                order.order_id,
                order.status,
                order.filled,
                order.terms.quantity,
                order.terms.symbol()
            ),
            None => "waiting for TWS".to_owned(),
        };
        let link = self
            .link
            .map(|text| format!(" [{text}]"))
            .unwrap_or_default();
        // A terminal that went away takes nothing from the operation.
        if let Some(terminal) = &mut self.terminal {
            let _ = write!(terminal, "\r\x1b[2K{state} {elapsed}{link}");
            let _ = terminal.flush();
            self.drawn = true;
        }
    }

    /// Wipes the line.
    pub(super) fn clear(&mut self) {
        if let (Some(terminal), true) = (&mut self.terminal, self.drawn) {
            let _ = write!(terminal, "\r\x1b[2K");
            let _ = terminal.flush();
            self.drawn = false;
        }
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn elapsed(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes:02}m{seconds:02}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::LinkChange;

    fn link(state: LinkState) -> WatchUpdate {
        WatchUpdate {
            sequence: 1,
            event: WatchEvent::Link(LinkChange {
                state,
                peer: "127.0.0.1:7497".to_owned(),
                text: String::new(),
            }),
        }
    }

    #[test]
    fn a_person_sees_the_link_go_and_come_back_and_the_time_pass() {
        let start = Instant::now();
        let mut drawn = Vec::new();
        let mut progress = Progress::new(Some(&mut drawn), start);
        progress.update(&link(LinkState::Lost), start + Duration::from_secs(65));
        progress.update(
            &link(LinkState::Reconciled),
            start + Duration::from_secs(3_725),
        );
        drop(progress);
        assert_eq!(
            String::from_utf8(drawn).unwrap(),
            "\r\x1b[2Kwaiting for TWS 1m05s [link to TWS lost]\r\x1b[2Kwaiting for TWS 1h02m05s\r\x1b[2K"
        );
    }

    #[test]
    fn a_program_sees_nothing() {
        let now = Instant::now();
        let mut progress = Progress::<Vec<u8>>::new(None, now);
        progress.update(&link(LinkState::Lost), now);
        assert!(!progress.drawn);
    }
}
