//! The built program as a process: every one on a port that the system chooses and the program itself reports, killed with the value
//! that holds it.

pub mod served;
pub mod shell;
pub mod site;

use std::path::PathBuf;

pub use served::Served;
pub use shell::Shell;
pub use site::{Process, Site};

/// The built `ibkr-orders`: what cargo names to a test program, else the one beside the directory that the test program is in.
///
/// # Panics
///
/// When there is none.
#[must_use]
pub fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("CARGO_BIN_EXE_ibkr-orders") {
        return path.into();
    }
    let this = std::env::current_exe().expect("the test program knows its path");
    let path = this
        .ancestors()
        .nth(2)
        .expect("test programs are in target/<profile>/deps")
        .join("ibkr-orders");
    assert!(path.is_file(), "{} is not built", path.display());
    path
}
