//! TLS of the service: certificates, their authorities, and what of them is accepted.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::TlsFiles;

/// Contents of the PEM files: what a change is told by, since times and links of mounted secrets tell little. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct TlsContents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsContents {
    /// Reads the files.
    pub(super) async fn read(files: &TlsFiles) -> Result<Self, String> {
        Ok(Self {
            certificate: contents(&files.certificate).await?,
            key: contents(&files.key).await?,
            client_ca: match &files.client_ca {
                Some(path) => Some(contents(path).await?),
                None => None,
            },
        })
    }

    /// What a handshake needs. Fails for a key that is not the certificate's, so that half of a renewal is not taken.
    pub(super) fn server_config(&self) -> Result<Arc<ServerConfig>, String> {
        let chain = certificates(&self.certificate)
            .map_err(|error| format!("the certificate cannot be read: {error}"))?;
        // The parser's own words could quote the file: this one has a secret.
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| "the key file has no private key in PEM".to_owned())?;
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                let authorities = certificates(pem)
                    .map_err(|error| format!("the client authorities cannot be read: {error}"))?;
                for authority in authorities {
                    roots
                        .add(authority)
                        .map_err(|error| format!("a client authority cannot be used: {error}"))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| {
                            format!("the client authorities cannot be used: {error}")
                        })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| format!("certificate and key cannot be used: {error}"))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }
}

async fn contents(path: &Path) -> Result<Vec<u8>, String> {
    tokio::fs::read(path)
        .await
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    if found.is_empty() {
        return Err("there is no certificate in PEM in it".to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(certificate: &str, key: &str) -> TlsContents {
        TlsContents {
            certificate: certificate.into(),
            key: key.into(),
            client_ca: None,
        }
    }

    #[test]
    fn a_certificate_needs_its_own_key() {
        let one = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (certificate, key) = (one.cert.pem(), one.signing_key.serialize_pem());
        assert!(contents(&certificate, &key).server_config().is_ok());
        let mismatch = contents(&certificate, &other.signing_key.serialize_pem());
        assert!(mismatch.server_config().is_err());
        assert!(contents("", &key).server_config().is_err());
        let error = contents(&certificate, "hush").server_config().unwrap_err();
        assert!(!error.contains("hush"), "{error}");
    }
}
