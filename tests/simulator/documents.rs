//! The tables of the simulator's page, beside what the simulator says of itself.

use ibkr_orders::simulator::{FAULT_FORMS, Switches};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/simulator.md");
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn every_switch_has_a_row_with_its_values_its_default_and_a_source() {
    let page = page();
    for state in Switches::default().states() {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", state.name)))
            .unwrap_or_else(|| panic!("no row for the switch {}", state.name));
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let values: Vec<String> = state
            .values
            .iter()
            .map(|value| match *value == state.value {
                true => format!("**`{value}`**"),
                false => format!("`{value}`"),
            })
            .collect();
        assert_eq!(cells[2], values.join(" "), "{}", state.name);
        assert!(!cells[3].is_empty() && !cells[4].is_empty(), "{row}");
    }
    let rows = page
        .lines()
        .filter(|line| line.contains("**`") && line.starts_with("| `"))
        .count();
    assert_eq!(
        rows,
        Switches::names().len(),
        "rows of switches that do not exist"
    );
}

#[test]
fn every_fault_has_a_row() {
    let page = page();
    for form in FAULT_FORMS {
        let written = form.replace("[:500ms]", "");
        assert!(page.contains(&format!("`{written}`")), "no row for {form}");
    }
}
