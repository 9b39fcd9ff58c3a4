//! The adapter under test, and orders to send with it.

use std::time::Duration;

use ibkr_orders::domain::{Action, Amount, OrderReport, OrderRequest, OrderTicket};
use ibkr_orders::tws::{
    self, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent, TwsHandle, TwsSettings,
};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::peer::{FakeTws, LIMIT, Peer};

/// Events that may wait for a test.
const EVENTS_MAX: usize = 65_536;

pub(crate) struct Adapter {
    pub(crate) handle: TwsHandle,
    pub(crate) events: mpsc::Receiver<TwsEvent>,
}

/// Short reconnects, and no heartbeat unless a test wants some.
pub(crate) fn settings(port: u16) -> TwsSettings {
    TwsSettings {
        host: "127.0.0.1".to_owned(),
        port,
        client_id: 7,
        handshake_timeout: Duration::from_secs(5),
        heartbeat_interval: Duration::from_secs(3_600),
        heartbeat_timeout: Duration::from_secs(5),
        time_request_spacing: Duration::from_millis(1),
        barrier_timeout: Duration::from_secs(5),
        reconnect_delay_min: Duration::from_millis(10),
        reconnect_delay_max: Duration::from_millis(40),
        reconcile_step_timeout: Duration::from_secs(5),
        permit: None,
    }
}

pub(crate) fn start(settings: TwsSettings) -> Adapter {
    let (sender, events) = mpsc::channel(EVENTS_MAX);
    Adapter {
        handle: tws::start(settings, sender),
        events,
    }
}

/// An adapter whose first session is up.
pub(crate) async fn connected() -> (FakeTws, Peer, Adapter) {
    connected_with(settings).await
}

pub(crate) async fn connected_with(
    settings: impl FnOnce(u16) -> TwsSettings,
) -> (FakeTws, Peer, Adapter) {
    let tws = FakeTws::bind().await;
    let mut adapter = start(settings(tws.port));
    let peer = tws.session().await;
    let info = adapter.up().await;
    assert_eq!(info.session, 1);
    (tws, peer, adapter)
}

impl Adapter {
    pub(crate) async fn next(&mut self) -> TwsEvent {
        timeout(LIMIT, self.events.recv())
            .await
            .expect("no event")
            .expect("the adapter ended")
    }

    /// Reads events until one fits; the ones before it are returned with it, in order.
    pub(crate) async fn until(&mut self, fits: impl Fn(&TwsEvent) -> bool) -> Vec<TwsEvent> {
        let mut events = Vec::new();
        loop {
            events.push(self.next().await);
            if fits(&events[events.len() - 1]) {
                return events;
            }
            assert!(events.len() < 1_000_000, "the event never came");
        }
    }

    /// Everything up to the outcome of a message of this order.
    pub(crate) async fn until_sent(&mut self, of: i32) -> Vec<TwsEvent> {
        self.until(|event| matches!(event, TwsEvent::Sent { order_id, .. } if *order_id == of))
            .await
    }

    /// The next event, which must be a session.
    pub(crate) async fn up(&mut self) -> SessionInfo {
        match self.next().await {
            TwsEvent::SessionUp(info) => info,
            other => panic!("no session, but {other:?}"),
        }
    }

    /// Why the session ended; other events before that are dropped.
    pub(crate) async fn down(&mut self) -> String {
        let mut events = self
            .until(|event| matches!(event, TwsEvent::SessionDown { .. }))
            .await;
        match events.pop() {
            Some(TwsEvent::SessionDown { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    /// The next event, which must be a report.
    pub(crate) async fn report(&mut self) -> OrderReport {
        match self.next().await {
            TwsEvent::Report { report, .. } => report,
            other => panic!("no report, but {other:?}"),
        }
    }

    pub(crate) fn command(&self, command: TwsCommand) {
        self.handle.commands.try_send(command).unwrap();
    }

    pub(crate) fn place(&self, session: u64, ticket: OrderTicket) {
        self.command(TwsCommand::Place { session, ticket });
    }

    /// Every outcome of a send up to and including that of `order_id`.
    pub(crate) async fn sent(&mut self, order_id: i32, kind: SendKind) -> Sent {
        let mut events = self
            .until(|event| {
                matches!(event, TwsEvent::Sent { order_id: id, kind: of, .. } if *id == order_id && *of == kind)
            })
            .await;
        match events.pop() {
            Some(TwsEvent::Sent { outcome, .. }) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

/// BUY 100 AAPL LMT 150.25 DAY, to be transmitted.
pub(crate) fn ticket(order_id: i32) -> OrderTicket {
    let price = Amount::parse("150.25").unwrap();
    OrderTicket {
        order_id,
        terms: OrderRequest::limit(Action::Buy, "AAPL", Amount::from(100), price).terms,
        transmit: true,
        order_ref: "gw-1".to_owned(),
        account: "DU111".to_owned(),
        parent_order_id: None,
    }
}
