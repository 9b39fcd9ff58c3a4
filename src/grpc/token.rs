//! Bearer tokens.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

/// Tokens that open the service. Only their digests are kept; nothing prints them.
#[derive(Clone)]
pub(super) struct Tokens(Vec<[u8; 32]>);

impl Tokens {
    /// Reads tokens, one a line; blank lines and lines that begin with `#` are passed over. `None` when there is none: such a file
    /// would lock everybody out.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digests: Vec<_> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(digest)
            .collect();
        if digests.is_empty() {
            None
        } else {
            Some(Self(digests))
        }
    }

    /// The digest of the token that an `authorization` header carries, if it is one of these. Takes the same time whichever it is and
    /// however much of it is right.
    pub(super) fn admit(&self, authorization: Option<&[u8]>) -> Option<[u8; 32]> {
        let (scheme, token) = authorization?.split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return None;
        }
        let given = digest(token.trim_ascii());
        let found = self
            .0
            .iter()
            .fold(Choice::from(0), |found, known| found | known.ct_eq(&given));
        bool::from(found).then_some(given)
    }
}

fn digest(token: impl AsRef<[u8]>) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} hidden)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_token_of_the_file_opens_and_nothing_else_does() {
        let tokens = Tokens::parse("# for the desk\nfirst-token\n\n  second-token \r\n").unwrap();
        for header in [
            "Bearer first-token",
            "bearer second-token",
            "BEARER  first-token ",
        ] {
            assert!(tokens.admit(Some(header.as_bytes())).is_some(), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer first",
            "Bearer first-token2",
            "Basic first-token",
            "first-token",
            "Bearer # for the desk",
        ] {
            assert!(tokens.admit(Some(header.as_bytes())).is_none(), "{header}");
        }
        assert!(tokens.admit(None).is_none());
    }

    #[test]
    fn a_file_without_a_token_is_no_file_of_tokens() {
        assert!(Tokens::parse("\n# nothing\n").is_none());
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", Tokens::parse("hush").unwrap());
        assert_eq!(shown, "Tokens(1 hidden)");
    }
}
