//! Which tests run with which switch: the storm draws them all, others set some by name, and the simulator's page lists them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ibkr_orders::simulator::switches::{SwitchState, Switches};

/// What the storm draws from, as it stands in its source.
const DRAW: &str = "Switches::drawn(seed * 1_000 + round)";
/// Seed and kills of a storm that was told nothing.
const STORM_SEED: u64 = 1;
const STORM_ROUNDS: u64 = 20;

fn source(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn drawn(round: u64) -> Vec<SwitchState> {
    Switches::drawn(STORM_SEED * 1_000 + round).states()
}

/// A switch that no test draws would be a question that is asked and never put to the gateway.
#[test]
fn the_storm_draws_every_switch_anew_at_each_kill_and_leaves_none_as_it_was() {
    let storm = source("tests/storm/main.rs");
    assert!(storm.contains(DRAW), "the storm does not draw");
    assert!(storm.contains(r#"setting("STORM_ROUNDS", "20")"#));
    assert!(storm.contains(r#"setting("STORM_SEED", "1")"#));
    for (index, state) in Switches::default().states().iter().enumerate() {
        let values: BTreeSet<&str> = (1..=STORM_ROUNDS)
            .map(|round| drawn(round)[index].value)
            .collect();
        assert!(values.len() > 1, "{} is always {values:?}", state.name);
        let values: BTreeSet<&str> = (1..=STORM_ROUNDS * 10)
            .map(|round| drawn(round)[index].value)
            .collect();
        let all: BTreeSet<&str> = state.values.iter().copied().collect();
        assert_eq!(values, all, "{}", state.name);
    }
}

#[test]
fn the_page_lists_the_tests_that_set_a_switch_by_name() {
    let mut set: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for entry in std::fs::read_dir(&tests).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_stem().unwrap().to_str().unwrap().to_owned();
        let sources = read_all(&folder);
        for switch in Switches::names() {
            if sources.iter().any(|source| sets(source, switch)) {
                set.entry(name.clone()).or_default().insert(switch);
            }
        }
    }
    let named: BTreeSet<&str> = set.values().flatten().copied().collect();
    let all: BTreeSet<&str> = Switches::names().into_iter().collect();
    let nowhere: Vec<_> = all.difference(&named).collect();
    assert!(nowhere.is_empty(), "no test sets {nowhere:?} by name");
    let page = source("docs/simulator.md");
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| test | switches that it sets |"));
    let listed: BTreeMap<String, BTreeSet<&str>> = rows
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let switches = cells[2].split(", ").map(|name| name.trim_matches('`'));
            (cells[1].trim_matches('`').to_owned(), switches.collect())
        })
        .collect();
    let rows = set.iter().map(|(test, switches)| {
        let names: Vec<String> = switches.iter().map(|name| format!("`{name}`")).collect();
        format!("| `{test}` | {} |\n", names.join(", "))
    });
    let rows: String = rows.collect();
    assert!(listed == set, "the rows of docs/simulator.md are:\n{rows}");
}

fn read_all(path: &Path) -> Vec<String> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| read_all(&entry.unwrap().path()))
            .collect();
    }
    let is_source = path
        .extension()
        .is_some_and(|ending| ending == "rs" || ending == "toml");
    let text = is_source.then(|| std::fs::read_to_string(path).unwrap());
    text.into_iter().collect()
}

/// Whether a source sets the switch: `switches.name = …`, `|s| s.name = …`, `name: Kind::Value` or, in a table of the captures, `name = "value"`.
fn sets(source: &str, switch: &str) -> bool {
    let field = switch.replace('-', "_");
    let assigned = ["switches", "|s| s"].map(|of| format!("{of}.{field} = "));
    let initial = format!("{field}: ");
    let tabled = [
        format!("{field} = \""),
        format!("{field} = false"),
        format!("{field} = true"),
    ];
    source.lines().map(str::trim).any(|line| {
        let starts = line.strip_prefix(&initial).is_some_and(|value| {
            let value = value.trim_end_matches(',');
            let is_enum = value.contains("::") && !value.contains(['<', '(', '.', '&']);
            is_enum || value == "true" || value == "false"
        });
        let in_table = line.starts_with("simulator = {") && tabled.iter().any(|t| line.contains(t));
        let starts = starts && source.contains("Switches {");
        assigned.iter().any(|part| line.contains(part)) || starts || in_table
    })
}
