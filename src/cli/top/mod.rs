//! `top`: open orders, positions and links as they change, in a terminal, with keys that cancel and halt. A view of a running gateway: it decides
//! nothing.

mod model;
#[cfg(test)]
mod tests;
mod view;

use std::io::IsTerminal as _;
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::checked::{Checked, Server, Target};
use super::exit::Exit;
use super::stderr;
use crate::client::Client;
use crate::domain::{
    AccountUpdate, CancelIn, HaltIn, HealthIn, HealthOut, LimitsOut, LinkState, OrderKey,
    OrderState, ResumeIn, WatchAccountIn, WatchEvent, WatchIn, WatchUpdate,
};
use crate::error::{Error, Reason};
use model::{Action, Model, Wanted};

/// Shortest time between two pictures: faster than that nobody reads.
const FRAME: Duration = Duration::from_millis(50);
/// How long a look for a key lasts, so that the thread notices the end.
const KEY_POLL: Duration = Duration::from_millis(100);
/// First and longest pause before a broken watch is opened again.
const RETRY_MIN: Duration = Duration::from_millis(200);
const RETRY_MAX: Duration = Duration::from_secs(3);
/// Time that a cancel gives TWS, in seconds.
const CANCEL_TIMEOUT: f64 = 5.0;
/// Things that happened and wait to be shown.
const HAPPENED_MAX: usize = 1_024;

