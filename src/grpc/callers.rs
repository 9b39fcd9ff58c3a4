//! Who calls, and how many places one caller may take: so that one of them does not take those of all.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::certificate;
use crate::domain::CallerName;
use crate::error::{Error, Reason};
use crate::stats::Limit;

/// Bits of an IPv6 address that name a network: within it one machine can have any address.
const IPV6_NETWORK_BITS: u32 = 64;
/// Callers that are known before those who have gone are looked for.
const SWEPT_AT_MIN: usize = 64;

/// Whose places a call takes: of the caller, by the best that tells it from others.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum PlacesOf {
    /// The digest of the token it showed.
    Token([u8; 32]),
    /// The digest of the certificate it showed.
    Certificate([u8; 32]),
    /// Where it calls from.
    Address(IpAddr),
}

impl PlacesOf {
    /// Who calls from an address.
    pub(super) fn at(address: IpAddr) -> Self {
        Self::Address(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let network = u128::from(address) & (u128::MAX << (128 - IPV6_NETWORK_BITS));
                Ipv6Addr::from(network).into()
            }
        })
    }

    /// Who showed a certificate, in DER.
    pub(super) fn with_certificate(der: &[u8]) -> Self {
        Self::Certificate(Sha256::digest(der).into())
    }
}

/// Who is at the other end of a connection, before it has shown a token.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) places: Arc<Places>,
    pub(super) address: IpAddr,
    /// `None`: it showed no certificate.
    pub(super) certificate: Option<Certificate>,
}

/// A verified certificate of a caller.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// The caller's name in it.
    pub(super) name: Option<CallerName>,
}

/// What one caller may have at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallerLimits {
    /// Calls being answered, reflection streams included, watches not.
    pub(super) calls_max: usize,
    /// Watches, those of the health service included.
    pub(super) watches_max: usize,
    /// Connections from its address.
    pub(super) connections_max: usize,
}

/// Every caller who is here.
#[derive(Debug)]
pub(super) struct Callers {
    limits: CallerLimits,
    /// A lock, held for a lookup.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    places: HashMap<PlacesOf, Weak<Places>>,
    /// How many there were after those who had gone were taken out.
    kept: usize,
}

/// The places of one caller.
#[derive(Debug)]
pub(super) struct Places {
    limits: CallerLimits,
    calls: Arc<Semaphore>,
    watches: Arc<Semaphore>,
    connections: Arc<Semaphore>,
}

/// One of a caller's places, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    /// Who comes back while it is held finds the same places.
    _of: Arc<Places>,
}

impl Callers {
    pub(super) fn new(limits: CallerLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            known: Mutex::default(),
        })
    }

    /// Who calls from an address, without a certificate.
    pub(super) fn at(&self, address: IpAddr) -> Peer {
        Peer {
            places: self.places(PlacesOf::at(address)),
            address,
            certificate: None,
        }
    }

    /// Who calls from an address with a certificate, in DER, that was verified.
    pub(super) fn with_certificate(&self, address: IpAddr, der: &[u8]) -> Peer {
        Peer {
            places: self.places(PlacesOf::with_certificate(der)),
            address,
            certificate: Some(Certificate {
                name: certificate::name(der),
            }),
        }
    }

    /// A caller's places.
    pub(super) fn places(&self, caller: PlacesOf) -> Arc<Places> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = known.places.get(&caller).and_then(Weak::upgrade) {
            return places;
        }
        if known.places.len() >= (2 * known.kept).max(SWEPT_AT_MIN) {
            known.places.retain(|_, places| places.strong_count() > 0);
            known.kept = known.places.len();
        }
        let limits = self.limits.clone();
        let room = |places: usize| Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS)));
        let places = Arc::new(Places {
            calls: room(limits.calls_max),
            watches: room(limits.watches_max),
            connections: room(limits.connections_max),
            limits,
        });
        known.places.insert(caller, Arc::downgrade(&places));
        places
    }
}

/// What a caller takes a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// A call, reflection among them.
    Calls,
    /// A watch, of orders or of health.
    Watches,
    /// A connection.
    Connections,
}

impl Of {
    /// Its limit, for the statistics.
    pub(super) const fn limit(self) -> Limit {
        match self {
            Self::Calls => Limit::CallerCalls,
            Self::Watches => Limit::CallerWatches,
            Self::Connections => Limit::CallerConnections,
        }
    }
}

impl Places {
    /// A place, while there is one.
    pub(super) fn take(self: &Arc<Self>, of: Of) -> Option<Place> {
        let room = match of {
            Of::Calls => &self.calls,
            Of::Watches => &self.watches,
            Of::Connections => &self.connections,
        };
        let permit = Arc::clone(room).try_acquire_owned().ok()?;
        Some(Place {
            _permit: permit,
            _of: Arc::clone(self),
        })
    }

    /// What a caller is told who has as many as it may.
    pub(super) fn error(&self, of: Of) -> Error {
        let (count, what, setting) = match of {
            Of::Calls => (self.limits.calls_max, "calls", "MAX_CALLS_PER_CALLER"),
            Of::Watches => (self.limits.watches_max, "watches", "MAX_WATCHES_PER_CALLER"),
            Of::Connections => (
                self.limits.connections_max,
                "connections",
                "MAX_CONNECTIONS_PER_CALLER",
            ),
        };
        Error::new(
            Reason::Overloaded,
            format!(
                "this caller has {count} {what} open, as many as one may ({setting}), nothing was done: end some, or try again later"
            ),
        )
        .retry_after(Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: CallerLimits = CallerLimits {
        calls_max: 1,
        watches_max: 1,
        connections_max: 1,
    };

    fn at(address: &str) -> PlacesOf {
        PlacesOf::at(address.parse().unwrap())
    }

    #[test]
    fn one_machine_is_one_caller_however_it_writes_its_address() {
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:2"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    #[test]
    fn a_place_given_back_is_there_again_and_who_has_gone_is_forgotten() {
        let callers = Callers::new(LIMITS);
        let place = callers.places(at("10.0.0.1")).take(Of::Calls).unwrap();
        // Another connection of the same caller meets the same limit; a watch and another caller do not.
        let again = callers.places(at("10.0.0.1"));
        assert!(again.take(Of::Calls).is_none());
        assert!(again.take(Of::Watches).is_some());
        assert!(callers.places(at("10.0.0.2")).take(Of::Calls).is_some());
        drop(place);
        assert!(again.take(Of::Calls).is_some());
        for n in 0..10_000_u32 {
            drop(callers.places(PlacesOf::Address(std::net::Ipv4Addr::from(n).into())));
        }
        assert!(callers.known.lock().unwrap().places.len() <= SWEPT_AT_MIN + 1);
    }
}
