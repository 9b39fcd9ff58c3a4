//! `AUTH_TOKEN_FILE`: `TOKEN [role=read|trade|admin] [name=NAME]` a line.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::lines::{BadLine, Words, lines, words};
use crate::domain::{CallerName, Role};

/// The fewest characters of a token: fewer can be guessed.
pub const TOKEN_CHARACTERS_MIN: usize = 16;

/// A token that opens the service. Only its digest is kept; nothing prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenLine {
    /// SHA-256 of the token.
    pub digest: [u8; 32],
    /// What its caller may do.
    pub role: Role,
    /// Its caller.
    pub name: Option<CallerName>,
}

/// What a token file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenLines {
    /// Tokens, in the order of the file.
    pub tokens: Vec<TokenLine>,
    /// Lines that admit nobody.
    pub bad: Vec<BadLine>,
}

/// Reads a token file. One in which no line names a role admits every token as admin. In any other, a line without a role may read.
pub fn read_tokens(text: &str) -> TokenLines {
    let mut found = TokenLines::default();
    let mut read: Vec<([u8; 32], Words)> = Vec::new();
    for (number, line) in lines(text) {
        let mut parts = line.split_whitespace();
        let token = parts.next().unwrap_or_default();
        let bad = match words(parts) {
            Ok(_) if token.chars().count() < TOKEN_CHARACTERS_MIN => {
                "its token has fewer than 16 characters"
            }
            Ok(words) => {
                read.push((Sha256::digest(token).into(), words));
                continue;
            }
            Err(problem) => problem,
        };
        found.bad.push(BadLine {
            number,
            problem: bad,
        });
    }
    // A bad line may have named a role: then it is not for the others to be more than they were meant to.
    let roles_in_use = !found.bad.is_empty() && text.contains("role=")
        || read.iter().any(|(_, words)| words.role.is_some());
    let without = if roles_in_use {
        Role::Read
    } else {
        Role::Admin
    };
    found.tokens = read
        .into_iter()
        .map(|(digest, Words { role, name })| TokenLine {
            digest,
            role: role.unwrap_or(without),
            name,
        })
        .collect();
    found
}

impl fmt::Debug for TokenLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            digest: _,
            role,
            name,
        } = self;
        f.debug_struct("TokenLine")
            .field("role", role)
            .field("name", name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "0123456789abcdef";
    const B: &str = "fedcba9876543210";

    fn read(text: &str) -> (Vec<(Role, Option<String>)>, Vec<usize>) {
        let TokenLines { tokens, bad } = read_tokens(text);
        let tokens = tokens
            .into_iter()
            .map(|token| (token.role, token.name.map(|name| name.to_string())))
            .collect();
        (tokens, bad.into_iter().map(|line| line.number).collect())
    }

    #[test]
    fn a_file_without_roles_makes_everybody_admin() {
        let text = format!("# the desk\n{A}\n\n  {B}  name=two\r\n");
        let (tokens, bad) = read(&text);
        assert_eq!(
            tokens,
            [(Role::Admin, None), (Role::Admin, Some("two".to_owned()))]
        );
        assert!(bad.is_empty());
        let expected: [u8; 32] = Sha256::digest(A).into();
        assert_eq!(read_tokens(&text).tokens[0].digest, expected);
    }

    #[test]
    fn with_one_role_in_the_file_a_line_without_one_may_read() {
        let (tokens, _) = read(&format!("{A} name=a role=trade\n{B}\n"));
        assert_eq!(
            tokens,
            [(Role::Trade, Some("a".to_owned())), (Role::Read, None)]
        );
        // Also when the line that named a role is itself a bad one.
        let (tokens, bad) = read(&format!("short role=read\n{B}\n"));
        assert_eq!((tokens, bad), (vec![(Role::Read, None)], vec![1]));
    }

    #[test]
    fn a_line_with_anything_wrong_admits_nobody_and_is_named_by_its_number_alone() {
        for line in [
            "0123456789abcde",
            &format!("{A} admin"),
            &format!("{A} role=root"),
            &format!("{A} role=ADMIN"),
            &format!("{A} role="),
            &format!("{A} name="),
            &format!("{A} name=a name=b"),
            &format!("{A} role=read role=admin"),
            &format!("{A} colour=red"),
            &format!("{A} # a remark"),
        ] {
            let lines = read_tokens(&format!("{B}\n{line}\n"));
            assert_eq!(lines.tokens.len(), 1, "{line}");
            assert_eq!(lines.bad.len(), 1, "{line}");
            let said = format!("{} {:?}", lines.bad[0], lines);
            assert!(said.contains("line 2 admits nobody"), "{said}");
            assert!(!said.contains("0123456789"), "{said}");
        }
    }
}
