//! A driver that a test plays itself, with the other ends of its channels.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::engine::clocks::Clock;
use crate::engine::core::{Core, RecoveredState, Settings};
use crate::engine::driver::{Call, Driver, Ends};
use crate::engine::link::LinkStatus;
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::Opened;
use crate::tws::{TwsCommand, TwsEvent};

/// The other ends of a driver's channels.
#[derive(Debug)]
pub(in crate::engine) struct OtherEnds {
    pub(in crate::engine) calls: mpsc::Sender<Call>,
    pub(in crate::engine) events: mpsc::Sender<TwsEvent>,
    pub(in crate::engine) commands: mpsc::Receiver<TwsCommand>,
    pub(in crate::engine) _link: watch::Receiver<LinkStatus>,
}

/// A driver over an open store.
pub(in crate::engine) fn driver(
    opened: Opened,
    feed: Feed,
    settings: Settings,
    clock: Clock,
) -> (Driver, OtherEnds) {
    let Opened {
        store,
        live,
        fills,
        head_sequence: _, // the feed has begun there
        next_sequence,
        highest_order_id,
        head_instruction,
        accounts,
        history,
        halts,
        audited,
    } = opened;
    let (calls, inbox) = mpsc::channel(1_000);
    let (events, told) = mpsc::channel(100_000);
    let (commands, asked) = mpsc::channel(1_000);
    let (link, link_seen) = watch::channel(LinkStatus::default());
    let (shown_accounts, _) = watch::channel(Arc::default());
    let found = RecoveredState::new(
        live,
        fills,
        next_sequence,
        highest_order_id,
        head_instruction,
        accounts,
    )
    .with_history(history, clock.now().wall_time)
    .with_halts(halts, None)
    .with_audited(audited);
    let ends = Ends {
        calls: inbox,
        events: told,
        commands,
        link,
        accounts: shown_accounts,
    };
    let core = Core::new(settings, found);
    let driver = Driver::new(clock, core, store, feed, Arc::new(Stats::default()), ends);
    let foreign_perm_ids = OtherEnds {
        calls,
        events,
        commands: asked,
        _link: link_seen,
    };
    (driver, foreign_perm_ids)
}
