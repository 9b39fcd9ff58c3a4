//! Opening a session: addresses, TCP, handshake, all within one limit.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout, timeout_at};

use super::handshake::{self, Opened, Stage};
use super::{ConnectFailure, TwsSettings};

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Host and port as one word, for people.
pub(super) fn peer(settings: &TwsSettings) -> String {
    let TwsSettings { host, port, .. } = settings;
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

/// Opens a session within the handshake limit. `last` is the address that answered last, which is tried first.
pub(super) async fn open(
    settings: &TwsSettings,
    session: u64,
    last: &mut Option<SocketAddr>,
) -> Result<Opened, ConnectFailure> {
    let deadline = Instant::now() + settings.handshake_timeout;
    let addresses = addresses(settings, deadline).await?;
    open_one(settings, session, addresses, deadline, last).await
}

/// Opens a session at the first of several addresses that leads to one.
async fn open_one(
    settings: &TwsSettings,
    session: u64,
    mut addresses: Vec<SocketAddr>,
    deadline: Instant,
    last: &mut Option<SocketAddr>,
) -> Result<Opened, ConnectFailure> {
    if let Some(place) = addresses.iter().position(|address| Some(*address) == *last) {
        addresses[..=place].rotate_right(1);
    }
    let mut failures = Vec::new();
    for (tried, address) in addresses.iter().enumerate() {
        // What is left is shared among those that are left: the first may take the connection and say nothing.
        let left = u32::try_from(addresses.len() - tried).unwrap_or(1);
        let limit = deadline.saturating_duration_since(Instant::now()) / left.max(1);
        let stage = Cell::new(Stage::Connecting);
        match attempt(settings, *address, session, limit, &stage).await {
            Ok(opened) => {
                *last = Some(*address);
                return Ok(opened);
            }
            // A TWS that will not have us is not passed by for another.
            Err(refused @ ConnectFailure::Refused { .. }) if stage.get() == Stage::Login => {
                return Err(refused);
            }
            Err(failure) => {
                tracing::debug!(%address, ?failure, "no session with TWS at this address");
                failures.push((*address, failure));
            }
        }
    }
    Err(together(failures))
}

/// The addresses of the host.
async fn addresses(
    settings: &TwsSettings,
    deadline: Instant,
) -> Result<Vec<SocketAddr>, ConnectFailure> {
    let TwsSettings { host, port, .. } = settings;
    let name = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    let unreachable = |detail| Err(ConnectFailure::Unreachable { detail });
    let found = match timeout_at(deadline, lookup_host((name, *port))).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return unreachable(format!(
                "the address of {host} could not be looked up: {error}"
            ));
        }
        Err(_) => {
            return unreachable(format!(
                "the address of {host} could not be looked up in time"
            ));
        }
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) && addresses.len() < ADDRESSES_MAX {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return unreachable(format!("{host} has no address"));
    }
    Ok(addresses)
}

/// Tries one address. Dropping the attempt closes its connection.
async fn attempt(
    settings: &TwsSettings,
    address: SocketAddr,
    session: u64,
    limit: Duration,
    stage: &Cell<Stage>,
) -> Result<Opened, ConnectFailure> {
    let peer = address.to_string();
    let open = async {
        let stream =
            TcpStream::connect(address)
                .await
                .map_err(|error| ConnectFailure::Unreachable {
                    detail: match error.kind() {
                        io::ErrorKind::ConnectionRefused => format!("nothing listens at {peer}"),
                        _ => format!("no connection to {peer}: {error}"),
                    },
                })?;
        handshake::run(stream, &peer, session, settings, limit, stage).await
    };
    timeout(limit, open).await.unwrap_or_else(|_| {
        let detail = match stage.get() {
            Stage::Connecting => format!("no answer from {peer} within {limit:.1?}"),
            Stage::Greeting => format!(
                "{peer} took the connection and left the handshake unanswered for {limit:.1?}; TWS may be waiting for somebody to allow it"
            ),
            Stage::Login => format!(
                "{peer} did not finish the handshake within {limit:.1?}: TWS did not name accounts and an order id; it may not be logged in yet"
            ),
        };
        Err(ConnectFailure::Unreachable { detail })
    })
}

