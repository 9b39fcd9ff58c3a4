//! Certificates, tokens and roles as they are now: the files are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ServerConfig;
use tracing::{error, info};

use super::tls::TlsContents;
use super::token::Tokens;
use super::{ServeError, ServerSettings};
use crate::callers::{BadLine, CertificateRoles};

/// Certificates and tokens as they are now.
#[derive(Clone)]
pub(super) struct Secrets {
    /// `None` serves in plain text.
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    /// `None` asks for no token.
    pub(super) tokens: Option<watch::Receiver<Tokens>>,
    /// `None`: a certificate alone may do everything.
    pub(super) certificates: Option<watch::Receiver<CertificateRoles>>,
}

/// How long after the first reading of a file at start it is read again, to see whether somebody is writing it.
const START_SETTLE_TIME: Duration = Duration::from_millis(100);
/// The same for a file that has changed; less where files are looked at more often than that.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(1);
/// How often a file is read that is another one each time.
const READINGS_MAX: usize = 10;

/// Reads the files for the first time, and goes on reading them for as long as the task it starts is kept.
///
/// # Errors
/// A file that cannot be used. Later such a file is logged and what was there before is kept.
pub(super) async fn secrets(
    settings: &ServerSettings,
    tasks: &mut JoinSet<()>,
) -> Result<Secrets, ServeError> {
    let tls = match settings.tls.clone() {
        None => None,
        Some(files) => {
            let read = async move || TlsContents::read(&files).await;
            let contents = settled(&read, START_SETTLE_TIME)
                .await
                .map_err(ServeError::Tls)?;
            let config = contents.server_config().map_err(ServeError::Tls)?;
            let (sender, receiver) = watch::channel(config);
            let settings = settings.clone();
            tasks.spawn(async move {
                let mut last = Ok(contents);
                loop {
                    let now = changed(&settings, &read, &last).await;
                    match now
                        .as_ref()
                        .map_err(String::clone)
                        .and_then(TlsContents::server_config)
                    {
                        Ok(config) => {
                            sender.send_replace(config);
                            info!("the TLS certificate was read again");
                        }
                        Err(error) => error!("the new TLS certificate is not used: {error}"),
                    }
                    last = now;
                }
            });
            Some(receiver)
        }
    };
    let tokens = match settings.token_file.clone() {
        None => None,
        Some(path) => {
            let file = CallersFile {
                path,
                what: "token file",
                parse: Tokens::parse,
                bad: |tokens| &tokens.bad,
            };
            Some(
                file.follow(settings, tasks)
                    .await
                    .map_err(ServeError::Tokens)?,
            )
        }
    };
    let certificates = match settings.callers_file.clone() {
        None => None,
        Some(path) => {
            let file = CallersFile {
                path,
                what: "callers file",
                parse: |text| Ok(CertificateRoles::read(text)),
                bad: |roles| &roles.bad,
            };
            Some(
                file.follow(settings, tasks)
                    .await
                    .map_err(ServeError::Callers)?,
            )
        }
    };
    Ok(Secrets {
        tls,
        tokens,
        certificates,
    })
}

/// A file that says who may call, line by line.
struct CallersFile<T> {
    path: PathBuf,
    /// For the log.
    what: &'static str,
    parse: fn(&str) -> Result<T, String>,
    /// Its lines that admit nobody.
    bad: fn(&T) -> &[BadLine],
}

impl<T: Send + Sync + 'static> CallersFile<T> {
    /// Reads it for the first time, and again whenever it changes.
    async fn follow(
        self,
        settings: &ServerSettings,
        tasks: &mut JoinSet<()>,
    ) -> Result<watch::Receiver<T>, String> {
        let path = self.path.clone();
        let read = async move || text(&path).await;
        let first = settled(&read, START_SETTLE_TIME).await?;
        let parsed = self.parsed(&first)?;
        self.say_bad_lines(&parsed);
        let (sender, receiver) = watch::channel(parsed);
        let settings = settings.clone();
        tasks.spawn(async move {
            let mut last = Ok(first);
            loop {
                let now = changed(&settings, &read, &last).await;
                let parsed = now.as_ref().map_err(String::clone);
                match parsed.and_then(|text| self.parsed(text)) {
                    Ok(parsed) => {
                        self.say_bad_lines(&parsed);
                        sender.send_replace(parsed);
                        info!("the {} was read again", self.what);
                    }
                    Err(error) => error!("the new {} is not used: {error}", self.what),
                }
                last = now;
            }
        });
        Ok(receiver)
    }

    fn parsed(&self, text: &str) -> Result<T, String> {
        (self.parse)(text).map_err(|error| format!("{}: {error}", self.path.display()))
    }

    fn say_bad_lines(&self, parsed: &T) {
        for line in (self.bad)(parsed) {
            error!("{}: {line}", self.what);
        }
    }
}

/// Waits until what is read is not what it was. What failed is not tried, and complained about, again before it changes.
async fn changed<T: PartialEq>(
    settings: &ServerSettings,
    read: &impl AsyncFn() -> Result<T, String>,
    last: &Result<T, String>,
) -> Result<T, String> {
    let settle = settings.reload_interval.min(SETTLE_TIME_MAX);
    loop {
        tokio::select! {
            () = tokio::time::sleep(settings.reload_interval) => {}
            () = settings.reload.notified() => {}
        }
        if read().await == *last {
            continue;
        }
        let now = settled(read, settle).await;
        if now != *last {
            return now;
        }
    }
}

/// Reads until two readings agree: a file that is being written is not taken for what it will be.
async fn settled<T: PartialEq>(
    read: &impl AsyncFn() -> Result<T, String>,
    settle: Duration,
) -> Result<T, String> {
    let mut before = read().await;
    for _ in 1..READINGS_MAX {
        tokio::time::sleep(settle).await;
        let now = read().await;
        if now == before {
            return now;
        }
        before = now;
    }
    Err("it changes each time it is read".to_owned())
}

async fn text(path: &Path) -> Result<String, String> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| format!("{}: {error}", path.display()))
}
