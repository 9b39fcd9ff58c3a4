//! From an open connection to a session: versions, START_API, ids and accounts.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::conversation::{Conversation, Login};
use super::execution_time;
use super::notice::CLIENT_ID_IN_USE;
use super::requests;
use super::wire::{Turn, Wire};
use super::zones::SessionZone;
use super::{ConnectFailure, SessionInfo, TwsEvent, TwsSettings};

/// Versions of the protocol that are spoken: the first in which every message of ours is protobuf, and the last that is known.
const VERSION_MIN: i32 = 213;
const VERSION_MAX: i32 = 226;
/// The longest answer to the versions: a number and a time.
const GREETING_BYTES_MAX: usize = 4_096;
/// How often TWS is asked for what it has not named by itself, or not in a way that is of use.
const QUESTIONS_MAX: u32 = 4;
/// TWS names both within milliseconds. When it has not within this part of the limit, it is asked.
const QUESTION_PART: u32 = 4;

/// What a TWS does that does not want this host, or is just going down.
pub(super) const CLOSED: &str =
    "the connection was closed during the handshake; TWS's API settings may not allow this host";

/// A session that can be used.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) wire: Wire,
    pub(super) conversation: Conversation,
    /// Whom it is with.
    pub(super) peer: String,
}

/// How far a handshake has come, for whoever has to say why it was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connection is not open yet.
    Connecting,
    /// TWS has not named its version.
    Greeting,
    /// TWS has not named ids or accounts.
    Login,
}

/// Carries a handshake out. Nothing bounds it but the time in which TWS is asked again: whoever calls gives it up.
pub(super) async fn run(
    mut stream: TcpStream,
    peer: &str,
    session: u64,
    settings: &TwsSettings,
    limit: Duration,
    stage: &Cell<Stage>,
) -> Result<Opened, ConnectFailure> {
    stage.set(Stage::Greeting);
    let greeted = async {
        stream.set_nodelay(true)?;
        stream.write_all(&hello()).await
    };
    greeted.await.map_err(|error| broken(&error))?;
    let mut wire = Wire::new(stream, settings.permit.clone());
    let greeting = greeting(&mut wire, peer).await?;
    stage.set(Stage::Login);
    let zone = greeting.zone();
    let mut conversation = Conversation::new(session, settings, zone.clone(), Instant::now());
    conversation.ask(requests::start_api(settings.client_id));
    login(&mut wire, &mut conversation, settings.client_id, limit).await?;

    let Some((accounts, next_valid_id)) = conversation.login_mut().and_then(Login::take) else {
        return Err(refused("TWS did not name a valid order id".to_owned()));
    };
    let info = SessionInfo {
        session,
        accounts,
        next_valid_id,
        server_version: greeting.version,
        tws_time: execution_time::parse(&greeting.time, zone.as_ref()),
        heartbeat_in: settings.heartbeat_interval,
    };
    tracing::info!(
        %peer, session, server_version = info.server_version, next_valid_id, accounts = info.accounts.len(),
        "session with TWS is up"
    );
    conversation.up(TwsEvent::SessionUp(info), Instant::now());
    Ok(Opened {
        wire,
        conversation,
        peer: peer.to_owned(),
    })
}

/// `API`, a zero, and the versions spoken, with their length before them.
fn hello() -> Vec<u8> {
    let versions = format!("v{VERSION_MIN}..{VERSION_MAX}");
    let mut hello = b"API\0".to_vec();
    hello.extend(u32::try_from(versions.len()).unwrap_or(0).to_be_bytes());
    hello.extend(versions.as_bytes());
    hello
}

/// What TWS answers to the versions.
struct Greeting {
    version: i32,
    /// TWS's clock, with the name of its zone.
    time: String,
}

impl Greeting {
    /// TWS's zone, from its name and from how far TWS's clock is from ours.
    fn zone(&self) -> Option<SessionZone> {
        let (local, _, name) = execution_time::split(&self.time)?;
        let zone = SessionZone::learn(name, local, jiff::Timestamp::now());
        if zone.is_none() {
            tracing::warn!(time = %self.time, "TWS's time zone is unknown: times that it writes without one, or with the same, stay unread");
        }
        zone
    }
}

async fn greeting(wire: &mut Wire, peer: &str) -> Result<Greeting, ConnectFailure> {
    loop {
        match wire.incoming.block(1, GREETING_BYTES_MAX) {
            Ok(Some(text)) => return parsed(text, peer),
            Ok(None) => {}
            Err(_) => return Err(no_tws(peer)),
        }
        match wire.read().await {
            Ok(0) => {
                return Err(ConnectFailure::Unreachable {
                    detail: CLOSED.to_owned(),
                });
            }
            Ok(_) => {}
            Err(error) => return Err(broken(&error)),
        }
    }
}

