//! The way to a running gateway.

use std::path::Path;

use super::checked::Server;
use crate::client::{Client, ClientIdentity, ClientOptions, Token};
use crate::error::{Error, Reason};

impl Server {
    /// Connects, with the certificates and the token that the arguments name.
    ///
    /// # Errors
    /// A file that cannot be read, an address that cannot be, or nothing that answers there.
    pub(super) async fn connect(&self) -> Result<Client, Error> {
        let Self {
            url,
            ca,
            name,
            identity,
            token_file,
        } = self;
        let identity = match identity {
            Some((certificate, key)) => Some(ClientIdentity {
                certificate_pem: read(certificate)?,
                key_pem: read(key)?,
            }),
            None => None,
        };
        let options = ClientOptions {
            ca_pem: ca.as_deref().map(read).transpose()?,
            server_name: name.clone(),
            identity,
            token: token_file.as_deref().map(token).transpose()?,
            ..ClientOptions::default()
        };
        Client::connect(url, options).await
    }
}

/// The first token of the file, which may be the gateway's own: blank lines and those that begin with `#` are passed over, and what
/// follows a token is about its caller.
fn token(path: &Path) -> Result<Token, Error> {
    let bytes = read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    Token::new(
        text.lines()
            .filter_map(|line| line.split_whitespace().next())
            .find(|word| !word.starts_with('#'))
            .unwrap_or_default(),
    )
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| wrong(format!("cannot read {}: {error}", path.display())))
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Reason::RequestInvalid, message)
}
