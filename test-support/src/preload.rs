//! Disk faults, fsync counts and a wrong clock for a process under test, by the preload library `faults.c`.
//!
//! ```ignore
//! let faults = Faults::new(dir.path())?.only("orders.db");
//! faults.set_fsync_delay(Duration::from_millis(1))?;
//! let child = faults.apply(&mut Command::new(program))?.spawn()?;
//! let fsyncs = faults.fsyncs()?; // any time, while the program runs and after
//! faults.fail_fsync(fsyncs + 3)?; // from outside, while the program runs
//! ```

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A word of the state file; `enum word` in `faults.c` is the same list.
#[derive(Clone, Copy)]
enum Word {
    Fsyncs = 0,
    Writes = 1,
    BytesWritten = 2,
    Failures = 3,
    FsyncDelayUs = 8,
    FsyncEioAt = 9,
    EnospcAfter = 10,
    ClockOffset = 11,
    ReadOnly = 12,
}

const STATE_BYTES: u64 = 16 * 8;

/// The faults of one program, and the counts of what it did.
#[derive(Debug)]
pub struct Faults {
    state: PathBuf,
    only: Option<String>,
    syncs_only: bool,
    power_loss: Option<PathBuf>,
}

impl Faults {
    /// No faults yet, only counts, with the state file in `dir`. A program started later under the same state goes on counting.
    pub fn new(dir: &Path) -> io::Result<Self> {
        let state = dir.join("faults.state");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&state)?;
        file.set_len(STATE_BYTES)?;
        Ok(Self {
            state,
            only: None,
            syncs_only: false,
            power_loss: None,
        })
    }

    /// Touches and counts only files whose path contains `text`; `orders.db` means the write-ahead log as well.
    pub fn only(mut self, text: &str) -> Self {
        self.only = Some(text.to_owned());
        self
    }

    /// Leaves writes alone: they are not counted, cannot be made to fail, and cost what they cost without the library.
    pub fn syncs_only(mut self) -> Self {
        self.syncs_only = true;
        self
    }

    /// After each fsync the file is copied to `dir`: what a machine without power would have kept.
    pub fn keep_synced_copies(mut self, dir: &Path) -> Self {
        self.power_loss = Some(dir.to_owned());
        self
    }

    /// Makes `command` run under the faults. Builds the library when it is not there yet.
    pub fn apply<'a>(&self, command: &'a mut Command) -> io::Result<&'a mut Command> {
        command
            .env("LD_PRELOAD", library()?)
            .env("FAULTS_STATE", &self.state);
        if let Some(only) = &self.only {
            command.env("FAULTS_MATCH", only);
        }
        if self.syncs_only {
            command.env("FAULTS_SYNCS_ONLY", "1");
        }
        if let Some(dir) = &self.power_loss {
            command.env("FAULTS_POWER_LOSS_DIR", dir);
        }
        Ok(command)
    }

    /// Each fsync costs this much, on every machine the same, and reaches no disk. Zero: the real one.
    pub fn set_fsync_delay(&self, delay: Duration) -> io::Result<()> {
        let microseconds = u64::try_from(delay.as_micros()).map_err(io::Error::other)?;
        self.put(Word::FsyncDelayUs, microseconds)
    }

    /// The n-th fsync from the start of the counting fails with EIO. 0: none.
    pub fn fail_fsync(&self, nth: u64) -> io::Result<()> {
        self.put(Word::FsyncEioAt, nth)
    }

    /// The disk is full once this many bytes were written in all. 0: there is room.
    pub fn set_room(&self, bytes: u64) -> io::Result<()> {
        self.put(Word::EnospcAfter, bytes)
    }

    /// The file system is read-only, or can be written again.
    pub fn set_read_only(&self, read_only: bool) -> io::Result<()> {
        self.put(Word::ReadOnly, read_only.into())
    }

    /// The program's wall clock is this many seconds ahead (negative: behind) from now on.
    pub fn set_clock_offset(&self, seconds: i64) -> io::Result<()> {
        self.put(Word::ClockOffset, seconds.cast_unsigned())
    }

    /// Calls of fsync and fdatasync so far.
    pub fn fsyncs(&self) -> io::Result<u64> {
        self.get(Word::Fsyncs)
    }

    /// Writes that succeeded so far.
    pub fn writes(&self) -> io::Result<u64> {
        self.get(Word::Writes)
    }

    /// Bytes they wrote.
    pub fn bytes_written(&self) -> io::Result<u64> {
        self.get(Word::BytesWritten)
    }

    /// Calls that were made to fail so far.
    pub fn failures(&self) -> io::Result<u64> {
        self.get(Word::Failures)
    }

    // The program maps the file shared, so reads and writes of the file here are reads and writes of its words.
    fn get(&self, word: Word) -> io::Result<u64> {
        let mut bytes = [0; 8];
        File::open(&self.state)?.read_exact_at(&mut bytes, word as u64 * 8)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn put(&self, word: Word, value: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(&self.state)?;
        file.write_all_at(&value.to_ne_bytes(), word as u64 * 8)
    }
}

/// The built library. Programs that build it at the same time do not disturb each other: each puts a whole file in its place.
pub fn library() -> io::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let source = here.join("faults.c");
    let dir = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| here.join("../target"), PathBuf::from)
        .join("preload");
    let built = dir.join("libfaults.so");
    let fresh = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified());
    if let (Ok(library), Ok(text)) = (fresh(&built), fresh(&source))
        && library > text
    {
        return Ok(built);
    }
    fs::create_dir_all(&dir)?;
    let making = tempfile::NamedTempFile::new_in(&dir)?.into_temp_path();
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-Wall", "-o"])
        .arg(&making)
        .arg(&source)
        .args(["-ldl", "-lpthread"])
        .output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!(
            "cc could not build {}: {text}",
            source.display()
        )));
    }
    making.persist(&built)?;
    Ok(built)
}
