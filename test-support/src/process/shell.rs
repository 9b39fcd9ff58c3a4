//! Runs the built program in a directory of its own, with nothing of our environment, and never for longer than a limit.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::waiting::LIMIT;

/// A directory with the program's files in it.
pub struct Shell {
    dir: tempfile::TempDir,
    environment: Vec<(String, String)>,
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Default for Shell {
    fn default() -> Self {
        Self::new()
    }
}

impl Shell {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        }
    }

    /// With a variable set for every command.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_with_input(args, &[])
    }

    pub fn run_with_input(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.spawn(args);
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        // The program may not read it all: then the pipe breaks, which is its right.
        let feeding = thread::spawn(move || drop(stdin.write_all(&input)));
        let ran = finish(child);
        feeding.join().unwrap();
        ran
    }

    /// Starts a command; end it with [`finish`].
    pub fn spawn(&self, args: &[&str]) -> Child {
        Command::new(super::program())
            .args(args)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// Waits for a command and takes what it printed.
pub fn finish(mut child: Child) -> Ran {
    let stdout = child.stdout.take().map(reading);
    let stderr = child.stderr.take().map(reading);
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > LIMIT {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("a command took longer than {LIMIT:?}");
        }
        thread::sleep(Duration::from_millis(1));
    };
    let text = |reader: Option<thread::JoinHandle<Vec<u8>>>| {
        let bytes = reader.map_or_else(Vec::new, |reader| reader.join().unwrap());
        String::from_utf8(bytes).unwrap()
    };
    Ran {
        code: status
            .code()
            .unwrap_or_else(|| panic!("ended by a signal: {status}")),
        stdout: text(stdout),
        stderr: text(stderr),
    }
}

fn reading(mut source: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

impl Ran {
    /// The one document on stdout.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.stdout.lines().count(), 1, "one document: {self:?}");
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one document on stdout, read by its contract. What the contract writes must be what was printed, so that the
    /// order of the fields and the form of the numbers are part of it.
    #[track_caller]
    pub fn read<T: serde::de::DeserializeOwned + serde::Serialize>(&self) -> T {
        let document =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        assert_eq!(
            serde_json::to_string(&document).unwrap() + "\n",
            self.stdout,
            "fields in their order, nothing else on stdout"
        );
        document
    }

    /// Exit code, stdout and stderr in one text for a snapshot.
    pub fn all(&self) -> String {
        format!(
            "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.code, self.stdout, self.stderr
        )
    }
}
