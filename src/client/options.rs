//! How a client reaches its gateway and shows who it is.

use std::fmt;
use std::time::Duration;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::error::{Error, Reason};

/// Between two HTTP/2 pings, and how long one may go unanswered: a dead connection shows within half a minute.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a client reaches its gateway. The default: no token, and the system's authorities for an `https` address.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// PEM of the authorities that sign the gateway's certificate; `None`: those of the system.
    pub ca_pem: Option<Vec<u8>>,
    /// Name to expect in the gateway's certificate, where it is not the address's host.
    pub server_name: Option<String>,
    /// The client's own certificate, for mutual TLS.
    pub identity: Option<ClientIdentity>,
    /// The bearer token.
    pub token: Option<Token>,
    /// Limit of connecting, TLS included.
    pub connect_timeout: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            ca_pem: None,
            server_name: None,
            identity: None,
            token: None,
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A client's own certificate and its private key. Its `Debug` does not show them.
#[derive(Clone)]
pub struct ClientIdentity {
    /// PEM of the certificate chain.
    pub certificate_pem: Vec<u8>,
    /// PEM of the private key.
    pub key_pem: Vec<u8>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(hidden)")
    }
}

/// A bearer token. Its `Debug` does not show it.
#[derive(Clone)]
pub struct Token(MetadataValue<Ascii>);

impl Token {
    /// Takes a token as it stands in the file, without the blanks around it.
    ///
    /// # Errors
    /// `REQUEST_INVALID` for one that is empty or cannot stand in a header.
    pub fn new(token: &str) -> Result<Self, Error> {
        let token = token.trim();
        let header = format!("Bearer {token}").parse::<MetadataValue<Ascii>>();
        match header {
            Ok(mut header) if !token.is_empty() => {
                header.set_sensitive(true);
                Ok(Self(header))
            }
            // The text stays out of the message: a token must not be shown.
            Ok(_) | Err(_) => Err(Error::new(
                Reason::RequestInvalid,
                "the token is empty or has characters that a header cannot carry",
            )),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// Adds the token to every call.
#[derive(Debug, Clone)]
pub(super) struct Bearer(Option<Token>);

impl Bearer {
    pub(super) fn new(token: Option<Token>) -> Self {
        Self(token)
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(Token(header)) = &self.0 {
            request
                .metadata_mut()
                .insert("authorization", header.clone());
        }
        Ok(request)
    }
}

/// The address with everything about its connection set.
pub(super) fn endpoint(url: &str, options: &ClientOptions) -> Result<Endpoint, Error> {
    let wrong = |why: String| Error::new(Reason::RequestInvalid, why);
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|error| wrong(format!("{url:?} is not the address of a gateway ({error}): give one like http://127.0.0.1:50051")))?;
    let tls = match endpoint.uri().scheme_str() {
        Some("http") => None,
        Some("https") => Some(tls(options)),
        _ => {
            return Err(wrong(format!(
                "{url:?} is not the address of a gateway: begin it with http:// or https://"
            )));
        }
    };
    if tls.is_none() && (options.ca_pem.is_some() || options.identity.is_some()) {
        return Err(wrong(format!(
            "certificates are given, but {url:?} is not encrypted: begin it with https://"
        )));
    }
    let endpoint = endpoint
        .connect_timeout(options.connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    match tls {
        None => Ok(endpoint),
        Some(tls) => endpoint.tls_config(tls).map_err(|error| {
            wrong(format!(
                "the certificates cannot be used: {}",
                super::failure::causes(&error)
            ))
        }),
    }
}

fn tls(options: &ClientOptions) -> ClientTlsConfig {
    let mut tls = match &options.ca_pem {
        Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    if let Some(name) = &options.server_name {
        tls = tls.domain_name(name);
    }
    if let Some(ClientIdentity {
        certificate_pem,
        key_pem,
    }) = &options.identity
    {
        tls = tls.identity(Identity::from_pem(certificate_pem, key_pem));
    }
    tls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let options = ClientOptions {
            token: Some(Token::new(" hush \n").unwrap()),
            identity: Some(ClientIdentity {
                certificate_pem: b"hush".to_vec(),
                key_pem: b"hush".to_vec(),
            }),
            ..ClientOptions::default()
        };
        assert!(!format!("{options:?} {:?}", Bearer::new(options.token.clone())).contains("hush"));
    }

    #[test]
    fn a_token_that_no_header_can_carry_is_refused_without_showing_it() {
        for token in ["", "  ", "hu\nsh", "hush\u{1}"] {
            let error = Token::new(token).unwrap_err();
            assert_eq!(error.reason, Reason::RequestInvalid);
            assert!(!error.message.contains("sh\u{1}"));
        }
    }

    #[test]
    fn an_address_that_cannot_be_says_what_one_looks_like() {
        for url in ["", "127.0.0.1:50051", "ftp://host:1", "http://"] {
            let error = endpoint(url, &ClientOptions::default()).unwrap_err();
            assert_eq!(error.reason, Reason::RequestInvalid, "{url}");
            assert!(error.message.contains("http://"), "{url}: {error}");
        }
        let with_ca = ClientOptions {
            ca_pem: Some(Vec::new()),
            ..ClientOptions::default()
        };
        assert!(
            endpoint("http://h:1", &with_ca)
                .unwrap_err()
                .message
                .contains("https://")
        );
    }
}
