//! Connecting, and making what is not there yet.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr, jetstream};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::{JetStream, JournalError, NO_STREAM, Refusal, Shared, ask, check};

/// Two pings without an answer end a connection: a server that is frozen is noticed by nothing else.
const PING_EVERY: Duration = Duration::from_secs(2);

/// Where the journal is, and what it has to be.
#[derive(Debug, Clone)]
pub struct JetStreamSettings {
    /// `JOURNAL_SERVERS`.
    pub servers: Vec<String>,
    /// `JOURNAL_NAME`.
    pub name: String,
    /// `JOURNAL_CREDENTIALS`.
    pub credentials: Option<PathBuf>,
    /// `JOURNAL_CA`.
    pub ca: Option<PathBuf>,
    /// `JOURNAL_REPLICAS`: 1, 3 or 5.
    pub replicas: usize,
    /// `JOURNAL_TIMEOUT`: of each operation.
    pub timeout: Duration,
}

impl JetStream {
    /// Connects, makes stream and bucket where they are missing, and checks that they are what they have to be.
    ///
    /// # Errors
    /// [`JournalError::Unfit`] names the setting that is wrong; [`JournalError::Away`]: no server answers.
    pub async fn open(settings: JetStreamSettings) -> Result<Self, JournalError> {
        let client = connect(&settings).await?;
        check::server(&client)?;
        let context = jetstream::new(client.clone());
        let stream = format!("ORDERS_{}_1", settings.name);
        let mut shared = Shared {
            subject: format!("orders.{}.journal.1", settings.name),
            bucket: format!("ORDERS_{}", settings.name),
            created: String::new(),
            stream,
            client,
            context,
            settings,
        };
        let name = shared.stream.clone();
        make(&shared, &name, check::wanted(&shared)).await?;
        let info = check::info(&shared).await?;
        check::stream(&info.config, &shared)?;
        shared.created = info.created;
        let bucket = format!("KV_{}", shared.bucket);
        make(&shared, &bucket, lease_bucket(&shared)).await?;
        let info = check::info_of(&shared, &bucket).await?;
        check::bucket(&info.config, &shared)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }
}

async fn connect(settings: &JetStreamSettings) -> Result<Client, JournalError> {
    let mut options = ConnectOptions::new()
        .name("ibkr-orders")
        .ping_interval(PING_EVERY)
        .connection_timeout(settings.timeout)
        .request_timeout(Some(settings.timeout));
    if let Some(ca) = &settings.ca {
        options = options.add_root_certificates(ca.clone());
    }
    if let Some(credentials) = &settings.credentials {
        options = options
            .credentials_file(credentials)
            .await
            .map_err(|error| {
                JournalError::Unfit(format!(
                    "JOURNAL_CREDENTIALS: {} cannot be read as NATS credentials: {error}",
                    credentials.display()
                ))
            })?;
    }
    let addresses = settings
        .servers
        .iter()
        .map(|server| {
            server.parse::<ServerAddr>().map_err(|error| {
                JournalError::Unfit(format!(
                    "JOURNAL_SERVERS: one of them is no address: {error}"
                ))
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    // The client library leaves the user in an address alone.
    if let Some(named) = addresses.iter().find(|address| address.has_user_pass()) {
        let user = named.username().unwrap_or_default().to_owned();
        let password = named.password().unwrap_or_default().to_owned();
        options = options.user_and_password(user, password);
    }
    // Without users and passwords: this is read by people, and logged.
    let servers = addresses
        .iter()
        .map(|address| format!("{}:{}", address.host(), address.port()))
        .collect::<Vec<_>>()
        .join(", ");
    options.connect(addresses).await.map_err(|error| {
        match error.kind() {
            ConnectErrorKind::ServerParse => {
                JournalError::Unfit(format!("JOURNAL_SERVERS: {servers} is no list of servers: {error}"))
            }
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                JournalError::Unfit(format!(
                    "JOURNAL_CREDENTIALS: the server at {servers} does not let this gateway in: {error}"
                ))
            }
            ConnectErrorKind::Tls => JournalError::Unfit(format!(
                "JOURNAL_CA: TLS with {servers} failed: {error}"
            )),
            ConnectErrorKind::Dns
            | ConnectErrorKind::TimedOut
            | ConnectErrorKind::Io
            | ConnectErrorKind::MaxReconnects => {
                JournalError::Away(format!("no connection to {servers} (JOURNAL_SERVERS): {error}"))
            }
        }
    })
}

#[derive(Deserialize)]
struct Made {
    #[serde(default)]
    error: Option<Refusal>,
}

/// Makes a stream unless there is one of its name; whether that one is right is looked at afterwards.
async fn make(shared: &Shared, name: &str, config: serde_json::Value) -> Result<(), JournalError> {
    let subject = format!("$JS.API.STREAM.INFO.{name}");
    let found: Made = api(shared, subject, Bytes::new()).await?;
    match found.error {
        None => return Ok(()),
        Some(refusal) if refusal.err_code == NO_STREAM => {}
        Some(refusal) => return Err(refusal.into_error(name)),
    }
    let subject = format!("$JS.API.STREAM.CREATE.{name}");
    let made: Made = api(shared, subject, config.to_string().into()).await?;
    match made.error {
        None => Ok(()),
        // Another gateway was first.
        Some(refusal) if refusal.err_code == 10058 => Ok(()),
        Some(refusal) if refusal.err_code == 10005 || refusal.err_code == 10074 => {
            Err(JournalError::Unfit(format!(
                "JOURNAL_REPLICAS: the servers cannot keep {} copies of {name}: {}",
                shared.settings.replicas, refusal.description
            )))
        }
        Some(refusal) => Err(JournalError::Unfit(format!(
            "JOURNAL_NAME: the stream {name} could not be made: {} ({})",
            refusal.description, refusal.err_code
        ))),
    }
}

async fn api<T: serde::de::DeserializeOwned>(
    shared: &Shared,
    subject: String,
    payload: Bytes,
) -> Result<T, JournalError> {
    ask(&shared.client, shared.settings.timeout, subject, payload, None)
        .await
        .map_err(|error| match error {
            JournalError::Away(text) if text.contains("no server answers") => JournalError::Away(format!(
                "{text}: JetStream is not enabled there, or not for this account (JOURNAL_SERVERS, JOURNAL_CREDENTIALS)"
            )),
            other => other,
        })
}

/// A bucket as every client of NATS knows it, with one key.
fn lease_bucket(shared: &Shared) -> serde_json::Value {
    json!({
        "name": format!("KV_{}", shared.bucket),
        "subjects": [format!("$KV.{}.>", shared.bucket)],
        "retention": "limits",
        "storage": "file",
        "num_replicas": shared.settings.replicas,
        "max_msgs_per_subject": 1,
        "max_msgs": -1,
        "max_bytes": -1,
        "max_age": 0,
        "max_msg_size": -1,
        "max_consumers": -1,
        "discard": "new",
        "allow_rollup_hdrs": true,
        "deny_delete": true,
        "allow_direct": true,
    })
}
