//! The serving program, and its end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::setting;

/// The serving program.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Gateway {
    pub(crate) fn start(directory: &Path, tws: SocketAddr) -> Self {
        let mut child = Command::new(setting("STORM_PROGRAM", env!("CARGO_BIN_EXE_ibkr-orders")))
            .args(["serve", "--grpc-listen", "127.0.0.1:0"])
            .current_dir(directory)
            .env_clear()
            .env("IB_HOST", tws.ip().to_string())
            .env("IB_PORT", tws.port().to_string())
            .env("ORDER_DB_PATH", directory.join("orders.db"))
            .env("IB_MAX_MESSAGES_PER_SECOND", "5000")
            .env("RUST_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(line) = lines.next() else {
                panic!("the gateway did not start: {said:?}");
            };
            let line = line.unwrap();
            if let Some((_, address)) = line.split_once("listening on ") {
                break address.trim().parse().unwrap();
            }
            said.push(line);
        };
        // What it says from now on must not fill the pipe.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                eprintln!("gateway: {line}");
            }
        });
        Self { child, address }
    }

    /// As `kill -9` does.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// As an orchestrator does; it must end well.
    pub(crate) fn end(mut self) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Gateway {
    /// Nothing outlives a test that failed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
