//! Keeps a session with TWS, for ever: connect, run the session, wait, again.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect;
use super::event_sender::{Closed, EventSender};
use super::session;
use super::{Answers, ConnectFailure, SendKind, Sent, TwsCommand, TwsEvent, TwsSettings};

/// Runs until `ending` is cancelled, nobody can send commands any more or nobody reads events.
pub(super) async fn run(
    settings: TwsSettings,
    event_sender: EventSender,
    mut commands: mpsc::Receiver<TwsCommand>,
    ending: CancellationToken,
) {
    let peer = connect::peer(&settings);
    let mut delay = settings.reconnect_delay_min;
    let mut sessions = 0;
    let mut last_failure = None;
    let mut last_address = None;
    loop {
        let opened = tokio::select! {
            biased;
            () = ending.cancelled() => break,
            () = refuse(&mut commands, &event_sender) => break,
            opened = connect::open(&settings, sessions + 1, &mut last_address) => opened,
        };
        match opened {
            Ok(opened) => {
                sessions += 1;
                last_failure = None;
                let begun = Instant::now();
                let ended = session::run(
                    opened,
                    sessions,
                    &settings,
                    &event_sender,
                    &mut commands,
                    &ending,
                )
                .await;
                if ended.is_final() {
                    break;
                }
                if begun.elapsed() > settings.reconnect_delay_max {
                    delay = settings.reconnect_delay_min;
                }
            }
            Err(failure) => {
                if last_failure.as_ref() == Some(&failure) {
                    tracing::debug!(%peer, ?delay, "still no session with TWS");
                } else {
                    log_failure(&peer, &failure);
                }
                last_failure = Some(failure.clone());
                if event_sender
                    .send(TwsEvent::ConnectFailed(failure))
                    .await
                    .is_err()
                {
                    break;
                }
            }
        }
        tokio::select! {
            biased;
            () = ending.cancelled() => break,
            () = refuse(&mut commands, &event_sender) => break,
            () = tokio::time::sleep(delay) => {}
        }
        delay = next_delay(delay, &settings);
    }
    // What nobody will carry out any more is answered as far as there is room.
    commands.close();
    while let Ok(command) = commands.try_recv() {
        if answer_unsent(command, &event_sender).await.is_err() {
            break;
        }
    }
    tracing::debug!(%peer, "the TWS adapter ended");
}

fn next_delay(delay: Duration, settings: &TwsSettings) -> Duration {
    (delay * 2).min(settings.reconnect_delay_max)
}

fn log_failure(peer: &str, failure: &ConnectFailure) {
    match failure {
        ConnectFailure::Unreachable { detail } => {
            tracing::warn!(%peer, %detail, "could not connect to TWS; trying again until it answers");
        }
        ConnectFailure::Refused { code, detail } => {
            tracing::warn!(%peer, ?code, %detail, "TWS refused the session; trying again");
        }
    }
}

/// Answers commands while there is no session; ends when nobody sends them or reads the answers any more.
async fn refuse(commands: &mut mpsc::Receiver<TwsCommand>, event_sender: &EventSender) {
    loop {
        let command = tokio::select! {
            command = commands.recv() => command,
            () = event_sender.closed() => None,
        };
        let Some(command) = command else { return };
        if answer_unsent(command, event_sender).await.is_err() {
            return;
        }
    }
}

/// Says that a command for a session that is over was not carried out.
pub(super) async fn answer_unsent(
    command: TwsCommand,
    event_sender: &EventSender,
) -> Result<(), Closed> {
    let reason = "the session with TWS is over".to_owned();
    let not_sent = |session, order_id, kind| TwsEvent::Sent {
        session,
        order_id,
        kind,
        outcome: Sent::NotSent {
            reason: reason.clone(),
        },
    };
    let answer = match command {
        TwsCommand::Place { session, ticket } => {
            not_sent(session, ticket.order_id, SendKind::Place)
        }
        TwsCommand::Preview { session, ticket } => {
            not_sent(session, ticket.order_id, SendKind::Preview)
        }
        TwsCommand::Cancel { session, order_id } => not_sent(session, order_id, SendKind::Cancel),
        TwsCommand::Reconcile {
            session,
            token,
            days_back: _,
        } => TwsEvent::Reconciled {
            session,
            token,
            answers: Answers::none(&reason),
        },
        // None of them has an answer that would be true.
        TwsCommand::Barrier { .. } | TwsCommand::Account { .. } | TwsCommand::Restart { .. } => {
            return Ok(());
        }
    };
    event_sender.send(answer).await
}
