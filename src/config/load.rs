//! Settings from flags over the environment over `.env` over defaults. Every problem is found before anything is started.

use std::collections::BTreeMap;
use std::env::VarError;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use super::{Config, JournalConfig, LogFormat, journal, parse_disconnect_grace};
use crate::domain::{Amount, RestartWindow, Zone};

/// A bound for typing errors only: TWS takes 50 unless it was told otherwise, a simulator as many as it can.
const MESSAGES_PER_SECOND_MAX: u32 = 1_000_000;

/// Texts of settings by the names of their environment variables.
#[derive(Debug, Clone)]
pub struct Settings {
    flags: BTreeMap<&'static str, String>,
    dotenv: BTreeMap<String, String>,
    environment: fn(&str) -> Result<String, VarError>,
    problems: Vec<Problem>,
}

/// One wrong setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting: its environment variable, its flag or the file it stands in.
    pub setting: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Everything that is wrong with a configuration; never empty. Prints one problem a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// In the order of the documentation's table.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, Problem { setting, message }) in self.problems.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{setting}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

impl Settings {
    /// Reads `.env` in the current directory, where there is one, and takes `flags` (by environment variable) above it and above
    /// the environment.
    pub fn read(flags: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self::from(flags, Path::new(".env"), |name| std::env::var(name))
    }

    fn from(
        flags: impl IntoIterator<Item = (&'static str, String)>,
        dotenv: &Path,
        environment: fn(&str) -> Result<String, VarError>,
    ) -> Self {
        let mut settings = Self {
            flags: flags.into_iter().collect(),
            dotenv: BTreeMap::new(),
            environment,
            problems: Vec::new(),
        };
        match dotenvy::from_path_iter(dotenv) {
            Ok(entries) => {
                for entry in entries {
                    match entry {
                        Ok((name, value)) => {
                            settings.dotenv.insert(name, value);
                        }
                        Err(error) => {
                            settings.problem(&dotenv.display().to_string(), error.to_string());
                        }
                    }
                }
            }
            Err(error) if error.not_found() => {}
            Err(error) => settings.problem(&dotenv.display().to_string(), error.to_string()),
        }
        settings
    }

    fn problem(&mut self, setting: &str, message: impl Into<String>) {
        self.problems.push(Problem {
            setting: setting.to_owned(),
            message: message.into(),
        });
    }

    /// The text of a setting; an empty one counts as not given.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = match (self.flags.get(name), (self.environment)(name)) {
            (Some(flag), _) => Some(flag.clone()),
            (None, Ok(text)) if !text.is_empty() => Some(text),
            (None, Ok(_) | Err(VarError::NotPresent)) => self.dotenv.get(name).cloned(),
            (None, Err(VarError::NotUnicode(_))) => {
                self.problem(name, "is not UTF-8 text");
                None
            }
        };
        text.map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// A path.
    pub fn path(&mut self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The paths of a certificate and its private key, which only make sense together.
    pub fn certificate(
        &mut self,
        certificate: &'static str,
        key: &'static str,
    ) -> Option<(PathBuf, PathBuf)> {
        match (self.path(certificate), self.path(key)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (Some(_), None) => {
                self.problem(
                    key,
                    format!("is missing: {certificate} needs its private key"),
                );
                None
            }
            (None, Some(_)) => {
                self.problem(
                    certificate,
                    format!("is missing: {key} needs its certificate"),
                );
                None
            }
            (None, None) => None,
        }
    }

    /// A setting that must be read from its text; `wanted` says what it should be.
    fn parsed<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.text(name)?;
        let value = read(&text);
        if value.is_none() {
            self.problem(name, format!("{text:?} is not {wanted}"));
        }
        value
    }