/// Two texts that each end with a zero: the version and the time.
fn parsed(text: &[u8], peer: &str) -> Result<Greeting, ConnectFailure> {
    let mut fields = text.split(|byte| *byte == 0);
    let mut field = || {
        fields
            .next()
            .and_then(|field| std::str::from_utf8(field).ok())
    };
    let version = field().and_then(|version| version.trim().parse().ok());
    let version = version.ok_or_else(|| no_tws(peer))?;
    if !(VERSION_MIN..=VERSION_MAX).contains(&version) {
        return Err(refused(format!(
            "TWS speaks protocol version {version}, and {VERSION_MIN} to {VERSION_MAX} are spoken here: update the older of the two"
        )));
    }
    Ok(Greeting {
        version,
        time: field().unwrap_or_default().to_owned(),
    })
}

/// Hears TWS until it has named an order id and accounts, and asks for what it has not.
async fn login(
    wire: &mut Wire,
    conversation: &mut Conversation,
    client_id: i32,
    limit: Duration,
) -> Result<(), ConnectFailure> {
    let patience = limit / QUESTION_PART;
    let mut ask_at = Instant::now() + patience;
    let mut questions = 0;
    loop {
        // What follows the last of both is news already, and is heard when the session is up.
        while !conversation
            .login_mut()
            .is_none_or(|login| login.is_decided())
        {
            let frame = wire.incoming.frame();
            let Some(frame) = frame.map_err(|bad| refused(bad.to_string()))? else {
                break;
            };
            if let Err(end) = conversation.hear(frame, Instant::now()) {
                return Err(closed(conversation, client_id, end.reason()));
            }
        }
        let Some(login) = conversation.login_mut() else {
            return Ok(());
        };
        if let Some(id) = login.spent_id() {
            return Err(refused(requests::sequence_spent(id)));
        }
        if login.is_whole() {
            return Ok(());
        }
        let late = Instant::now() >= ask_at;
        // Said, but of no use: that is asked for at once.
        let (useless_ids, useless_accounts) = login.take_useless();
        if late || useless_ids || useless_accounts {
            if questions >= QUESTIONS_MAX {
                return Err(refused(login.missing()));
            }
            questions += 1;
            ask_at = Instant::now() + patience;
            let ids = useless_ids || (late && login.next_valid_id.is_none());
            let accounts = useless_accounts || (late && login.accounts.is_none());
            if ids {
                conversation.ask_ids(Instant::now());
            }
            if accounts {
                conversation.ask(requests::managed_accounts());
            }
        }
        wire.outbox.extend(&mut conversation.messages);
        let writing = !wire.outbox.is_empty();
        let turn = tokio::select! {
            turn = wire.turn(true, writing) => Some(turn),
            () = sleep_until(ask_at) => None,
        };
        match turn {
            Some(Turn::Read(Ok(0))) => return Err(closed(conversation, client_id, CLOSED)),
            Some(Turn::Read(Err(error)) | Turn::Written(Err(error))) => {
                return Err(closed(conversation, client_id, &why_broken(&error)));
            }
            Some(Turn::Read(Ok(_)) | Turn::Written(Ok(_))) | None => {}
        }
    }
}

fn refused(detail: String) -> ConnectFailure {
    ConnectFailure::Refused { code: None, detail }
}

/// Why a connection broke. Whether TWS's close comes as an end or as a reset depends on what it had read.
fn why_broken(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => CLOSED.to_owned(),
        _ => error.to_string(),
    }
}

fn broken(error: &io::Error) -> ConnectFailure {
    ConnectFailure::Unreachable {
        detail: why_broken(error),
    }
}

/// The connection ended during the login: for what TWS said before, if it said anything.
fn closed(conversation: &Conversation, client_id: i32, reason: &str) -> ConnectFailure {
    match conversation.last_words() {
        Some(words) if words.code == CLIENT_ID_IN_USE => ConnectFailure::Refused {
            code: Some(CLIENT_ID_IN_USE),
            detail: format!("client id {client_id} is in use"),
        },
        Some(words) => ConnectFailure::Refused {
            code: Some(words.code),
            detail: words.text.clone(),
        },
        None => ConnectFailure::Unreachable {
            detail: reason.to_owned(),
        },
    }
}

/// Something listens that is no TWS, or none that speaks protobuf.
fn no_tws(peer: &str) -> ConnectFailure {
    refused(format!(
        "what answers at {peer} does not speak TWS's protocol"
    ))
}
