//! Who may speak to this door. A loopback port is no protection from a web page: any page that a person opens can send requests there,
//! and a name that somebody else's DNS points to loopback makes them same-origin. So the host must be one of ours, and an origin that is
//! given must be one of ours too.

use std::net::{IpAddr, SocketAddr};

use http::header::{HOST, HeaderName, ORIGIN};
use http::request::Parts;

/// Hosts and origins that are ours, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Guard {
    /// Of a door that listens at an address, and is reached under further origins.
    pub(super) fn new(address: SocketAddr, tls: bool, further: &[String]) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let port = address.port();
        let mut names = vec![match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        }];
        if address.ip().is_loopback() || address.ip().is_unspecified() {
            names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
        }
        let mut hosts: Vec<_> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == if tls { 443 } else { 80 } {
            hosts.extend(names);
        }
        let mut origins: Vec<_> = hosts
            .iter()
            .map(|host| format!("{scheme}://{host}"))
            .collect();
        for origin in further {
            let origin = origin.to_ascii_lowercase();
            if let Some((_, host)) = origin.split_once("://") {
                hosts.push(host.to_owned());
            }
            origins.push(origin);
        }
        Self { hosts, origins }
    }

    /// Why a request is refused, if it is.
    pub(super) fn refusal(&self, request: &Parts) -> Option<&'static str> {
        let authority = request.uri.authority().map(|authority| authority.as_str());
        let host = one(request, &HOST);
        let named = match (authority, &host) {
            (None, Named::None) => return Some("the request names no host"),
            (_, Named::Several) => return Some("the request names several hosts"),
            (authority, Named::One(host)) => [authority, Some(*host)],
            (authority, Named::None) => [authority, None],
        };
        let ours = |known: &[String], given: &str| {
            known.iter().any(|known| known.eq_ignore_ascii_case(given))
        };
        if named
            .into_iter()
            .flatten()
            .any(|host| !ours(&self.hosts, host))
        {
            return Some(
                "this host is not one of this gateway's: a name it is reached under belongs into WEB_ORIGINS",
            );
        }
        match one(request, &ORIGIN) {
            Named::None => None,
            Named::One(origin) if ours(&self.origins, origin) => None,
            Named::One(_) | Named::Several => {
                Some("a page of another origin may not call this gateway")
            }
        }
    }
}

/// What the values of a header name.
enum Named<'a> {
    None,
    One(&'a str),
    /// Or a value that is no text: nobody's.
    Several,
}

fn one<'a>(request: &'a Parts, name: &HeaderName) -> Named<'a> {
    let mut values = request.headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Named::None,
        (Some(value), None) => value.to_str().map_or(Named::Several, Named::One),
        (Some(_), Some(_)) => Named::Several,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn admits(guard: &Guard, uri: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        guard.refusal(&parts).is_none()
    }

    #[test]
    fn only_our_hosts_and_origins_pass() {
        let address = "127.0.0.1:8080".parse().unwrap();
        let guard = Guard::new(address, false, &["https://Orders.example".to_owned()]);
        for (uri, headers) in [
            ("/", vec![("host", "127.0.0.1:8080")]),
            ("/", vec![("host", "LOCALHOST:8080")]),
            ("/", vec![("host", "[::1]:8080")]),
            ("/", vec![("host", "orders.example")]),
            ("http://localhost:8080/", vec![]),
            (
                "/",
                vec![
                    ("host", "localhost:8080"),
                    ("origin", "http://localhost:8080"),
                ],
            ),
            (
                "/",
                vec![
                    ("host", "orders.example"),
                    ("origin", "https://orders.example"),
                ],
            ),
        ] {
            assert!(admits(&guard, uri, &headers), "{uri} {headers:?}");
        }
        for (uri, headers) in [
            ("/", vec![]),
            ("/", vec![("host", "localhost")]),
            ("/", vec![("host", "localhost:8081")]),
            ("/", vec![("host", "evil.example:8080")]),
            ("/", vec![("host", "localhost:8080.evil.example")]),
            (
                "/",
                vec![("host", "localhost:8080"), ("host", "evil.example")],
            ),
            ("http://evil.example:8080/", vec![]),
            (
                "http://evil.example:8080/",
                vec![("host", "localhost:8080")],
            ),
            ("http://localhost:8080/", vec![("host", "evil.example")]),
            ("/", vec![("host", "localhost:8080"), ("origin", "null")]),
            ("/", vec![("host", "localhost:8080"), ("origin", "")]),
            (
                "/",
                vec![
                    ("host", "localhost:8080"),
                    ("origin", "https://localhost:8080"),
                ],
            ),
            (
                "/",
                vec![
                    ("host", "localhost:8080"),
                    ("origin", "http://localhost:8081"),
                ],
            ),
            (
                "/",
                vec![
                    ("host", "localhost:8080"),
                    ("origin", "http://localhost:8080"),
                    ("origin", "http://evil.example"),
                ],
            ),
        ] {
            assert!(!admits(&guard, uri, &headers), "{uri} {headers:?}");
        }
    }

    #[test]
    fn a_default_port_need_not_be_named() {
        let guard = Guard::new("0.0.0.0:443".parse().unwrap(), true, &[]);
        let headers = [("host", "localhost"), ("origin", "https://localhost")];
        assert!(admits(&guard, "/", &headers));
        let guard = Guard::new("0.0.0.0:80".parse().unwrap(), true, &[]);
        assert!(!admits(&guard, "/", &[("host", "localhost")]));
    }
}
