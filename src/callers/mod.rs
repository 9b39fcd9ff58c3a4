//! The files that say who may call: bearer tokens, and the names in client certificates.

mod certificates;
mod lines;
mod tokens;

pub use certificates::CertificateRoles;
pub use lines::BadLine;
pub use tokens::{TOKEN_CHARACTERS_MIN, TokenLine, TokenLines, read_tokens};
