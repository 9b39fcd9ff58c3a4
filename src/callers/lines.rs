//! What the lines of both files have in common.

use std::fmt;

use crate::domain::{CallerName, Role};

/// A line that admits nobody. It never says what stands in the line: that may be a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadLine {
    /// Counted from 1.
    pub number: usize,
    /// What is wrong.
    pub problem: &'static str,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} admits nobody: {}", self.number, self.problem)
    }
}

/// The lines that say something, with their numbers: blank ones and those that begin with `#` are passed over.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines().map(str::trim))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The words behind the first of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) role: Option<Role>,
    pub(super) name: Option<CallerName>,
}

/// Reads `role=…` and `name=…`, each at most once.
pub(super) fn words<'a>(words: impl Iterator<Item = &'a str>) -> Result<Words, &'static str> {
    let mut found = Words::default();
    for word in words {
        let twice = match word.split_once('=') {
            Some(("role", role)) => {
                let role = role
                    .parse()
                    .map_err(|_| "its role is none of read, trade and admin")?;
                found.role.replace(role).is_some()
            }
            Some(("name", name)) => {
                let name = CallerName::new(name)
                    .ok_or("its name must be 1 to 64 visible ASCII characters")?;
                found.name.replace(name).is_some()
            }
            Some(_) | None => return Err("it has a word that is neither role=… nor name=…"),
        };
        if twice {
            return Err("it says the same twice");
        }
    }
    Ok(found)
}
