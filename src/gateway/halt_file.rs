//! `HALT_FILE`: while it is there, or cannot be looked at, new orders are halted.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::{info, warn};

use crate::config::Config;
use crate::engine::Engine;

/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A look at a disk that does not answer is one that failed.
const LOOK_TIMEOUT: Duration = Duration::from_secs(2);

/// The halt file of a gateway; `None`: it has none.
#[derive(Debug, Clone)]
pub(super) struct HaltFile(Option<PathBuf>);

impl HaltFile {
    /// The one of a configuration.
    pub(super) fn new(config: &Config) -> Self {
        Self(config.halt_file.clone())
    }

    /// Why it halts now; `None`: it does not. Blocks on the disk.
    pub(super) fn why(&self) -> Option<String> {
        self.0.as_deref().and_then(look)
    }

    /// Goes on looking for as long as the engine lives. `halted` is what the engine knows.
    pub(super) fn follow(self, engine: &Engine, halted: Option<String>) {
        let Some(path) = self.0 else {
            return;
        };
        let setter = engine.limits_setter();
        tokio::spawn(async move {
            let mut known = halted;
            while !setter.is_closed() {
                tokio::time::sleep(LOOK_EVERY).await;
                let looked = path.clone();
                let look = tokio::task::spawn_blocking(move || look(&looked));
                let why = match tokio::time::timeout(LOOK_TIMEOUT, look).await {
                    Ok(Ok(why)) => why,
                    Ok(Err(error)) => Some(unreadable(&path, &error)),
                    Err(_) => Some(unreadable(&path, &"its disk does not answer")),
                };
                if why == known {
                    continue;
                }
                match &why {
                    Some(why) => warn!("new orders are halted: {why}"),
                    None => info!("the halt file is gone"),
                }
                known.clone_from(&why);
                if !setter.set_halt_file(why).await {
                    return;
                }
            }
        });
    }
}

fn look(path: &Path) -> Option<String> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Some(format!("the halt file {} exists", path.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => Some(unreadable(path, &error)),
    }
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!(
        "the halt file {} cannot be looked at ({error})",
        path.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_or_cannot_be_looked_at_halts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("halt");
        assert_eq!(look(&path), None);
        std::fs::write(&path, "").unwrap();
        assert!(look(&path).unwrap().contains("exists"));
        // What stands where its directory should be is no directory.
        let below = path.join("halt");
        assert!(look(&below).unwrap().contains("cannot be looked at"));
    }
}
