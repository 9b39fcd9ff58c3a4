//! Bearer tokens.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

use crate::callers::{BadLine, TokenLine, TokenLines, read_tokens};

/// Tokens that open the service. Only their digests are kept; nothing prints them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    tokens: Vec<TokenLine>,
    /// Lines of the file that admit nobody.
    pub(super) bad: Vec<BadLine>,
}

impl Tokens {
    /// Reads a token file.
    ///
    /// # Errors
    /// It admits nobody: such a file would lock everybody out. Says what is wrong with its lines.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let TokenLines { tokens, bad } = read_tokens(text);
        if !tokens.is_empty() {
            return Ok(Self { tokens, bad });
        }
        let mut problem = "has no token; write one a line".to_owned();
        for line in bad {
            problem = format!("{problem}; {line}");
        }
        Err(problem)
    }

    /// The token that an `authorization` header carries, if it is one of these. Takes the same time whichever it is and however much of it
    /// is right.
    pub(super) fn admit(&self, authorization: Option<&[u8]>) -> Option<&TokenLine> {
        let (scheme, token) = authorization?.split_at_checked(7)?;
        if !scheme.eq_ignore_ascii_case(b"bearer ") {
            return None;
        }
        let given: [u8; 32] = Sha256::digest(token.trim_ascii()).into();
        // The place of the one that is the same, counted from 1.
        let found = (1_u64..)
            .zip(&self.tokens)
            .fold(0, |found, (place, known)| {
                u64::conditional_select(&found, &place, known.digest.ct_eq(&given))
            });
        let index = usize::try_from(found).ok()?.checked_sub(1)?;
        self.tokens.get(index)
    }

    /// The token with a digest that was admitted before, if it still is one of these.
    pub(super) fn still(&self, digest: &[u8; 32]) -> Option<&TokenLine> {
        self.tokens.iter().find(|known| known.digest == *digest)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({} hidden)", self.tokens.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_token_of_the_file_opens_and_nothing_else_does() {
        let tokens =
            Tokens::parse("# for the desk\nfirst-token-of-it\n\n  second-token-of-it \r\n")
                .unwrap();
        for header in [
            "Bearer first-token-of-it",
            "bearer second-token-of-it",
            "BEARER  first-token-of-it ",
        ] {
            assert!(tokens.admit(Some(header.as_bytes())).is_some(), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer first",
            "Bearer first-token-of-it2",
            "Basic first-token-of-it",
            "first-token-of-it",
            "Bearer # for the desk",
        ] {
            assert!(tokens.admit(Some(header.as_bytes())).is_none(), "{header}");
        }
        assert!(tokens.admit(None).is_none());
    }

    #[test]
    fn a_file_without_a_token_is_no_file_of_tokens_and_its_lines_are_named_by_number() {
        assert!(Tokens::parse("\n# nothing\n").is_err());
        let error = Tokens::parse("# cut off\nhush-hush\n").unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!(!error.contains("hush"), "{error}");
    }

    #[test]
    fn a_line_that_is_wrong_admits_nobody_and_the_others_go_on() {
        let tokens = Tokens::parse("first-token-of-it\nsecond-token\n").unwrap();
        assert_eq!(tokens.bad.len(), 1);
        assert!(tokens.admit(Some(b"Bearer first-token-of-it")).is_some());
        assert!(tokens.admit(Some(b"Bearer second-token")).is_none());
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", Tokens::parse("hush-hush-hush-hush").unwrap());
        assert_eq!(shown, "Tokens(1 hidden)");
    }
}
