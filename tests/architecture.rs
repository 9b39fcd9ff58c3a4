//! The direction of dependencies, read from the sources: what each room may know of the others, and of the outside.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What each room of the crate may use of the others. A room that is not here fails the test until somebody decides.
const ROOMS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("error", &["domain"]),
    ("stats", &["domain"]),
    ("config", &["domain"]),
    ("callers", &["domain"]),
    ("outcome", &["domain", "error"]),
    ("lock_file", &[]),
    ("request_id", &[]),
    ("journal", &["domain"]),
    ("store", &["domain", "error", "lock_file", "stats"]),
    ("tws", &["domain", "error"]),
    ("account", &["domain", "error"]),
    ("wire", &["domain", "error"]),
    ("feed", &["domain", "error", "stats", "store"]),
    (
        "engine",
        &[
            "account", "config", "domain", "error", "feed", "journal", "stats", "store", "tws",
        ],
    ),
    (
        "gateway",
        &[
            "account",
            "config",
            "domain",
            "engine",
            "error",
            "feed",
            "journal",
            "outcome",
            "request_id",
            "stats",
            "store",
            "tws",
        ],
    ),
    ("telemetry", &["config", "stats"]),
    (
        "grpc",
        &[
            "callers",
            "config",
            "domain",
            "error",
            "feed",
            "gateway",
            "stats",
            "telemetry",
            "wire",
        ],
    ),
    ("metrics", &["domain", "gateway", "grpc", "stats"]),
    ("web", &["config", "grpc"]),
    (
        "client",
        &["domain", "error", "outcome", "request_id", "wire"],
    ),
    // A TWS of its own: a mistake of the gateway's must not be able to hide in it.
    ("simulator", &[]),
    ("simulator_control", &["simulator"]),
    (
        "api",
        &[
            "config",
            "domain",
            "error",
            "feed",
            "gateway",
            "outcome",
            "request_id",
            "store",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "client",
            "config",
            "domain",
            "error",
            "feed",
            "gateway",
            "grpc",
            "lock_file",
            "metrics",
            "outcome",
            "request_id",
            "simulator",
            "simulator_control",
            "store",
            "telemetry",
            "web",
            "wire",
        ],
    ),
    ("main", &["cli"]),
];

/// Which rooms may use a package from outside. Packages that are not here may be used anywhere.
const PACKAGES: &[(&str, &[&str])] = &[
    ("async_nats", &["journal"]),
    ("rustix", &["journal"]),
    ("ibapi", &["tws"]),
    ("rusqlite", &["store"]),
    ("tokio_rusqlite", &["store"]),
    ("rusqlite_migration", &["store"]),
    ("tonic", &["wire", "grpc", "client", "simulator_control"]),
    ("tonic_types", &["wire"]),
    ("tonic_health", &["grpc"]),
    ("tonic_reflection", &["grpc", "simulator_control"]),
    // The adapter and the simulator write down TWS's messages each for itself.
    ("prost", &["journal", "store", "wire", "simulator", "tws"]),
    ("jiff", &["domain", "simulator", "tws"]),
    ("prost_types", &["wire"]),
    ("tokio_rustls", &["grpc", "web"]),
    ("tonic_web", &["web"]),
    ("subtle", &["grpc"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("comfy_table", &["cli"]),
    ("ratatui", &["cli"]),
    ("dotenvy", &["config"]),
    ("toml", &["config"]),
    ("opentelemetry", &["telemetry"]),
    ("opentelemetry_sdk", &["telemetry"]),
    ("opentelemetry_otlp", &["telemetry"]),
    ("tracing_opentelemetry", &["telemetry"]),
    ("tracing_subscriber", &["telemetry"]),
    ("tokio::signal", &["cli"]),
    ("std::env", &["config"]),
];

/// What each module of `test-support` may use of the crate. The scripted TWS uses nothing of it: else one mistake could stand on both
/// sides of a comparison.
const TEST_SUPPORT: &[(&str, &[&str])] = &[
    ("grpc", &["config", "gateway", "grpc", "simulator", "wire"]),
    ("link", &["gateway"]),
    ("library", &["config", "domain", "gateway", "simulator"]),
    ("nats", &[]),
    ("orders", &["domain"]),
    ("ports", &[]),
    ("preload", &[]),
    ("process", &["client", "domain", "simulator"]),
    ("random", &[]),
    ("records", &["domain"]),
    ("scene", &["config", "domain", "error", "gateway"]),
    ("service", &["gateway", "grpc"]),
    // Its model of TWS speaks in the adapter's words: what those are is the adapter's own tests' to say.
    (
        "simulation",
        &["domain", "error", "feed", "internals", "store", "tws"],
    ),
    ("stores", &["domain", "store"]),
    ("tws", &[]),
    ("waiting", &[]),
    (
        "world",
        &[
            "client",
            "config",
            "domain",
            "error",
            "gateway",
            "grpc",
            "simulator",
        ],
    ),
];

/// A source file and the room it belongs to.
struct Source {
    path: PathBuf,
    room: String,
    /// Its code without comments, and without the tests at its end: those may use whatever proves their point.
    code: String,
}

fn sources() -> Vec<Source> {
    sources_below("src")
}

fn sources_below(directory: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let files = files(&root);
    let tests: Vec<PathBuf> = files
        .iter()
        .flat_map(|(path, text)| test_modules(path, text))
        .collect();
    let mut found = Vec::new();
    for (path, text) in files {
        let inside = path.strip_prefix(&root).unwrap();
        let first = inside
            .components()
            .next()
            .unwrap()
            .as_os_str()
            .to_str()
            .unwrap();
        let room = first.trim_end_matches(".rs").to_owned();
        if room == "lib"
            || tests
                .iter()
                .any(|test| path.with_extension("").starts_with(test))
        {
            continue;
        }
        // Tests inside a file stand at its end.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let text = text
            .split("#[cfg(test)]\npub(super) mod tests {")
            .next()
            .unwrap();
        let code = text
            .lines()
            .map(|line| line.split("//").next().unwrap())
            .collect::<Vec<_>>()
            .join("\n");
        found.push(Source { path, room, code });
    }
    found
}

/// Every Rust file below a directory with its text.
fn files(root: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

/// Modules in files of their own that a file declares for tests only, as paths without extension.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let beside = match path.file_stem().unwrap().to_str().unwrap() {
        "mod" | "lib" | "main" => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let lines: Vec<_> = text.lines().collect();
    lines
        .windows(2)
        .filter(|pair| pair[0] == "#[cfg(test)]")
        .filter_map(|pair| pair[1].split("mod ").nth(1)?.strip_suffix(';'))
        .map(|name| beside.join(name))
        .collect()
}

/// Whether `code` names `path` (`tonic`, `std::env`) as the beginning of a path.
fn names(code: &str, path: &str) -> bool {
    code.match_indices(path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + path.len()..];
        let begins = !before
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '"' | '.' | '/' | '-'));
        begins
            && (after.starts_with("::")
                || (path.contains("::")
                    && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '!')))
    })
}

