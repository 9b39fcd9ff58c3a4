//! How the process ends.

use std::process::ExitCode;

/// Exit code of every command. The numbers are part of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// The operation did what it was asked to.
    Success = 0,
    /// The operation failed; the document on stdout says why.
    Failed = 1,
    /// The command line is wrong; nothing was started.
    Usage = 2,
    /// The configuration is wrong, every problem named on stderr; nothing was started.
    Configuration = 64,
}

impl Exit {
    /// Success or failure of an operation.
    pub(super) fn of(success: bool) -> Self {
        if success { Self::Success } else { Self::Failed }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
