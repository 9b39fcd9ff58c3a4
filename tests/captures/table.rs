//! One exchange: a file of `tables/`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::script::{self, Line};

/// What happened, and how the simulator is set up to be asked the same.
#[derive(Debug)]
pub(crate) struct Table {
    /// The file's name without its ending.
    pub(crate) name: String,
    pub(crate) source: Source,
    /// Ids that the orders had in the recording.
    pub(crate) orders: BTreeMap<char, i64>,
    /// Options of the simulator.
    pub(crate) simulator: toml::Table,
    /// Figures of the recording under the names that the lines use.
    pub(crate) sample: toml::Table,
    /// Kinds of which the recording has as many rows as its account had; how many is nothing to compare.
    pub(crate) lists: Vec<String>,
    /// Played first, not compared.
    pub(crate) before: Vec<Line>,
    pub(crate) recorded: Vec<Line>,
    /// The same with the fields that a message always has, also where the recording does not show them.
    pub(crate) whole: Vec<Line>,
    /// State of each order at the end, in the gateway's words.
    pub(crate) ends: BTreeMap<char, String>,
}

#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) repository: String,
    pub(crate) path: String,
    pub(crate) commit: String,
    pub(crate) server_version: i32,
}

impl Table {
    /// All of them, by name.
    pub(crate) fn all() -> Vec<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/tables");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        paths.sort();
        paths.iter().map(|path| Self::read(path)).collect()
    }

    fn read(path: &Path) -> Self {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(path).unwrap();
        let table: toml::Table = text.parse().unwrap_or_else(|e| panic!("{name}: {e}"));
        const KEYS: [&str; 10] = [
            "shows",
            "source",
            "presence",
            "orders",
            "simulator",
            "sample",
            "lists",
            "before",
            "recorded",
            "ends",
        ];
        for key in table.keys() {
            assert!(KEYS.contains(&key.as_str()), "{name}: {key} is not known");
        }
        assert!(table["shows"].as_str().unwrap().ends_with('.'), "{name}");
        let part = |key: &str| {
            let part = table.get(key).and_then(|part| part.as_table());
            part.cloned().unwrap_or_default()
        };
        let presence = table.get("presence").is_none_or(|p| p.as_bool().unwrap());
        let lines = |key: &str| {
            let script = table.get(key).map_or("", |script| script.as_str().unwrap());
            script::read(script, presence)
        };
        let source = part("source");
        let word = |key: &str| source[key].as_str().unwrap().to_owned();
        let lists = table.get("lists").and_then(|lists| lists.as_array());
        Self {
            source: Source {
                repository: word("repository"),
                path: word("path"),
                commit: word("commit"),
                server_version: i32::try_from(source["server_version"].as_integer().unwrap())
                    .unwrap(),
            },
            orders: part("orders")
                .iter()
                .map(|(order, id)| (crate::values::letter(order), id.as_integer().unwrap()))
                .collect(),
            ends: part("ends")
                .iter()
                .map(|(order, end)| {
                    let end = end.as_str().unwrap().to_owned();
                    (crate::values::letter(order), end)
                })
                .collect(),
            simulator: part("simulator"),
            sample: part("sample"),
            lists: lists.map_or_else(Vec::new, |lists| {
                lists.iter().map(|l| l.as_str().unwrap().into()).collect()
            }),
            before: lines("before"),
            recorded: lines("recorded"),
            whole: script::read(table["recorded"].as_str().unwrap(), true),
            name,
        }
    }
}