    /// The settings of the journal. Without its servers there is none, and the others make no sense.
    fn journal(&mut self, given: Option<JournalConfig>) -> Option<JournalConfig> {
        let wanted = "a list of servers, for example nats://one:4222,nats://two:4222";
        let servers = self.parsed("JOURNAL_SERVERS", wanted, journal::servers);
        let wanted = "a name of 1 to 32 letters, digits, _ or -";
        let name = self.parsed("JOURNAL_NAME", wanted, |text| {
            journal::is_name(text).then(|| text.to_owned())
        });
        let credentials = self.path("JOURNAL_CREDENTIALS");
        let ca = self.path("JOURNAL_CA");
        let replicas = self.parsed("JOURNAL_REPLICAS", "1, 3 or 5", |text| {
            text.parse().ok().filter(|count| [1, 3, 5].contains(count))
        });
        let wanted = "a number of seconds (1 to 3600)";
        let lease = self.parsed("JOURNAL_LEASE", wanted, journal::lease);
        let wanted = "a number of seconds (0.05 to 60)";
        let timeout = self.parsed("JOURNAL_TIMEOUT", wanted, journal::timeout);
        let advertise = self.text("GRPC_ADVERTISE");
        let Some(servers) = servers.or_else(|| given.as_ref().map(|g| g.servers.clone())) else {
            for (setting, is_given) in [
                ("JOURNAL_NAME", name.is_some()),
                ("JOURNAL_CREDENTIALS", credentials.is_some()),
                ("JOURNAL_CA", ca.is_some()),
                ("JOURNAL_REPLICAS", replicas.is_some()),
                ("JOURNAL_LEASE", lease.is_some()),
                ("JOURNAL_TIMEOUT", timeout.is_some()),
            ] {
                if is_given {
                    self.problem(
                        setting,
                        "needs JOURNAL_SERVERS: it says more about the journal there",
                    );
                }
            }
            return None;
        };
        if !cfg!(feature = "journal") {
            self.problem(
                "JOURNAL_SERVERS",
                "this program was built without the journal: build it with --features journal, or leave the setting out",
            );
        }
        let Some(name) = name.or_else(|| given.as_ref().map(|g| g.name.clone())) else {
            let is_bad = self
                .problems
                .iter()
                .any(|problem| problem.setting == "JOURNAL_NAME");
            if !is_bad {
                self.problem(
                    "JOURNAL_NAME",
                    "is missing: the journal on JOURNAL_SERVERS needs a name",
                );
            }
            return None;
        };
        let timeout = timeout.unwrap_or(Duration::from_secs(2));
        let lease = lease.unwrap_or(Duration::from_secs(20));
        if timeout > lease / 2 {
            self.problem("JOURNAL_TIMEOUT", "must be at most half of JOURNAL_LEASE");
        }
        Some(JournalConfig {
            servers,
            name,
            credentials,
            ca,
            replicas: replicas.unwrap_or(3),
            lease,
            timeout,
            advertise,
        })
    }

