//! Carries out commands, one after the other.

use std::future::Future;

use ibapi::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::outlet::Closed;
use super::place;
use super::reconcile::Request;
use super::session::{End, Session};
use super::supervisor::answer_unsent;
use super::{Answers, SendKind, Sent, TwsCommand, TwsEvent};
use crate::domain::OrderTicket;

/// Carries out commands until the session is to end. A write that has begun is finished first, within its limit.
pub(super) async fn run(
    session: &Session<'_>,
    commands: &mut mpsc::Receiver<TwsCommand>,
    reconcile: &mpsc::Sender<Request>,
    ending: &CancellationToken,
) -> End {
    loop {
        let command = tokio::select! {
            biased;
            () = ending.cancelled() => return End::Ending,
            command = commands.recv() => match command {
                Some(command) => command,
                None => return End::Ending,
            },
        };
        match carry_out(session, command, reconcile).await {
            Ok(None) => {}
            Ok(Some(end)) => return end,
            Err(Closed) => return End::NobodyReads,
        }
    }
}

async fn carry_out(
    session: &Session<'_>,
    command: TwsCommand,
    reconcile: &mpsc::Sender<Request>,
) -> Result<Option<End>, Closed> {
    if command.session() != session.number {
        answer_unsent(command, session.outlet).await?;
        return Ok(None);
    }
    match command {
        TwsCommand::Place { session: _, ticket } => place_order(session, &ticket).await,
        TwsCommand::Cancel {
            session: _,
            order_id,
        } => cancel_order(session, order_id).await,
        TwsCommand::Barrier { session: _, token } => {
            // All that was to be sent before is written by now, and the clock's next request comes after it.
            session.asked.borrow_mut().push(token);
            session.ask.notify_one();
            Ok(None)
        }
        TwsCommand::Reconcile {
            session: number,
            token,
            days_back,
        } => {
            if reconcile.try_send(Request { token, days_back }).is_err() {
                let answers = Answers::none("too many reconciles are waiting");
                session
                    .outlet
                    .send(TwsEvent::Reconciled {
                        session: number,
                        token,
                        answers,
                    })
                    .await?;
            }
            Ok(None)
        }
        TwsCommand::Restart { session: _ } => Ok(Some(End::Restart)),
    }
}

async fn place_order(session: &Session<'_>, ticket: &OrderTicket) -> Result<Option<End>, Closed> {
    let (contract, order) = (place::contract(ticket), place::order(ticket));
    let write = session
        .client
        .submit_order(ticket.order_id, &contract, &order);
    send(session, ticket.order_id, SendKind::Place, write).await
}

async fn cancel_order(session: &Session<'_>, order_id: i32) -> Result<Option<End>, Closed> {
    // No time of a manual cancel: with one, TWS refuses. What TWS answers comes through the update stream.
    let write = async { session.client.cancel_order(order_id, "").await.map(drop) };
    send(session, order_id, SendKind::Cancel, write).await
}

/// Hands one message over and tells how that went. Ends the session when TWS does not take it.
async fn send(
    session: &Session<'_>,
    order_id: i32,
    kind: SendKind,
    write: impl Future<Output = Result<(), Error>>,
) -> Result<Option<End>, Closed> {
    let note = |outcome| {
        session.writing.replace(Some((order_id, kind, outcome)));
    };
    let mut end = None;
    if order_id <= 0 {
        note(Sent::NotSent {
            reason: format!("{order_id} is no order id"),
        });
    } else if !session.client.is_connected() {
        note(Sent::NotSent {
            reason: "the connection to TWS was lost".to_owned(),
        });
    } else {
        note(Sent::Unknown {
            reason: "the session ended while it was being sent".to_owned(),
        });
        let limit = session.write_limit();
        match tokio::time::timeout(limit, write).await {
            Ok(result) => note(outcome(result)),
            Err(_) => {
                let reason = format!("TWS does not read: a message did not leave within {limit:?}");
                note(Sent::Unknown {
                    reason: reason.clone(),
                });
                end = Some(End::Over(reason));
            }
        }
    }
    // Room first: should the session end meanwhile, it tells the outcome itself.
    let permit = session.outlet.reserve().await?;
    if let Some((order_id, kind, outcome)) = session.writing.take() {
        tracing::debug!(session = session.number, order_id, ?kind, ?outcome, "sent");
        permit.send(TwsEvent::Sent {
            session: session.number,
            order_id,
            kind,
            outcome,
        });
    }
    Ok(end)
}

/// What is known after a write. `ibapi` says `Ok` once the whole message was handed to the kernel.
fn outcome(result: Result<(), Error>) -> Sent {
    let Err(error) = result else {
        return Sent::Written;
    };
    let reason = error.to_string();
    match error {
        // From the socket, or from ibapi's gate before it; which of the two cannot be told.
        Error::Io(_) | Error::ConnectionReset | Error::Shutdown | Error::Timeout => {
            Sent::Unknown { reason }
        }
        // From ibapi's checks and its encoder, or because it had already given the connection up.
        _ => Sent::NotSent { reason },
    }
}
