//! Certificates and tokens as they are now: the files are read again when they change.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_rustls::rustls::ServerConfig;
use tracing::{error, info};

use super::tls::TlsContents;
use super::token::Tokens;
use super::{ServeError, ServerSettings};

/// Certificates and tokens as they are now.
#[derive(Clone)]
pub(super) struct Secrets {
    /// `None` serves in plain text.
    pub(super) tls: Option<watch::Receiver<Arc<ServerConfig>>>,
    /// `None` asks for no token.
    pub(super) tokens: Option<watch::Receiver<Tokens>>,
}

/// Reads the files for the first time, and goes on reading them for as long as the task it starts is kept.
///
/// # Errors
/// A file that cannot be used. Later such a file is logged and what was there before is kept.
pub(super) async fn secrets(
    settings: &ServerSettings,
    tasks: &mut tokio::task::JoinSet<()>,
) -> Result<Secrets, ServeError> {
    let tls = match settings.tls.clone() {
        None => None,
        Some(files) => {
            let contents = TlsContents::read(&files).await.map_err(ServeError::Tls)?;
            let config = contents.server_config().map_err(ServeError::Tls)?;
            let (sender, receiver) = watch::channel(config);
            let (settings, mut last) = (settings.clone(), Ok(contents));
            tasks.spawn(async move {
                while looked_again(&settings).await {
                    let now = TlsContents::read(&files).await;
                    // What failed is not tried, and complained about, again before it changes.
                    if now == last {
                        continue;
                    }
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
            let text = token_text(&path).await.map_err(ServeError::Tokens)?;
            let (sender, receiver) =
                watch::channel(tokens(&path, &text).map_err(ServeError::Tokens)?);
            let (settings, mut last) = (settings.clone(), Ok(text));
            tasks.spawn(async move {
                while looked_again(&settings).await {
                    let now = token_text(&path).await;
                    if now == last {
                        continue;
                    }
                    match now
                        .as_ref()
                        .map_err(String::clone)
                        .and_then(|text| tokens(&path, text))
                    {
                        Ok(tokens) => {
                            sender.send_replace(tokens);
                            info!("the token file was read again");
                        }
                        Err(error) => error!("the new token file is not used: {error}"),
                    }
                    last = now;
                }
            });
            Some(receiver)
        }
    };
    Ok(Secrets { tls, tokens })
}

/// Waits until it is time to look at the files again.
async fn looked_again(settings: &ServerSettings) -> bool {
    tokio::select! {
        () = tokio::time::sleep(settings.reload_interval) => true,
        () = settings.reload.notified() => true,
    }
}

async fn token_text(path: &Path) -> Result<String, String> {
    tokio::fs::read_to_string(path)
        .await
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn tokens(path: &Path, text: &str) -> Result<Tokens, String> {
    Tokens::parse(text).ok_or_else(|| format!("{}: has no token; write one a line", path.display()))
}