    /// The configuration: what is given over `defaults`.
    ///
    /// # Errors
    /// Every problem at once.
    pub fn config(mut self, defaults: Config) -> Result<Config, ConfigError> {
        let mut config = defaults;
        let set = &mut self;
        let wanted = "a host name or an address alone; the port of TWS goes into IB_PORT";
        let host = set.parsed("IB_HOST", wanted, |text| {
            is_host(text).then(|| text.to_owned())
        });
        replace(&mut config.ib_host, host);
        let port = set.parsed("IB_PORT", "a port (1 to 65535)", |text| {
            text.parse().ok().filter(|port| *port != 0)
        });
        replace(&mut config.ib_port, port);
        let client_id = set.parsed("IB_CLIENT_ID", "a client id (0 or more)", |text| {
            text.parse().ok().filter(|id| *id >= 0)
        });
        replace(&mut config.ib_client_id, client_id);
        replace(&mut config.order_db_path, set.path("ORDER_DB_PATH"));
        let address = |text: &str| SocketAddr::from_str(text).ok();
        let wanted = "an address with a port, for example 127.0.0.1:50051";
        replace(
            &mut config.grpc_listen,
            set.parsed("GRPC_LISTEN", wanted, address),
        );
        let wanted = "an address with a port, for example 127.0.0.1:9464";
        config.metrics_listen = set
            .parsed("METRICS_LISTEN", wanted, address)
            .or(config.metrics_listen);
        let wanted = "an address with a port, for example 127.0.0.1:8080";
        config.web_listen = set
            .parsed("WEB_LISTEN", wanted, address)
            .or(config.web_listen);
        if config.web_listen.is_some() && !cfg!(feature = "web") {
            set.problem(
                "WEB_LISTEN",
                "this program was built without the page: build it with --features web, or leave the setting out",
            );
        }
        let wanted =
            "a list of origins, for example https://orders.example,https://orders.example:8443";
        replace(
            &mut config.web_origins,
            set.parsed("WEB_ORIGINS", wanted, origins),
        );
        if let Some((certificate, key)) = set.certificate("TLS_CERT", "TLS_KEY") {
            config.tls_cert = Some(certificate);
            config.tls_key = Some(key);
        }
        config.tls_client_ca = set.path("TLS_CLIENT_CA").or(config.tls_client_ca);
        if config.tls_client_ca.is_some() && config.tls_cert.is_none() {
            set.problem(
                "TLS_CLIENT_CA",
                "needs TLS_CERT and TLS_KEY: client certificates come with TLS",
            );
        }
        config.auth_token_file = set.path("AUTH_TOKEN_FILE").or(config.auth_token_file);
        config.callers_file = set.path("CALLERS_FILE").or(config.callers_file);
        if config.callers_file.is_some() && config.tls_client_ca.is_none() {
            set.problem(
                "CALLERS_FILE",
                "needs TLS_CLIENT_CA: it gives the names in client certificates their roles",
            );
        }
        let allow_unnamed = set.parsed("ALLOW_UNNAMED_PLACE", "true or false", flag);
        replace(&mut config.allow_unnamed_place, allow_unnamed);
        let places = |text: &str| text.parse().ok().filter(|places| *places > 0);
        let bounds = &mut config.bounds;
        for (name, bound) in [
            ("MAX_CALLS_PER_CALLER", &mut bounds.calls_per_caller_max),
            ("MAX_WATCHES_PER_CALLER", &mut bounds.watches_per_caller_max),
            (
                "MAX_CONNECTIONS_PER_CALLER",
                &mut bounds.connections_per_caller_max,
            ),
        ] {
            replace(bound, set.parsed(name, "a number (1 or more)", places));
        }
        config.ib_account = set.text("IB_ACCOUNT").or(config.ib_account);
        let allow_live = set.parsed("IB_ALLOW_LIVE", "true or false", flag);
        replace(&mut config.ib_allow_live, allow_live);
        let rate = set.parsed(
            "IB_MAX_MESSAGES_PER_SECOND",
            &format!("a rate (1 to {MESSAGES_PER_SECOND_MAX})"),
            |text| {
                text.parse()
                    .ok()
                    .filter(|rate| (1..=MESSAGES_PER_SECOND_MAX).contains(rate))
            },
        );
        replace(&mut config.ib_max_messages_per_second, rate);
        let previews = set.parsed("PREVIEWS_PER_MINUTE", "a number (1 to 1000)", |text| {
            text.parse()
                .ok()
                .filter(|previews| (1..=1_000).contains(previews))
        });
        replace(&mut config.previews_per_minute, previews);
        let amount = |text: &str| Amount::parse(text).ok().filter(|a| a.is_positive());
        let wanted = "a positive decimal number";
        config.max_order_quantity = set
            .parsed("MAX_ORDER_QUANTITY", wanted, amount)
            .or(config.max_order_quantity);
        config.max_order_notional = set
            .parsed("MAX_ORDER_NOTIONAL", wanted, amount)
            .or(config.max_order_notional);
        let zone = |text: &str| Zone::named(text).map(|zone| zone.name().to_owned());
        let wanted = "the name of a time zone, for example America/New_York";
        replace(
            &mut config.limits_timezone,
            set.parsed("LIMITS_TIMEZONE", wanted, zone),
        );
        config.limits_file = set.path("LIMITS_FILE").or(config.limits_file);
        if let Err(error) = config.risk_limits() {
            set.problem("LIMITS_FILE", error.to_string());
        }
        config.halt_file = set.path("HALT_FILE").or(config.halt_file);
        config.tws_restart_at = set.text("TWS_RESTART_AT").or(config.tws_restart_at);
        if let Some(at) = &config.tws_restart_at
            && let Err(error) = RestartWindow::parse(at)
        {
            set.problem("TWS_RESTART_AT", error);
        }
        if let Some(text) = set.text("CANCEL_ON_DISCONNECT") {
            match parse_disconnect_grace(&text) {
                Ok(grace) => config.cancel_on_disconnect = grace,
                Err(problem) => set.problem("CANCEL_ON_DISCONNECT", problem),
            }
        }
        config.journal = set.journal(config.journal);
        let format = set.parsed("LOG_FORMAT", "text or json", |text| {
            match text.to_ascii_lowercase().as_str() {
                "text" => Some(LogFormat::Text),
                "json" => Some(LogFormat::Json),
                _ => None,
            }
        });
        replace(&mut config.log_format, format);
        config.log_filter = set.text("RUST_LOG").or(config.log_filter);
        config.otlp_endpoint = set
            .text("OTEL_EXPORTER_OTLP_ENDPOINT")
            .or(config.otlp_endpoint);
        if config.otlp_endpoint.is_some() && !cfg!(feature = "otlp") {
            set.problem(
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "this program was built without the export of traces: build it with --features otlp, or leave the setting out",
            );
        }
        match self.problems {
            problems if problems.is_empty() => Ok(config),
            problems => Err(ConfigError { problems }),
        }
    }
}

