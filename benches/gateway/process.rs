//! Processes under measurement: started, looked at through `/proc`, and ended by their id.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to say that it is ready, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with this value.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a gateway and waits until it says on stderr where it listens. What it says later is passed on.
    pub(crate) fn start_gateway(command: &mut Command) -> io::Result<(Self, SocketAddr)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let said = child.stderr.take();
        let process = Self { child };
        let said = said.ok_or_else(|| io::Error::other("no standard error"))?;
        let mut lines = BufReader::new(said).lines();
        let address = address_after("listening on ", &mut lines, command)?;
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("{line}");
            }
        });
        Ok((process, address))
    }

    /// Starts a peer and waits until it says `ready ADDRESS`.
    pub(crate) fn start_peer(command: &mut Command) -> io::Result<(Self, SocketAddr)> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take();
        let process = Self { child };
        let out = out.ok_or_else(|| io::Error::other("no standard output"))?;
        let address = address_after("ready ", &mut BufReader::new(out).lines(), command)?;
        Ok((process, address))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes, the program's own pages included.
    pub(crate) fn resident_bytes(&self) -> io::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// The part of it that is not pages of a file: what the program itself has written to.
    pub(crate) fn anonymous_bytes(&self) -> io::Result<u64> {
        self.status_bytes("RssAnon:")
    }

    fn status_bytes(&self, field: &str) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .and_then(|rest| rest.trim().strip_suffix("kB"))
            .and_then(|kib| kib.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
            .ok_or_else(|| io::Error::other(format!("no {field}")))
    }

    /// Time on a core so far, of all its threads that still live.
    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.id()))? {
            let text = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_core = text.split_whitespace().next().unwrap_or("0");
            nanoseconds += on_core.parse::<u64>().map_err(io::Error::other)?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(mut self) -> io::Result<()> {
        Command::new("kill").arg(self.id().to_string()).status()?;
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other("a process did not end"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

/// The address in the first line that begins with `word`.
fn address_after(
    word: &str,
    lines: &mut impl Iterator<Item = io::Result<String>>,
    command: &Command,
) -> io::Result<SocketAddr> {
    for line in lines {
        if let Some(address) = line?.strip_prefix(word) {
            return address.parse().map_err(io::Error::other);
        }
    }
    Err(io::Error::other(format!(
        "{command:?} ended before it was ready"
    )))
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
