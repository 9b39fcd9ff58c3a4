//! Size of the program.

use crate::Fallible;
use crate::report::{Report, Target};
use crate::rig::program;

pub(crate) fn of_binary(report: &mut Report) -> Fallible<()> {
    let bytes = std::fs::metadata(program())?.len();
    report.add(
        "Binary, stripped",
        bytes as f64 / 1e6,
        "MB",
        Target::AtMost(20.0),
        "",
    );
    Ok(())
}
