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

#[test]
fn a_named_query_is_written_with_its_parameters_and_kept_as_it_was_asked() {
    let stage = Stage::alone();
    let out = tempfile::tempdir().expect("temp dir");
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");
    stage.done(&["import", fixtures, "--wait"]);
    let place = |name: &str| out.path().join(name).display().to_string();
    let (top, graph) = (place("top.csv"), place("graph.gexf"));
    let told = stage.done(&["export", "--named", "top-videos", "--limit", "3", "--now", "2026-01-01", "--to", &top]);
    assert!(told.contains("3 rows") && told.contains("read from video_observations version"), "{told}");
    let asked = ["query", "top-videos", "--limit", "3", "--now", "2026-01-01", "--format", "csv"];
    let ids =
        |text: &str| text.lines().map(|line| line.split(',').next().unwrap_or_default().to_owned()).collect::<Vec<_>>();
    let written = std::fs::read_to_string(&top).expect("is there");
    assert_eq!(ids(&written), ids(&stage.done(&asked)));
    let packed = place("all.ndjson.gz");
    let query = "SELECT video_id FROM videos WHERE views >= :least";
    stage.done(&["export", "--query", query, "--bind", "least=0", "--as-of", "2100-01-01", "--to", &packed]);
    assert!(std::fs::read(&packed).expect("is there").starts_with(&[0x1f, 0x8b]));
    let told = stage.done(&["export", "--table", "graph_edges", "--to", &graph]);
    assert!(!told.contains("\n  0 rows"), "{told}");
    let text = std::fs::read_to_string(&graph).expect("is there");
    assert!(text.contains("</nodes>\n<edges>\n<edge ") && text.ends_with("</gexf>\n"), "{text}");
    // What is noted can be asked again as it stands.
    let copies: serde_json::Value = serde_json::from_str(&stage.done(&["copies", "--format", "json"])).expect("JSON");
    let statements: Vec<&str> =
        copies.as_array().expect("all").iter().filter_map(|c| c["statement"].as_str()).collect();
    assert_eq!(statements.len(), 3, "{copies}");
    assert!(statements[0].contains("LIMIT 3") && !statements[0].contains(":limit"), "{statements:?}");
    assert!(
        statements[1].starts_with("-- as of 2100-01-01\n") && statements[1].contains("views >= 0"),
        "{statements:?}"
    );
    assert_eq!(ids(&stage.done(&["sql", "--format", "csv", statements[0]])), ids(&written));
    for (wrong, why) in [
        (&["--query", "SELECT 1", "--region", "US"][..], "--region is for --named"),
        (&["--named", "nosuch"], "fastest-hashtags"),
        (&["--named", "top-videos", "--bind", "x=1"], "no parameter x"),
        (&["--query", "SELECT :x"], "x"),
    ] {
        let refused = stage.run(&[&["export", "--to", &place("no.csv")], wrong].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(why), "{wrong:?}: {said}");
    }
    assert!(!out.path().join("no.csv").exists());
}