/// Rooms that `code` names through `crate::`, also in `use crate::{a::B, c};`.
fn rooms_named(code: &str) -> BTreeSet<String> {
    named_behind("crate::", code)
}

fn named_behind(prefix: &str, code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let Some(inside) = rest.strip_prefix('{') else {
            rooms.insert(word(rest));
            continue;
        };
        let (mut depth, mut start) = (0, true);
        for (i, c) in inside.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                c if start && depth == 0 && !c.is_whitespace() => {
                    rooms.insert(word(&inside[i..]));
                    start = false;
                }
                _ => {}
            }
        }
    }
    rooms
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn rooms_know_only_those_below_them() {
    let allowed: BTreeMap<_, _> = ROOMS.iter().copied().collect();
    let mut wrong = Vec::new();
    let sources = sources();
    assert!(
        sources.len() > 50,
        "only {} sources were found",
        sources.len()
    );
    for Source { path, room, code } in sources {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!(
                "{}: the room {room} has no line in this test",
                path.display()
            ));
            continue;
        };
        let mut named = rooms_named(&code);
        if room == "main" && code.contains("ibkr_orders::cli") {
            named.insert("cli".to_owned());
        }
        for other in named {
            if other != room && !may.contains(&other.as_str()) {
                wrong.push(format!("{}: {room} may not use {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_tests_share_uses_the_rooms_it_is_made_for_and_no_others() {
    let allowed: BTreeMap<_, _> = TEST_SUPPORT.iter().copied().collect();
    let sources = sources_below("test-support/src");
    assert!(sources.len() > 10, "only {} sources", sources.len());
    let mut wrong = Vec::new();
    for Source { path, room, code } in sources {
        let Some(may) = allowed.get(room.as_str()) else {
            wrong.push(format!(
                "{}: the module {room} has no line in this test",
                path.display()
            ));
            continue;
        };
        for used in named_behind("ibkr_orders::", &code) {
            if !may.contains(&used.as_str()) {
                wrong.push(format!("{}: {room} may not use {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn packages_are_used_only_where_they_belong() {
    let mut wrong = Vec::new();
    for Source { path, room, code } in sources() {
        for (package, rooms) in PACKAGES {
            if names(&code, package) && !rooms.contains(&room.as_str()) {
                wrong.push(format!(
                    "{}: only {} may use {package}",
                    path.display(),
                    rooms.join(", ")
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_this_test_sees_what_it_looks_for() {
    assert!(names("use tonic::Status;", "tonic"));
    assert!(names("    ::tonic::Code", "tonic") || names("(tonic::Code)", "tonic"));
    assert!(!names(
        "use my_tonic::Status; hyper::tonic::x; \"tonic::x\"",
        "tonic"
    ));
    assert!(names("let x = std::env::var(name);", "std::env"));
    assert!(names("use std::env;", "std::env"));
    assert!(!names("use std::environment;", "std::env"));
    let rooms = rooms_named("use crate::{a::{B, C}, d, e::F};\nuse crate::g::H; crate::i::j();");
    assert_eq!(
        rooms.into_iter().collect::<Vec<_>>(),
        ["a", "d", "e", "g", "i"]
    );
}
