//! Opening a gateway: store, feed, adapter, engine.

use std::net::SocketAddr;
use std::sync::Arc;

use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::followed::FollowedLimits;
use super::halt_file::HaltFile;
use super::limits::limits;
use super::refusal::RefusalGate;
use super::streams::Streams;
use super::{Gateway, Shared};
use crate::config::Config;
use crate::domain::limits::Limits as RiskLimits;
use crate::domain::{Caller, Timestamp};
use crate::engine::{Engine, JournalLink, Settings, TwsLink};
use crate::error::Error;
use crate::feed::{Feed, FeedLimits};
use crate::stats::Stats;
use crate::store::{OpenStore, Store, StoreSettings};
use crate::tws::{self, BARRIER_TIMEOUT, TIME_REQUEST_SPACING, TwsSettings};

/// Steps of a reconcile, each with its own limit in the adapter; one more for the way there and back.
const RECONCILE_STEPS: u32 = 4;

/// The adapter needs room for so many events.
pub(super) const EVENTS_MIN: usize = 2;

impl Gateway {
    /// Opens the store, takes its lock, and starts to connect to TWS. Does not wait for TWS.
    ///
    /// # Errors
    /// `STORE` or `STORE_MISMATCH`: the store cannot be opened, is in use, or belongs to another client id.
    pub async fn open(config: &Config) -> Result<Self, Error> {
        Self::open_at(config, None).await
    }

    /// The same for a gateway that will be served at an address. Whoever finds the store taken is told to call it there.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub async fn open_at(config: &Config, address: Option<SocketAddr>) -> Result<Self, Error> {
        let opened = Store::open(StoreSettings {
            path: config.order_db_path.clone(),
            client_id: config.ib_client_id,
            address: address.map(|address| address.to_string()),
        })
        .await?;
        let (sender, events) = mpsc::channel(config.bounds.tws_events_max.max(EVENTS_MIN));
        let adapter = tws::start(tws_settings(config), sender);
        let link = TwsLink {
            events,
            commands: adapter.commands.clone(),
            adapter: Some(adapter),
        };
        Ok(Self::over(config, opened, link))
    }

    /// The same over an open store and any other end of the adapter's channels.
    pub(crate) fn over(config: &Config, opened: OpenStore, tws: TwsLink) -> Self {
        Self::leading(config, opened, None, tws)
    }

    /// The same for a gateway whose commits go to a journal.
    pub(super) fn leading(
        config: &Config,
        opened: OpenStore,
        journal: Option<JournalLink>,
        tws: TwsLink,
    ) -> Self {
        let halt_file = HaltFile::new(config);
        let halted = halt_file.why();
        let reader = opened.store.reader();
        let stats = Arc::new(Stats::default());
        let feed = Feed::counted(
            reader.clone(),
            opened.recovered.head_sequence,
            feed_limits(config),
            Arc::clone(&stats),
        );
        // A file that went bad since the configuration was read keeps everything out that it could have limited.
        let followed = FollowedLimits::new(config);
        let engine = Engine::start(
            Settings {
                began: OffsetDateTime::now_utc().into(),
                halted_by_file: halted.clone(),
                ..settings(config, followed.now())
            },
            opened,
            journal,
            feed.clone(),
            Arc::clone(&stats),
            tws,
            config.bounds.queued_operations_max,
        );
        followed.follow(&engine, Arc::clone(&stats));
        halt_file.follow(&engine, halted);
        Self {
            shared: Arc::new(Shared {
                followed,
                limits: limits(config),
                client_id: config.ib_client_id,
                terminal_linger: config.timers.terminal_linger,
                engine,
                reader,
                feed,
                stats,
                refusals: RefusalGate::default(),
                streams: Streams::new(config.cancel_on_disconnect.clone()),
            }),
            caller: Arc::new(Caller::LOCAL),
        }
    }
}

/// The feed's bounds.
pub(crate) fn feed_limits(config: &Config) -> FeedLimits {
    FeedLimits {
        watchers_max: config.bounds.watchers_max,
        lag_events_max: config.bounds.watcher_lag_events_max,
    }
}

fn settings(config: &Config, risk_limits: Arc<RiskLimits>) -> Settings {
    Settings {
        client_id: config.ib_client_id,
        limits: limits(config),
        risk_limits,
        restart_window: config.restart_window(),
        limits_zone: config.limits_zone(),
        allow_live: config.ib_allow_live,
        peer: format!("{}:{}", config.ib_host, config.ib_port),
        messages_per_second: config.ib_max_messages_per_second,
        acknowledgement_timeout: config.timers.acknowledgement_timeout,
        terminal_linger: config.timers.terminal_linger,
        reconcile_timeout: config.timers.reconcile_step_timeout * RECONCILE_STEPS,
        parked_max: config.bounds.queued_operations_max,
        previews_per_minute: config.previews_per_minute,
        waiters_per_order_max: config.bounds.waiters_per_order_max,
        began: Timestamp::default(),
        halted_by_file: None,
    }
}

pub(super) fn tws_settings(config: &Config) -> TwsSettings {
    let timers = &config.timers;
    TwsSettings {
        host: config.ib_host.clone(),
        port: config.ib_port,
        client_id: config.ib_client_id,
        handshake_timeout: timers.tws_handshake_timeout,
        heartbeat_interval: timers.tws_heartbeat_interval,
        heartbeat_timeout: timers.tws_heartbeat_timeout,
        reconnect_delay_min: timers.tws_reconnect_delay_min,
        reconnect_delay_max: timers.tws_reconnect_delay_max,
        reconcile_step_timeout: timers.reconcile_step_timeout,
        time_request_spacing: TIME_REQUEST_SPACING,
        barrier_timeout: BARRIER_TIMEOUT,
        permit: None,
    }
}