/// Origins with commas between: a scheme, a host and no path, as browsers write them.
fn origins(text: &str) -> Option<Vec<String>> {
    text.split(',')
        .map(|origin| {
            let origin = origin.trim().to_ascii_lowercase();
            let host = origin
                .strip_prefix("https://")
                .or_else(|| origin.strip_prefix("http://"))?;
            let whole = !host.is_empty()
                && !host.contains(|c: char| c.is_whitespace() || "/?#@*".contains(c));
            whole.then_some(origin)
        })
        .collect()
}

fn replace<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

/// Whether a text is a host name or an address: no URL, no path, no port behind it. An IPv6 address may stand in brackets.
fn is_host(text: &str) -> bool {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match bare {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None if text.contains(':') => text.parse::<Ipv6Addr>().is_ok(),
        None => !text
            .contains(|c: char| c.is_whitespace() || c.is_control() || "/\\?#@,;[]".contains(c)),
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_environment(_: &str) -> Result<String, VarError> {
        Err(VarError::NotPresent)
    }

    fn environment(name: &str) -> Result<String, VarError> {
        match name {
            "IB_PORT" => Ok("4002".to_owned()),
            "IB_HOST" => Ok("from-environment".to_owned()),
            "IB_ACCOUNT" => Ok(String::new()),
            _ => Err(VarError::NotPresent),
        }
    }

    fn dotenv(text: &str) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".env");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn flags_go_over_the_environment_over_the_file_over_defaults() {
        let (_dir, path) = dotenv("IB_HOST=from-file\nIB_ACCOUNT=DU1\nIB_CLIENT_ID=9\nIB_PORT=1\n");
        let flags = [("IB_PORT", "5000".to_owned())];
        let config = Settings::from(flags, &path, environment)
            .config(Config::default())
            .unwrap();
        assert_eq!(config.ib_port, 5000);
        assert_eq!(config.ib_host, "from-environment");
        assert_eq!(config.ib_client_id, 9);
        assert_eq!(config.ib_account.as_deref(), Some("DU1"));
        assert_eq!(config.order_db_path, Config::default().order_db_path);
    }

    #[test]
    fn without_anything_the_defaults_stand() {
        let missing = Path::new("no-such-directory/.env");
        let config = Settings::from([], missing, no_environment).config(Config::default());
        assert_eq!(config, Ok(Config::default()));
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let (_dir, path) = dotenv(
            "IB_PORT=0\nIB_CLIENT_ID=-1\nLOG_FORMAT=xml\nTLS_CERT=cert.pem\nMAX_ORDER_QUANTITY=1e3\nIB_ALLOW_LIVE=perhaps\nGRPC_LISTEN=localhost\nIB_MAX_MESSAGES_PER_SECOND=0\n",
        );
        let error = Settings::from([], &path, no_environment)
            .config(Config::default())
            .unwrap_err();
        let named: Vec<_> = error.problems.iter().map(|p| p.setting.as_str()).collect();
        assert_eq!(
            named,
            [
                "IB_PORT",
                "IB_CLIENT_ID",
                "GRPC_LISTEN",
                "TLS_KEY",
                "IB_ALLOW_LIVE",
                "IB_MAX_MESSAGES_PER_SECOND",
                "MAX_ORDER_QUANTITY",
                "LOG_FORMAT",
            ]
        );
        assert!(
            error
                .to_string()
                .starts_with("IB_PORT: \"0\" is not a port (1 to 65535)\n")
        );
    }

    #[test]
    fn a_host_with_a_port_or_a_url_is_told_to_use_ib_port() {
        let host = |text: &str| {
            let flags = [("IB_HOST", text.to_owned())];
            let missing = Path::new("no-such-directory/.env");
            Settings::from(flags, missing, no_environment).config(Config::default())
        };
        for wrong in [
            "127.0.0.1:7497",
            "tws.example:7497",
            "[::1]:7497",
            "tcp://127.0.0.1",
            "http://127.0.0.1:7497/",
            "127.0.0.1/7497",
            "127.0.0.1 7497",
            "user@tws",
            "[tws]",
        ] {
            let error = host(wrong).unwrap_err();
            let [problem] = error.problems.as_slice() else {
                panic!("{wrong}: {error}")
            };
            assert_eq!(problem.setting, "IB_HOST");
            assert!(problem.message.contains("IB_PORT"), "{error}");
        }
        for right in ["tws", "tws.example", "127.0.0.1", "::1", "[::1]", "tws_1"] {
            assert_eq!(host(right).unwrap().ib_host, right);
        }
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        assert_eq!(
            origins("https://Orders.example, http://localhost:81"),
            Some(vec![
                "https://orders.example".to_owned(),
                "http://localhost:81".to_owned()
            ])
        );
        for wrong in [
            "*",
            "orders.example",
            "https://",
            "https://orders.example/",
            "https://*.example",
            "https://a,",
            "null",
            "ftp://a",
        ] {
            assert_eq!(origins(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_program_that_exports_no_traces_says_so_instead_of_leaving_them_out() {
        let (_dir, path) = dotenv("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317\n");
        let config = Settings::from([], &path, no_environment).config(Config::default());
        assert_eq!(config.is_ok(), cfg!(feature = "otlp"), "{config:?}");
    }

    #[test]
    fn a_file_that_cannot_be_read_line_by_line_is_a_problem() {
        let (_dir, path) = dotenv("IB_HOST='unclosed\n");
        let error = Settings::from([], &path, no_environment).config(Config::default());
        assert!(error.is_err_and(|e| e.problems.len() == 1));
    }

    #[test]
    fn the_example_file_says_the_defaults() {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example"));
        let config = Settings::from([], path, no_environment).config(Config::default());
        assert_eq!(config, Ok(Config::default()));
    }
}