/// Why no address led to a session. Where something spoke, its words count; else all reasons do.
fn together(mut failures: Vec<(SocketAddr, ConnectFailure)>) -> ConnectFailure {
    let spoke =
        |(_, failure): &(_, ConnectFailure)| matches!(failure, ConnectFailure::Refused { .. });
    if let Some(place) = failures.iter().position(spoke) {
        return failures.swap_remove(place).1;
    }
    let several = failures.len() > 1;
    let details: Vec<String> = failures
        .into_iter()
        .map(|(address, failure)| {
            let (ConnectFailure::Unreachable { detail } | ConnectFailure::Refused { detail, .. }) =
                failure;
            if several && !detail.contains(&address.to_string()) {
                format!("{address}: {detail}")
            } else {
                detail
            }
        })
        .collect();
    ConnectFailure::Unreachable {
        detail: details.join("; "),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use test_support::tws::peer::FakeTws;
    use tokio::net::TcpListener;

    use super::*;

    fn settings(host: &str) -> TwsSettings {
        TwsSettings {
            host: host.to_owned(),
            port: 7497,
            client_id: 7,
            handshake_timeout: Duration::from_secs(1),
            heartbeat_interval: Duration::ZERO,
            heartbeat_timeout: Duration::ZERO,
            time_request_spacing: Duration::ZERO,
            barrier_timeout: Duration::ZERO,
            reconnect_delay_min: Duration::ZERO,
            reconnect_delay_max: Duration::ZERO,
            reconcile_step_timeout: Duration::ZERO,
            permit: None,
        }
    }

    #[test]
    fn an_ipv6_address_is_put_in_brackets() {
        for (host, expected) in [
            ("tws.example", "tws.example:7497"),
            ("::1", "[::1]:7497"),
            ("[::1]", "[::1]:7497"),
        ] {
            assert_eq!(peer(&settings(host)), expected);
        }
    }

    #[tokio::test]
    async fn an_address_is_its_own_and_a_name_that_nobody_has_is_said_so() {
        let deadline = Instant::now() + Duration::from_secs(10);
        for host in ["::1", "[::1]"] {
            let found = addresses(&settings(host), deadline).await.unwrap();
            assert_eq!(found, ["[::1]:7497".parse().unwrap()]);
        }
        let nobody = addresses(&settings("tws.invalid"), deadline).await;
        let Err(ConnectFailure::Unreachable { detail }) = nobody else {
            panic!("{nobody:?}")
        };
        assert!(detail.starts_with("the address of tws.invalid"), "{detail}");
    }

    #[tokio::test]
    async fn an_address_that_takes_the_connection_and_is_mute_is_passed_by_and_the_next_is_tried_first_from_then_on()
     {
        let mute = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let first = mute.local_addr().unwrap();
        let second = SocketAddr::from(([127, 0, 0, 2], first.port()));
        let tws = FakeTws::of(TcpListener::bind(second).await.unwrap());
        let taken = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&taken);
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = mute.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                held.push(stream);
            }
        });
        let settings = TwsSettings {
            handshake_timeout: Duration::from_secs(4),
            ..settings("two.example")
        };
        let mut last = None;
        for _ in 0..2 {
            let deadline = Instant::now() + settings.handshake_timeout;
            let both = vec![first, second];
            let (opened, _peer) = tokio::join!(
                open_one(&settings, 1, both, deadline, &mut last),
                tws.session()
            );
            assert_eq!(opened.unwrap().peer, second.to_string());
            assert_eq!(last, Some(second));
        }
        assert_eq!(
            taken.load(Ordering::Relaxed),
            1,
            "the mute one is asked once"
        );
    }

    #[tokio::test]
    async fn where_no_address_answers_each_is_named_with_its_reason_within_the_limit() {
        let mute = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let first = mute.local_addr().unwrap();
        // Nobody listens at the other one.
        let second = SocketAddr::from(([127, 0, 0, 3], first.port()));
        let settings = settings("two.example");
        let begun = Instant::now();
        let deadline = begun + settings.handshake_timeout;
        let opened = open_one(&settings, 1, vec![first, second], deadline, &mut None).await;
        let Err(ConnectFailure::Unreachable { detail }) = opened else {
            panic!("{opened:?}")
        };
        assert!(
            detail.contains(&format!("{first} took the connection")),
            "{detail}"
        );
        assert!(
            detail.contains(&format!("nothing listens at {second}")),
            "{detail}"
        );
    }

    #[test]
    fn of_several_addresses_every_reason_is_told_unless_one_spoke() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let unreachable = |detail: &str| ConnectFailure::Unreachable {
            detail: detail.to_owned(),
        };
        let refused = ConnectFailure::Refused {
            code: None,
            detail: "no TWS".to_owned(),
        };
        let one = unreachable("nothing listens at 127.0.0.1:1");
        assert_eq!(together(vec![(at(1), one.clone())]), one);
        assert_eq!(
            together(vec![
                (at(1), one.clone()),
                (at(2), unreachable("it was closed"))
            ]),
            unreachable("nothing listens at 127.0.0.1:1; 127.0.0.1:2: it was closed")
        );
        assert_eq!(
            together(vec![(at(1), one), (at(2), refused.clone())]),
            refused
        );
    }
}
