//! The command line as its users meet it: the built program, its exit codes, its documents, its manual.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(
    unreachable_pub,
    reason = "the harness is shared between test programs"
)]

mod contract;
mod documents;
mod examples;
mod export;
mod manual;
mod orders;
mod random;
mod refusals;
mod tws;
mod watches;

use test_support::process::shell as run;
