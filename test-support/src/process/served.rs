//! The built program as a process.

use std::process::Stdio;

use ibkr_orders::client::{Client, ClientOptions};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

pub use crate::waiting::LIMIT;

/// A running `ibkr-orders serve`.
pub struct Served {
    pub child: Child,
    lines: Lines<BufReader<ChildStderr>>,
    pub said: Vec<String>,
    pub address: String,
}

pub fn command(dir: &TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(super::program());
    command
        .args(args)
        .current_dir(dir.path())
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Served {
    /// Starts it on a free port and waits until it listens.
    pub async fn start(dir: &TempDir, args: &[&str]) -> Self {
        Self::start_with(dir, args, &[]).await
    }

    /// The same with something in its environment.
    pub async fn start_with(dir: &TempDir, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut all = vec!["serve", "--simulate", "--grpc-listen", "127.0.0.1:0"];
        all.extend(args);
        let mut command = command(dir, &all);
        command.envs(environment.iter().copied());
        Self::spawn(command).await
    }

    /// Starts a command that serves, and waits until it listens.
    pub async fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut served = Self {
            child,
            lines,
            said: Vec::new(),
            address: String::new(),
        };
        let line = served.line("listening on ").await;
        served.address = line.trim_start_matches("listening on ").to_owned();
        served
    }

    /// Reads what it says until a line has `part`.
    pub async fn line(&mut self, part: &str) -> String {
        let reading = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line.clone());
                if line.contains(part) {
                    return line;
                }
            }
            panic!("it ended without {part:?}: {:?}", self.said);
        };
        match tokio::time::timeout(LIMIT, reading).await {
            Ok(line) => line,
            Err(_) => panic!("it did not say {part:?} in time"),
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.url(), ClientOptions::default())
            .await
            .unwrap()
    }

    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().unwrap().to_string();
        assert!(
            std::process::Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Its exit code, and everything it said.
    pub async fn end(mut self) -> (Option<i32>, String) {
        let ended = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                self.said.push(line);
            }
            self.child.wait().await.unwrap().code()
        };
        let code = tokio::time::timeout(LIMIT, ended)
            .await
            .expect("it did not end in time");
        (code, self.said.join("\n"))
    }
}

/// Runs a command that does not serve, and says how it ended.
pub async fn run(dir: &TempDir, args: &[&str]) -> (Option<i32>, String) {
    let output = tokio::time::timeout(LIMIT, command(dir, args).output())
        .await
        .expect("it did not end in time")
        .unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

pub fn dir() -> TempDir {
    tempfile::tempdir().unwrap()
}
