//! `tidelake export` as a process: killed it leaves nothing that looks complete, and the next one cleans up after it.

use std::path::Path;
use std::time::Duration;
use tidelake_tests::{Stage, until};

const ENDLESS: &str = "SELECT a.n * b.n AS n FROM (SELECT unnest(generate_series(1, 100000)) AS n) a \
                       CROSS JOIN (SELECT unnest(generate_series(1, 100000)) AS n) b";

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_killed_export_leaves_nothing_that_looks_complete() {
    let stage = Stage::alone();
    let out = tempfile::tempdir().expect("temp dir");
    for (name, more) in [("a.csv", None), ("parts", Some(["--partition-by", "n"]))] {
        let place = out.path().join(name);
        let place = place.to_str().expect("UTF-8");
        // Sorting an endless answer writes nothing: parts are made of one that is short, again and again.
        let mut arguments = vec!["export", "--query", ENDLESS, "--format", "csv", "--to", place];
        if let Some(more) = more {
            arguments[2] = "SELECT unnest(generate_series(1, 200000)) AS n, 1 AS one";
            arguments.extend(more);
        }
        let mut process = stage.start(&arguments, &[]);
        let begun = || names(out.path()).iter().any(|left| left.starts_with(&format!(".{name}.")));
        until("the export is under way", Duration::from_secs(60), begun);
        process.kill();
        assert!(!names(out.path()).contains(&name.to_owned()), "{:?}", names(out.path()));
        let few = if more.is_some() { "SELECT 1 AS n, 2 AS one" } else { "SELECT 1 AS n" };
        let mut again = vec!["export", "--query", few, "--format", "csv", "--to", place];
        again.extend(more.iter().flatten());
        let told = stage.done(&again);
        assert!(told.starts_with(place) && told.contains("1 rows"), "{told}");
        assert!(names(out.path()).iter().all(|left| !left.starts_with('.')), "{:?}", names(out.path()));
    }
    let copies: serde_json::Value = serde_json::from_str(&stage.done(&["copies", "--format", "json"])).expect("JSON");
    assert_eq!(copies.as_array().map(Vec::len), Some(2), "those that were complete: {copies}");
    let refused =
        stage.run(&["export", "--query", "SELECT 1", "--to", out.path().join("a.csv").to_str().expect("UTF-8")]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--force"));
    assert_eq!(stage.done(&["export", "--query", "SELECT 1 AS n", "--to", "-"]), "n\n1\n");
}
