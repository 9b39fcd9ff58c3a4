//! The name in a client certificate.

use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use crate::domain::CallerName;

/// The first URI or DNS name of a certificate's subject alternative names, as its caller's name. `None`: it has none, or one that is no
/// caller's name, and its caller is one without a name. The certificate was verified before; this only reads it.
pub(super) fn name(der: &[u8]) -> Option<CallerName> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate.subject_alternative_name().ok()??;
    let first = names
        .value
        .general_names
        .iter()
        .find_map(|name| match name {
            GeneralName::URI(text) | GeneralName::DNSName(text) => Some(*text),
            _ => None,
        })?;
    CallerName::new(first)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn named(names: Vec<SanType>) -> Option<String> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        name(certificate.der()).map(|name| name.to_string())
    }

    #[test]
    fn the_first_uri_or_dns_name_is_the_callers() {
        let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
        let uri = |name: &str| SanType::URI(name.try_into().unwrap());
        let ip = || SanType::IpAddress([127, 0, 0, 1].into());
        assert_eq!(
            named(vec![ip(), uri("spiffe://example.org/algo"), dns("algo")]).as_deref(),
            Some("spiffe://example.org/algo")
        );
        assert_eq!(
            named(vec![dns("algo.example.org"), uri("spiffe://x/y")]).as_deref(),
            Some("algo.example.org")
        );
        assert_eq!(named(vec![ip()]), None);
        assert_eq!(named(Vec::new()), None);
        assert_eq!(named(vec![uri(&"x".repeat(65)), dns("algo")]), None);
    }

    #[test]
    fn what_is_no_certificate_names_nobody() {
        assert_eq!(name(b"nonsense"), None);
        assert_eq!(name(&[]), None);
    }
}
