//! One session with TWS: from the moment that ids and accounts are known until the connection is over.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use ibapi::Client;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::connect::{self, Opened};
use super::finding::Finding;
use super::outlet::Outlet;
use super::reader::Reader;
use super::reconcile::{self, Query};
use super::{SendKind, Sent, SessionInfo, TwsCommand, TwsEvent, TwsSettings};
use super::{clock, convert, writer};

/// Findings that may wait for the reader.
const FINDINGS_MAX: usize = 16;
/// Reconciles that may wait for the one in flight.
pub(super) const RECONCILES_MAX: usize = 16;
/// How long closing the connection may take before its tasks are left to end by themselves.
const CLOSE_LIMIT: Duration = Duration::from_secs(1);

/// Why a session is over.
#[derive(Debug)]
pub(super) enum End {
    /// The connection is gone or of no use any more.
    Over(String),
    /// The gateway wants a new session.
    Restart,
    /// The adapter is to end.
    Ending,
    /// Nobody reads the events any more.
    NobodyReads,
}

impl End {
    /// Whether no other session follows.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Over(_) | Self::Restart => false,
            Self::Ending | Self::NobodyReads => true,
        }
    }

    fn reason(&self) -> &str {
        match self {
            Self::Over(reason) => reason,
            Self::Restart => "the gateway asked for a new session",
            Self::Ending | Self::NobodyReads => "the gateway is ending",
        }
    }
}

/// What the parts of a session share. They take turns on one thread, so cells do.
pub(super) struct Session<'a> {
    pub(super) number: u64,
    pub(super) client: &'a Client,
    pub(super) settings: &'a TwsSettings,
    pub(super) outlet: &'a Outlet,
    /// To the reader, which passes findings on after everything that TWS sent before them.
    pub(super) findings: mpsc::Sender<Finding>,
    /// The order whose message is on its way, and what can be said about it. Outlives the writer when the session ends meanwhile.
    pub(super) writing: RefCell<Option<(i32, SendKind, Sent)>>,
    /// The query of the reconcile in flight.
    pub(super) query: Cell<Option<Query>>,
    /// Ends the query in flight as failed.
    pub(super) query_failed: RefCell<Option<oneshot::Sender<String>>>,
    /// How often reports were lost.
    pub(super) losses: Cell<u64>,
    /// Time requests of the gateway that wait for the next one to TWS. The clock takes them at each request, or the session ends.
    pub(super) asked: RefCell<Vec<u64>>,
    /// Tells the clock about them.
    pub(super) ask: Notify,
    /// Until when `ibapi`'s rate limiter may hold messages back.
    held_until: Cell<Instant>,
}

impl Session<'_> {
    /// How long handing over one more message may take: the limit for TWS, after what `ibapi`'s limiter may hold it back (cancels pass it
    /// at once, what comes after them waits the longer).
    pub(super) fn write_limit(&self) -> Duration {
        // The limiter lets nine tenths of its rate pass evenly and the rest in bursts.
        let rate = self.settings.messages_per_second_net.max(1);
        let interval = Duration::from_secs(10) / rate.saturating_mul(9);
        let now = Instant::now();
        let held_until = self.held_until.get().max(now) + interval;
        self.held_until.set(held_until);
        self.settings.heartbeat_timeout + (held_until - now)
    }
}

/// Runs a session and tells all of it, from [`TwsEvent::SessionUp`] to [`TwsEvent::SessionDown`].
pub(super) async fn run(
    opened: Opened,
    number: u64,
    settings: &TwsSettings,
    outlet: &Outlet,
    commands: &mut mpsc::Receiver<TwsCommand>,
    ending: &CancellationToken,
) -> End {
    let Opened {
        client,
        updates,
        notices,
        startup,
        accounts,
        next_valid_id,
    } = opened;
    let peer = connect::peer(settings);
    let info = SessionInfo {
        session: number,
        accounts,
        next_valid_id,
        server_version: client.server_version(),
        tws_time: client.connection_time().map(crate::domain::Timestamp::from),
    };
    tracing::info!(
        %peer, session = number, server_version = info.server_version, next_valid_id, accounts = info.accounts.len(),
        "session with TWS is up"
    );
    let (findings, inbox) = mpsc::channel(FINDINGS_MAX);
    let (reconcile, reconciles) = mpsc::channel(RECONCILES_MAX);
    let session = Session {
        number,
        client: &client,
        settings,
        outlet,
        findings,
        writing: RefCell::new(None),
        query: Cell::new(None),
        query_failed: RefCell::new(None),
        losses: Cell::new(0),
        asked: RefCell::new(Vec::new()),
        ask: Notify::new(),
        held_until: Cell::new(Instant::now()),
    };
    let mut reader = Reader::new(&session, updates, notices, inbox);
    let end = async {
        if announce(&session, info, startup, &mut reader)
            .await
            .is_err()
        {
            return End::NobodyReads;
        }
        tokio::select! {
            biased;
            end = reader.run() => end,
            end = writer::run(&session, commands, &reconcile, ending) => end,
            end = clock::run(&session) => end,
            end = reconcile::run(&session, reconciles) => end,
            () = outlet.closed() => End::NobodyReads,
        }
    }
    .await;
    // What was read before the end counts, and the outcome of a write does.
    reader.finish().await;
    let reason = reader.explain(end.reason());
    if let Some((order_id, kind, outcome)) = session.writing.take() {
        let _ = outlet
            .send(TwsEvent::Sent {
                session: number,
                order_id,
                kind,
                outcome,
            })
            .await;
    }
    if end.is_final() {
        tracing::info!(%peer, session = number, %reason, "session with TWS is over");
    } else {
        tracing::warn!(%peer, session = number, %reason, "session with TWS is over");
    }
    drop(reader);
    // The connection is closed before the gateway hears of it: then nothing of the old session can still leave.
    if tokio::time::timeout(CLOSE_LIMIT, client.disconnect())
        .await
        .is_err()
    {
        tracing::warn!(%peer, session = number, "the connection did not close in time");
    }
    let down = TwsEvent::SessionDown {
        session: number,
        reason,
    };
    match outlet.send(down).await {
        Ok(()) => end,
        Err(_) => End::NobodyReads,
    }
}

/// Tells that the session is up, and what TWS sent while it was set up.
async fn announce(
    session: &Session<'_>,
    info: SessionInfo,
    startup: Vec<ibapi::StartupMessage>,
    reader: &mut Reader<'_>,
) -> Result<(), super::outlet::Closed> {
    session.outlet.send(TwsEvent::SessionUp(info)).await?;
    for message in startup {
        match convert::startup(message, session.client.time_zone()) {
            Ok(Some(report)) => {
                session
                    .outlet
                    .send(TwsEvent::Report {
                        session: session.number,
                        report,
                    })
                    .await?;
            }
            Ok(None) => {}
            Err(unreadable) => reader.lost(unreadable.to_string()),
        }
    }
    Ok(())
}
