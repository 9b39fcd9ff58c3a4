//! The fault table: one test per fault, through the real client, the real store and the simulator. `docs/faults.md` lists them.

#![allow(clippy::unwrap_used)]

mod bracket;
mod cancel;
mod client_id;
mod clock;

mod crash;
mod disk;
mod files;
mod flood;
mod frames;
mod guards;
mod idempotency;
mod instructions;
mod limits;
mod link;
mod preview;
mod reports;
mod restart;
mod risk;
mod scripted;
mod shutdown;
mod watchers;

use test_support::{preload, process, world};

/// The themes, by the name of their file.
const THEMES: [(&str, &str); 20] = [
    (
        "bracket",
        concat!(
            include_str!("bracket.rs"),
            include_str!("bracket/broken_off.rs"),
            include_str!("bracket/refused.rs"),
            include_str!("bracket/working.rs"),
        ),
    ),
    ("cancel", include_str!("cancel.rs")),
    ("client_id", include_str!("client_id.rs")),
    ("clock", include_str!("clock.rs")),
    ("crash", include_str!("crash.rs")),
    ("disk", include_str!("disk.rs")),
    ("files", include_str!("files.rs")),
    ("flood", include_str!("flood.rs")),
    ("guards", include_str!("guards.rs")),
    ("idempotency", include_str!("idempotency.rs")),
    ("instructions", include_str!("instructions.rs")),
    ("limits", include_str!("limits.rs")),
    ("link", include_str!("link.rs")),
    ("preview", include_str!("preview.rs")),
    (
        "reports",
        concat!(
            include_str!("reports/fills.rs"),
            include_str!("reports/foreign.rs"),
            include_str!("reports/missing.rs"),
            include_str!("reports/refusals.rs"),
        ),
    ),
    ("restart", include_str!("restart.rs")),
    ("risk", include_str!("risk.rs")),
    (
        "scripted",
        concat!(
            include_str!("scripted.rs"),
            include_str!("scripted/changed.rs"),
            include_str!("scripted/ends.rs"),
            include_str!("scripted/held.rs"),
            include_str!("scripted/refused.rs"),
            include_str!("scripted/replaced.rs"),
            include_str!("scripted/shares.rs"),
            include_str!("scripted/whose.rs"),
        ),
    ),
    ("shutdown", include_str!("shutdown.rs")),
    ("watchers", include_str!("watchers.rs")),
];

#[test]
fn the_table_has_a_row_for_every_test_and_a_test_for_every_row() {
    let table = include_str!("../../docs/faults.md");
    for (theme, source) in THEMES {
        let section = table
            .split(&format!("`tests/faults/{theme}.rs`"))
            .nth(1)
            .unwrap_or_else(|| panic!("the table has no section of {theme}"));
        let section = section.split("\n## ").next().unwrap();
        let mut rows: Vec<_> = section
            .lines()
            .filter(|line| line.starts_with("| "))
            .filter_map(|line| {
                line.split('`').find(|cell| {
                    cell.contains('_')
                        && cell.starts_with(|c: char| c.is_ascii_lowercase())
                        && cell.len() > 20
                })
            })
            .collect();
        let mut tests: Vec<_> = source
            .split("#[tokio::test")
            .skip(1)
            .filter_map(|test| test.split("async fn ").nth(1)?.split('(').next())
            .collect();
        rows.sort_unstable();
        tests.sort_unstable();
        assert_eq!(rows, tests, "{theme}");
    }
}
