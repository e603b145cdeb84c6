//! Cases: one JSON object a line.

use serde_json::Value;
use std::path::Path;

/// Our own, in the tree.
pub(crate) fn own(name: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name).with_extension("jsonl");
    read(&path).unwrap_or_else(|| panic!("{} is missing", path.display()))
}

/// A public suite; `None` where it is not at hand.
pub(crate) fn public(name: &str) -> Option<Vec<Value>> {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/nlp");
    let path = suites.join(name).with_extension("jsonl");
    let cases = read(&path);
    if cases.is_none() {
        println!("skipped: the suite {name} is not at hand ({})", path.display());
    }
    cases
}

fn read(path: &Path) -> Option<Vec<Value>> {
    let text = std::fs::read_to_string(path).ok()?;
    Some(text.lines().map(|line| serde_json::from_str(line).expect("a case is JSON")).collect())
}

/// A text of a case; empty where it has none.
pub(crate) fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap_or_default()
}
