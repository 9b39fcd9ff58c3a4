//! `serve` with a journal: the gateway leads, or it follows and may lead later.

use std::time::Duration;

use tracing::info;

use super::serve::{Doors, Failure, Listeners, ServeArgs, failed, never};
use super::signals::Signals;
use crate::config::Config;
use crate::gateway::{Gateway, HeldLease, SharedJournal};
use crate::telemetry;

/// Whoever watches a gateway that begins to lead is told to resume; nobody waits longer than this for calls under way.
const TAKEOVER_GRACE: Duration = Duration::from_millis(500);
/// Between two looks whether there is something to follow.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// What a gateway with a journal is served with.
pub(super) struct Shared<'a> {
    pub(super) args: &'a ServeArgs,
    pub(super) config: &'a Config,
    pub(super) listeners: &'a Listeners,
    pub(super) telemetry: &'a telemetry::Guard,
}

impl Shared<'_> {
    /// Serves until a signal, or until it cannot go on.
    pub(super) async fn run(&self, signals: &mut Signals) -> Result<(), Failure> {
        let address = self.config.grpc_listen.to_string();
        let journal = tokio::select! {
            journal = SharedJournal::open(self.config, &address) => journal.map_err(failed)?,
            signal = signals.end() => {
                info!("{signal} before the journal was open");
                return Ok(());
            }
        };
        let follows = self.args.standby || self.args.replica;
        let held = if follows {
            self.follow(&journal, signals).await?
        } else {
            tokio::select! {
                held = journal.take_now() => Some(held.map_err(failed)?),
                signal = signals.end() => {
                    info!("{signal} before this gateway led");
                    None
                }
            }
        };
        let Some(held) = held else { return Ok(()) };
        let doors = self.doors().await?;
        let address = Some(self.config.grpc_listen);
        let open = async || Gateway::lead(self.config, &journal, held, address).await;
        doors
            .open(self.config, signals, open, never())
            .await
            .map(drop)
    }

    /// Follows until the lease was taken. `None`: a signal came first.
    async fn follow(
        &self,
        journal: &SharedJournal,
        signals: &mut Signals,
    ) -> Result<Option<HeldLease>, Failure> {
        let mut until = Box::pin(async {
            if self.args.replica {
                match journal.watch_leader().await {}
            }
            journal.take().await
        });
        loop {
            tokio::select! {
                held = &mut until => return Ok(Some(held.map_err(failed)?)),
                signal = signals.end() => {
                    info!("{signal} before there was anything to follow");
                    return Ok(None);
                }
                () = tokio::time::sleep(LOOK_EVERY) => {
                    if journal.has_records().await.is_ok_and(|has| has) {
                        break;
                    }
                }
            }
        }
        let mut doors = self.doors().await?;
        doors.grace = TAKEOVER_GRACE.min(doors.grace);
        let address = Some(self.config.grpc_listen);
        let open = async || Gateway::follow(self.config, journal, address).await;
        doors.open(self.config, signals, open, until).await
    }

    async fn doors(&self) -> Result<Doors<'_>, Failure> {
        Doors::prepare(self.config, self.listeners, self.telemetry).await
    }
}
