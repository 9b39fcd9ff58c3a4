//! Starting and ending the adapter.

use std::thread;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::event_sender::EventSender;
use super::supervisor;
use super::{TwsCommand, TwsEvent, TwsSettings};

/// Commands that may wait for the adapter. It takes few while its events are not read, so whoever reads the events sends commands without waiting
/// (`try_send`), or reads events meanwhile.
pub const COMMANDS_MAX: usize = 4_096;

/// The running adapter. It ends when this is dropped, or when nobody reads its events any more.
#[derive(Debug)]
pub struct TwsHandle {
    /// Where commands go; at most [`COMMANDS_MAX`] wait.
    pub commands: mpsc::Sender<TwsCommand>,
    ended: oneshot::Receiver<()>,
    ending: DropGuard,
}

impl TwsHandle {
    /// Ends the adapter: finishes the write in flight, closes the session and its tasks. False when that took longer than `limit`; then it still ends, later.
    pub async fn shutdown(self, limit: Duration) -> bool {
        let Self {
            commands: _,
            ended,
            ending,
        } = self;
        drop(ending);
        // An error means that the thread is gone, which is what was asked for.
        tokio::time::timeout(limit, ended).await.is_ok()
    }
}

/// Starts the adapter: it connects, keeps connected until the handle is dropped, and tells everything in `events`, which closes when it has ended.
/// It runs on a thread of its own and may be started inside or outside a runtime. While the event channel is full TWS is not read, so that nothing is
/// lost; that it is not heard meanwhile is not taken for its silence.
pub fn start(settings: TwsSettings, events: mpsc::Sender<TwsEvent>) -> TwsHandle {
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let (alive, ended) = oneshot::channel();
    let ending = CancellationToken::new();
    let event_sender = EventSender::new(events, ending.clone());
    let supervised = ending.clone();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let run = move || {
        let _alive: oneshot::Sender<()> = alive;
        tracing::dispatcher::with_default(&dispatch, || {
            let runtime = match tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
            {
                Ok(runtime) => runtime,
                Err(error) => {
                    tracing::error!(%error, "cannot start the TWS adapter");
                    return;
                }
            };
            runtime.block_on(supervisor::run(settings, event_sender, inbox, supervised));
            // A name lookup that hangs must not hold up the end.
            runtime.shutdown_background();
        });
    };
    if let Err(error) = thread::Builder::new().name("tws".to_owned()).spawn(run) {
        tracing::error!(%error, "cannot start the TWS adapter");
    }
    TwsHandle {
        commands,
        ended,
        ending: ending.drop_guard(),
    }
}
