//! Who calls, and what they may do.

use std::fmt;

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

#[cfg(test)]
mod tests {
    use super::*;

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
