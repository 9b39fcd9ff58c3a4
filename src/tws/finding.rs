//! What the parts of a session found out, on its way through the reader.

use tokio::sync::oneshot;

use super::outlet::Closed;
use super::session::Session;
use super::{Answers, TwsEvent};
use crate::domain::{OrderReport, Timestamp};

/// What a part of the session found out.
#[derive(Debug)]
pub(super) enum Finding {
    /// TWS answered a time request.
    Time {
        /// The gateway's requests it answers.
        tokens: Vec<u64>,
        /// TWS's clock.
        tws_time: Timestamp,
    },
    /// Rows of a query's answer.
    Rows(Vec<OrderReport>),
    /// Somebody waits until all that TWS sent before was passed on.
    Barrier(oneshot::Sender<()>),
    /// A reconcile ended.
    Reconciled {
        /// The command's token.
        token: u64,
        /// What was answered.
        answers: Answers,
    },
}

impl Finding {
    /// Tells the gateway.
    pub(super) async fn pass_on(self, session: &Session<'_>) -> Result<(), Closed> {
        let Session { number, outlet, .. } = *session;
        match self {
            Self::Time { tokens, tws_time } => {
                for token in tokens {
                    outlet
                        .send(TwsEvent::BarrierAnswered {
                            session: number,
                            token,
                            next_valid_id: None,
                        })
                        .await?;
                }
                outlet
                    .send(TwsEvent::Heartbeat {
                        session: number,
                        tws_time,
                        next_in: session.settings.heartbeat_interval,
                    })
                    .await
            }
            Self::Rows(rows) => {
                for report in rows {
                    outlet
                        .send(TwsEvent::Report {
                            session: number,
                            report,
                        })
                        .await?;
                }
                Ok(())
            }
            Self::Barrier(passed) => {
                let _ = passed.send(());
                Ok(())
            }
            Self::Reconciled { token, answers } => {
                outlet
                    .send(TwsEvent::Reconciled {
                        session: number,
                        token,
                        answers,
                    })
                    .await
            }
        }
    }
}