/// Something to show.
enum Happened {
    Key(KeyEvent),
    Resized,
    Update(Box<WatchUpdate>),
    Health(Box<HealthOut>),
    /// The watch broke; it is opened again.
    Away(Error),
    /// What a cancel came to.
    Cancelled(i32, Result<Box<OrderState>, Error>),
    /// What a halt or its end came to.
    Halted(Result<&'static str, Error>),
    /// Whether new orders are taken.
    Limits(Box<LimitsOut>),
    /// A stream of positions begins.
    PositionsBegin,
    Account(Box<AccountUpdate>),
}

/// Shows a running gateway until `q`.
pub(in crate::cli) async fn top(checked: Checked) -> Exit {
    let server = match &checked.door {
        Target::Server(server) => server.clone(),
        Target::Tws | Target::Simulator => {
            stderr::say(
                "top shows a running gateway: name it with --server, for example --server http://127.0.0.1:50051",
            );
            return Exit::Usage;
        }
    };
    if !std::io::stdout().is_terminal() {
        stderr::say("top needs a terminal; for programs there is watch --order-id 0 --stream");
        return Exit::Usage;
    }
    let client = match server.connect().await {
        Ok(client) => client,
        Err(error) => {
            stderr::say(&error.message);
            return Exit::Failed;
        }
    };
    let (sender, happened) = mpsc::channel(HAPPENED_MAX);
    let keys = sender.clone();
    // Reading keys blocks; the thread ends with the channel.
    std::thread::spawn(move || read_keys(&keys));
    let following = tokio::spawn(follow(server.clone(), sender.clone()));
    let following_account = tokio::spawn(follow_account(client.clone(), sender.clone()));
    let mut terminal = ratatui::init();
    let shown = show(&mut terminal, client, &server, happened, sender).await;
    ratatui::restore();
    following.abort();
    following_account.abort();
    match shown {
        Ok(()) => Exit::Success,
        Err(error) => {
            stderr::say(format_args!("the terminal cannot be written: {error}"));
            Exit::Failed
        }
    }
}

fn read_keys(happened: &mpsc::Sender<Happened>) {
    while !happened.is_closed() {
        let next = match event::poll(KEY_POLL) {
            Ok(false) => continue,
            Ok(true) => event::read(),
            Err(_) => return,
        };
        let told = match next {
            Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => {
                happened.blocking_send(Happened::Key(key))
            }
            Ok(Event::Resize(_, _)) => happened.blocking_send(Happened::Resized),
            Ok(_) => Ok(()),
            Err(_) => return,
        };
        if told.is_err() {
            return;
        }
    }
}

/// Watches all orders, from where it was left each time the stream breaks.
async fn follow(server: Server, happened: mpsc::Sender<Happened>) {
    let mut after_sequence = 0;
    let mut pause = RETRY_MIN;
    loop {
        let error = match watch(&server, &mut after_sequence, &mut pause, &happened).await {
            Ok(()) => return,
            Err(error) => error,
        };
        if error.reason == Reason::Sequence {
            after_sequence = 0;
        }
        if happened.send(Happened::Away(error)).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// One stream. Ends well when nobody looks any more.
async fn watch(
    server: &Server,
    after_sequence: &mut u64,
    pause: &mut Duration,
    happened: &mpsc::Sender<Happened>,
) -> Result<(), Error> {
    let client = server.connect().await?;
    let health = client.health(HealthIn::default()).await?;
    let told = happened.send(Happened::Health(Box::new(health))).await;
    if told.is_err() {
        return Ok(());
    }
    let limits = client.limits().await?;
    if happened
        .send(Happened::Limits(Box::new(limits)))
        .await
        .is_err()
    {
        return Ok(());
    }
    let mut updates = client
        .watch(WatchIn {
            after_sequence: *after_sequence,
            ..WatchIn::new(0)
        })
        .await?;
    while let Some(update) = updates.next().await {
        let update = update?;
        (*after_sequence, *pause) = (update.sequence, RETRY_MIN);
        if let WatchEvent::Link(change) = &update.event
            && matches!(change.state, LinkState::Halted | LinkState::Resumed)
        {
            let limits = client.limits().await?;
            if happened
                .send(Happened::Limits(Box::new(limits)))
                .await
                .is_err()
            {
                return Ok(());
            }
        }
        let told = happened.send(Happened::Update(Box::new(update))).await;
        if told.is_err() {
            return Ok(());
        }
    }
    Err(Error::new(
        Reason::GatewayUnavailable,
        "the gateway ended the watch",
    ))
}

/// Watches positions; a stream that breaks is opened again and begins with all there is. That the gateway is away shows by the other watch.
async fn follow_account(client: Client, happened: mpsc::Sender<Happened>) {
    loop {
        if let Ok(mut updates) = client.watch_account(WatchAccountIn::default()).await {
            if happened.send(Happened::PositionsBegin).await.is_err() {
                return;
            }
            while let Some(Ok(update)) = updates.next().await {
                if matches!(update, AccountUpdate::Heartbeat {}) {
                    continue;
                }
                let told = happened.send(Happened::Account(Box::new(update))).await;
                if told.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(RETRY_MAX).await;
    }
}

/// Does what was asked for, and says what came of it.
async fn act(client: Client, action: Action, happened: mpsc::Sender<Happened>) {
    let done = match action {
        Action::Cancel {
            order_id,
            with_sibling,
        } => {
            let input = CancelIn {
                with_sibling,
                ..CancelIn::within(OrderKey::OrderId(order_id), CANCEL_TIMEOUT)
            };
            let outcome = client.cancel_with(input).await.map(Box::new);
            Happened::Cancelled(order_id, outcome)
        }
        Action::Halt => {
            let halted = client.halt(HaltIn::new("by a person at top")).await;
            Happened::Halted(halted.map(|_| "new orders are halted"))
        }
        Action::Resume => {
            let resumed = client.resume(ResumeIn::default()).await;
            Happened::Halted(resumed.map(|_| "halts are lifted"))
        }
    };
    // Whoever asked may have left.
    let _gone = happened.send(done).await;
}

async fn show(
    terminal: &mut DefaultTerminal,
    client: Client,
    server: &Server,
    mut happened: mpsc::Receiver<Happened>,
    sender: mpsc::Sender<Happened>,
) -> std::io::Result<()> {
    let mut model = Model::new(server.url.clone());
    loop {
        terminal.draw(|frame| view::draw(frame, &mut model))?;
        let drawn = Instant::now();
        let Some(first) = happened.recv().await else {
            return Ok(());
        };
        // What came meanwhile goes into the same picture.
        let mut next = Some(first);
        while let Some(one) = next {
            match take(&mut model, one) {
                Wanted::Nothing => {}
                Wanted::End => return Ok(()),
                Wanted::Do(action) => {
                    tokio::spawn(act(client.clone(), action, sender.clone()));
                }
            }
            next = happened.try_recv().ok();
        }
        tokio::time::sleep_until(drawn + FRAME).await;
    }
}

fn take(model: &mut Model, happened: Happened) -> Wanted {
    match happened {
        Happened::Key(key) => return model.press(key),
        Happened::Resized => {}
        Happened::Update(update) => model.update(*update),
        Happened::Health(health) => model.health(*health),
        Happened::Away(error) => model.away(error.message),
        Happened::Limits(limits) => model.limits(*limits),
        Happened::PositionsBegin => model.positions_begin(),
        Happened::Account(update) => model.account(*update),
        Happened::Halted(Ok(said)) => model.say(said),
        Happened::Halted(Err(error)) => model.say(error.message),
        Happened::Cancelled(order_id, Ok(order)) => {
            model.say(format!("order {order_id}: {}", order.status));
            model.order(*order);
        }
        Happened::Cancelled(order_id, Err(error)) => {
            model.say(format!(
                "order {order_id} was not cancelled: {}",
                error.message
            ));
        }
    }
    Wanted::Nothing
}
