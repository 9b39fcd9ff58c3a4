//! What is said to people beside the document.

use std::fmt::Display;
use std::io::{self, Write};

use super::checked::{Checked, Target};
use crate::config::ConfigError;
use crate::error::COULD_NOT_CONNECT;

/// A line on stderr, in one write: log lines go to the same place from another thread, and one between two parts of this line would
/// break both. Nobody reading it is no failure.
pub(super) fn say(line: impl Display) {
    let _ = io::stderr().write_all(format!("{line}\n").as_bytes());
}

/// Every wrong setting, a line each.
pub(super) fn configuration(error: &ConfigError) {
    say(format_args!(
        "the configuration is wrong; nothing was started:"
    ));
    for problem in &error.problems {
        say(format_args!("  {}: {}", problem.setting, problem.message));
    }
}

/// What to do about a TWS that cannot be reached: the error's own text is fixed and does not say where it was looked for.
pub(super) fn hint(error: Option<&str>, Checked { config, door }: &Checked) {
    let Some(rest) = error.and_then(|error| error.strip_prefix(COULD_NOT_CONNECT)) else {
        return;
    };
    let address = format!("{}:{}", config.ib_host, config.ib_port);
    match door {
        Target::Server(server) => say(format_args!(
            "hint: the gateway at {} has no session with its TWS",
            server.url
        )),
        Target::Simulator => {}
        Target::Tws if rest.is_empty() => say(format_args!(
            "hint: nothing answers at {address}. Start TWS or IB Gateway and enable API clients in its settings, say where it is with \
             IB_HOST and IB_PORT (--ib-host, --ib-port), or try --simulate"
        )),
        Target::Tws if rest.contains("client id") => say(format_args!(
            "hint: a program with this client id is connected to {address}. Call it with --server if it is a gateway, end it, or set \
             IB_CLIENT_ID (--ib-client-id)"
        )),
        Target::Tws => say(format_args!(
            "hint: TWS is looked for at {address} (IB_HOST, IB_PORT)"
        )),
    }
}
