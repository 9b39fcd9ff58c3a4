//! Who calls, and what they may do.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::enums::words;

words! {
    /// What a caller may do. Each may do what the ones before it may.
    #[derive(PartialOrd, Ord)]
    Role {
        /// Read and watch.
        Read = "read",
        /// Give orders, halt, cancel everything.
        Trade = "trade",
        /// Lift a halt.
        Admin = "admin",
    }
}

/// The longest name of a caller, in bytes: it stands in every order, every log line and every audit record.
pub const CALLER_NAME_BYTES_MAX: usize = 64;

/// The name of a caller, as a token file or a certificate gives it: visible ASCII without blanks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallerName(String);

impl CallerName {
    /// Takes a name that can stand in a file of callers, a log and a header.
    pub fn new(name: &str) -> Option<Self> {
        let plain = !name.is_empty()
            && name.len() <= CALLER_NAME_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_graphic());
        plain.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who gives an instruction or asks a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Its name, where a token file or a certificate gives it one.
    pub name: Option<CallerName>,
    /// What it may do.
    pub role: Role,
    /// Where it calls from; `None` inside the gateway's own process.
    pub address: Option<IpAddr>,
}

/// What limits per caller count a caller under that has neither name nor address.
const LOCAL: &str = "local";

impl Caller {
    /// Whoever runs the gateway inside its own process: it may do everything.
    pub const LOCAL: Self = Self {
        name: None,
        role: Role::Admin,
        address: None,
    };

    /// What limits per caller count it under: its name, else its address.
    pub fn key(&self) -> Arc<str> {
        match (&self.name, self.address) {
            (Some(name), _) => name.as_str().into(),
            (None, Some(address)) => address.to_canonical().to_string().into(),
            (None, None) => LOCAL.into(),
        }
    }

    /// Its name as it is stored with what it instructed.
    pub fn stored_name(&self) -> Option<String> {
        self.name.as_ref().map(|name| name.as_str().to_owned())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.address) {
            (Some(name), _) => name.fmt(f),
            (None, Some(address)) => address.to_canonical().fmt(f),
            (None, None) => f.write_str(LOCAL),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_count_a_caller_by_its_name_and_one_without_by_its_address() {
        let named = |name: Option<&str>, address: Option<&str>| Caller {
            name: name.and_then(CallerName::new),
            role: Role::Trade,
            address: address.map(|address| address.parse().unwrap()),
        };
        for (caller, key) in [
            (named(Some("algo"), Some("10.0.0.1")), "algo"),
            (named(None, Some("::ffff:10.0.0.1")), "10.0.0.1"),
            (Caller::LOCAL, "local"),
        ] {
            assert_eq!(&*caller.key(), key);
            assert_eq!(caller.to_string(), key);
        }
    }

    #[test]
    fn a_role_may_do_what_the_ones_before_it_may() {
        assert!(Role::Read < Role::Trade && Role::Trade < Role::Admin);
    }

    #[test]
    fn a_name_is_visible_ascii() {
        for name in [
            "algo-1",
            "spiffe://example.org/algo",
            "a.b:c",
            &"n".repeat(64),
        ] {
            assert!(CallerName::new(name).is_some(), "{name}");
        }
        for name in ["", "two words", "Grün", "tab\t", &"n".repeat(65)] {
            assert!(CallerName::new(name).is_none(), "{name:?}");
        }
    }
}
