//! Opening a session: TCP, handshake, order update stream, ids and accounts, all within one limit.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex, PoisonError};

use ibapi::orders::OrderUpdate;
use ibapi::subscriptions::{NoticeStream, Subscription};
use ibapi::{Client, Error, RateLimiter, StartupMessage};
use tokio::time::{Instant, timeout_at};

use super::notice::CLIENT_ID_IN_USE;
use super::{ConnectFailure, TwsSettings};

/// Messages kept from the handshake. `ibapi` ends a handshake after 101 frames, so this is never reached.
const STARTUP_MESSAGES_MAX: usize = 1_024;
/// How often a question of the set-up is asked: an error that concerns something else can end it.
const QUESTIONS_MAX: u32 = 4;

/// What a TWS does that does not want this host, or is just going down.
const CLOSED: &str =
    "the connection was closed during the handshake; TWS's API settings may not allow this host";

/// A session that can be used.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) updates: Subscription<OrderUpdate>,
    pub(super) notices: NoticeStream,
    /// What TWS sent by itself during the handshake.
    pub(super) startup: Vec<StartupMessage>,
    pub(super) accounts: Vec<String>,
    pub(super) next_valid_id: i32,
}

/// Host and port as one word, for `ibapi` and for people.
pub(super) fn peer(settings: &TwsSettings) -> String {
    let TwsSettings { host, port, .. } = settings;
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Opens a session within the handshake limit.
pub(super) async fn open(settings: &TwsSettings) -> Result<Opened, ConnectFailure> {
    let deadline = Instant::now() + settings.handshake_timeout;
    // Dropping the attempt closes its connection.
    match timeout_at(deadline, attempt(settings)).await {
        Ok(result) => result,
        Err(_) => Err(ConnectFailure::Unreachable {
            detail: format!(
                "no answer, or an unfinished handshake, within {:?}",
                settings.handshake_timeout
            ),
        }),
    }
}

async fn attempt(settings: &TwsSettings) -> Result<Opened, ConnectFailure> {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&heard);
    let (client, notices) = Client::builder()
        .address(peer(settings))
        .client_id(settings.client_id)
        .max_reconnect_attempts(0)
        .one_shot_timeout(settings.heartbeat_timeout.max(settings.handshake_timeout))
        .rate_limiter(RateLimiter::per_second(
            settings.messages_per_second_net.max(1),
        ))
        .startup_callback(move |message| {
            // Only pushes happen under this lock; a poisoned one is as good as new.
            let mut heard = hear.lock().unwrap_or_else(PoisonError::into_inner);
            if heard.len() < STARTUP_MESSAGES_MAX {
                heard.push(message);
            }
        })
        .connect_with_notice_stream()
        .await
        .map_err(|error| refusal(&error, settings))?;
    // Nothing is awaited between the end of the handshake and here, and ibapi's dispatcher shares this thread: no frame falls between.
    let updates = client
        .order_update_stream()
        .await
        .map_err(|error| refusal(&error, settings))?;

    let mut next_valid_id = client.next_order_id();
    let mut accounts = client.handshake_managed_accounts().to_vec();
    for _ in 0..QUESTIONS_MAX {
        if next_valid_id <= 0 {
            next_valid_id = answer(client.next_valid_order_id().await, settings)?.unwrap_or(0);
        }
        if accounts.is_empty() {
            accounts = answer(client.managed_accounts().await, settings)?.unwrap_or_default();
        }
    }
    accounts.retain(|account| !account.is_empty());
    if next_valid_id <= 0 || accounts.is_empty() {
        let what = if accounts.is_empty() {
            "accounts"
        } else {
            "a valid order id"
        };
        return Err(ConnectFailure::Refused {
            code: None,
            detail: format!("TWS did not name {what}"),
        });
    }
    let startup = std::mem::take(&mut *heard.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(Opened {
        client,
        updates,
        notices,
        startup,
        accounts,
        next_valid_id,
    })
}

/// The answer to a question of the set-up; `None` when an error message came in its place, which may have meant something else.
fn answer<T>(
    answer: Result<T, Error>,
    settings: &TwsSettings,
) -> Result<Option<T>, ConnectFailure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::Notice(_)) => Ok(None),
        Err(error) => Err(refusal(&error, settings)),
    }
}

/// Why there is no session, in words that help.
fn refusal(error: &Error, settings: &TwsSettings) -> ConnectFailure {
    let refused = |code, detail| ConnectFailure::Refused { code, detail };
    match error {
        Error::ClientIdInUse { client_id } => refused(
            Some(CLIENT_ID_IN_USE),
            format!("client id {client_id} is in use"),
        ),
        Error::ServerVersion(needed, found, _) => refused(
            None,
            format!("TWS speaks protocol version {found}, {needed} or later is needed"),
        ),
        // Before TWS said anything. Whether its close comes as an end or as a reset depends on what it had read.
        Error::ConnectionRejected(text) if text.starts_with("server may be rejecting") => {
            ConnectFailure::Unreachable {
                detail: CLOSED.to_owned(),
            }
        }
        Error::ConnectionRejected(text) => refused(None, text.clone()),
        Error::Io(error) => ConnectFailure::Unreachable {
            detail: match error.kind() {
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => CLOSED.to_owned(),
                ErrorKind::ConnectionRefused => {
                    format!("nothing listens at {}", peer(settings))
                }
                _ => error.to_string(),
            },
        },
        Error::Parse(..)
        | Error::ParseInt(_)
        | Error::InvalidFrame(_)
        | Error::UnexpectedWireFormat(..)
        | Error::UnexpectedResponse(_)
        | Error::ProtobufDecode(_) => refused(
            None,
            format!(
                "what answers at {} does not speak TWS's protocol: {error}",
                peer(settings)
            ),
        ),
        other => ConnectFailure::Unreachable {
            detail: format!("the session could not be set up: {other}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_ipv6_address_is_put_in_brackets() {
        let settings = |host: &str| TwsSettings {
            host: host.to_owned(),
            port: 7497,
            client_id: 7,
            handshake_timeout: Duration::ZERO,
            heartbeat_interval: Duration::ZERO,
            heartbeat_timeout: Duration::ZERO,
            reconnect_delay_min: Duration::ZERO,
            reconnect_delay_max: Duration::ZERO,
            reconcile_step_timeout: Duration::ZERO,
            messages_per_second_net: 1,
        };
        for (host, expected) in [
            ("tws.example", "tws.example:7497"),
            ("::1", "[::1]:7497"),
            ("[::1]", "[::1]:7497"),
        ] {
            assert_eq!(peer(&settings(host)), expected);
        }
    }
}
