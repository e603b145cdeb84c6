//! The graph as a GEXF file, read by an XML parser.

use crate::bench::{Bench, Seen, ago, post};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tidelake_schemas::TextSpan;
use tidelake_sinks::export::{Export, ExportFormat, export, graph};

type Attributes = BTreeMap<String, String>;

/// What a file holds.
#[derive(Debug, Default)]
struct Graph {
    graph: Attributes,
    /// With the attribute `kind`, as `type`.
    nodes: Vec<Attributes>,
    edges: Vec<Attributes>,
}

fn attributes(tag: &BytesStart<'_>) -> Attributes {
    let pair = |attribute: quick_xml::events::attributes::Attribute<'_>| {
        let name = String::from_utf8(attribute.key.as_ref().to_vec()).expect("UTF-8");
        (name, attribute.unescape_value().expect("well-formed").into_owned())
    };
    tag.attributes().map(|attribute| pair(attribute.expect("well-formed"))).collect()
}

/// Reads a file; panics where it is not well-formed, or edges come before nodes.
fn parsed(text: &str) -> Graph {
    let mut reader = Reader::from_str(text);
    let (mut found, mut open) = (Graph::default(), Vec::new());
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}\n{text}"));
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                let name = String::from_utf8(tag.name().as_ref().to_vec()).expect("UTF-8");
                match name.as_str() {
                    "gexf" => assert_eq!(attributes(tag)["xmlns"], "http://gexf.net/1.3"),
                    "graph" => found.graph = attributes(tag),
                    "node" => {
                        assert!(open.ends_with(&["graph".to_owned(), "nodes".to_owned()]) && found.edges.is_empty());
                        found.nodes.push(attributes(tag));
                    }
                    "edge" => {
                        assert!(open.ends_with(&["graph".to_owned(), "edges".to_owned()]));
                        found.edges.push(attributes(tag));
                    }
                    "attvalue" if found.edges.is_empty() => {
                        let kind = attributes(tag)["value"].clone();
                        found.nodes.last_mut().expect("a node").insert("type".into(), kind);
                    }
                    _ => {}
                }
                if matches!(event, Event::Start(_)) {
                    open.push(name);
                }
            }
            Event::End(_) => _ = open.pop(),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} is not closed");
    let ids: BTreeSet<&String> = found.nodes.iter().map(|node| &node["id"]).collect();
    assert_eq!(ids.len(), found.nodes.len(), "each node once");
    for edge in &found.edges {
        assert!(ids.contains(&edge["source"]) && ids.contains(&edge["target"]), "{edge:?}");
    }
    let numbers: BTreeSet<&String> = found.edges.iter().map(|edge| &edge["id"]).collect();
    assert_eq!(numbers.len(), found.edges.len(), "each edge has an id of its own");
    found
}

async fn exported(bench: &Bench, query: &str, dir: &Path) -> Graph {
    let wanted = Export { force: true, ..Export::new(dir.join("a.gexf").display().to_string(), ExportFormat::Gexf) };
    let answer = graph(&bench.engine().await, query).await.unwrap_or_else(|error| panic!("{error}"));
    let done = export(answer, &wanted, |_| ()).await.expect("writes");
    let found = parsed(&std::fs::read_to_string(dir.join("a.gexf")).expect("is there"));
    assert_eq!(done.rows() as usize, found.nodes.len() + found.edges.len());
    found
}

#[tokio::test]
async fn nodes_have_labels_and_kinds_and_edges_weights_and_days() {
    let mut bench = Bench::new();
    let mention = |mut seen: Seen, handle: &str| {
        seen.found.mentions.push(TextSpan { text: handle.into(), start: 0, end: 1 });
        seen
    };
    bench
        .videos([
            mention(post(1, "a", ago(3.0)), "b").tags(&["x", "y"]),
            mention(post(2, "a", ago(1.0)), "B").with(|v| v.sound.id = Some(5)),
            mention(post(3, "a", ago(2.0)), "b").with(|v| v.platform = "youtube".into()),
        ])
        .await;
    let dir = tempfile::tempdir().expect("temp dir");
    let found = exported(&bench, "SELECT * FROM graph_edges", dir.path()).await;
    assert_eq!((found.graph["mode"].as_str(), found.graph["timeformat"].as_str()), ("dynamic", "date"));
    assert_eq!(found.graph["defaultedgetype"], "directed");
    let mut nodes: Vec<[&str; 3]> =
        found.nodes.iter().map(|node| ["id", "label", "type"].map(|name| node[name].as_str())).collect();
    nodes.sort_unstable();
    let expected = [
        ["tiktok/#x", "#x", "tag"],
        ["tiktok/#y", "#y", "tag"],
        ["tiktok/@a", "@a", "creator"],
        ["tiktok/@b", "@b", "creator"],
        ["tiktok/sound:5", "sound:5", "sound"],
        ["youtube/@a", "@a", "creator"],
        ["youtube/@b", "@b", "creator"],
    ];
    assert_eq!(nodes, expected);
    let of = |source: &str, target: &str| {
        let edge = found.edges.iter().find(|edge| edge["source"] == source && edge["target"] == target);
        let edge = edge.unwrap_or_else(|| panic!("{source} {target}: {:?}", found.edges));
        ["kind", "weight", "start", "end"].map(|name| edge[name].clone())
    };
    assert_eq!(of("tiktok/@a", "tiktok/@b"), ["mention", "2.0", "2026-05-08", "2026-05-10"]);
    assert_eq!(of("youtube/@a", "youtube/@b"), ["mention", "1.0", "2026-05-09", "2026-05-09"]);
    assert_eq!(of("tiktok/#x", "tiktok/#y")[0], "cotag");
    assert_eq!(found.edges.len(), 4);
}

#[tokio::test]
async fn names_are_told_as_they_are() {
    let bench = Bench::new();
    let dir = tempfile::tempdir().expect("temp dir");
    let query = r#"SELECT * FROM (VALUES ('a "b" <c> & d', 'e' || chr(10) || 'f', 3), ('x' || chr(1), 'y', NULL), ('z', NULL, 1))
                   AS t(source, target, weight)"#;
    let found = exported(&bench, query, dir.path()).await;
    assert_eq!(found.graph["mode"], "static");
    let mut ids: Vec<&str> = found.nodes.iter().map(|node| node["id"].as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a \"b\" <c> & d", "e\nf", "x\u{fffd}", "y", "z"]);
    let mut edges: Vec<(&str, Option<&str>)> =
        found.edges.iter().map(|edge| (edge["target"].as_str(), edge.get("weight").map(String::as_str))).collect();
    edges.sort_unstable();
    assert_eq!(edges, [("e\nf", Some("3.0")), ("y", None)]);
    let none = exported(&bench, "SELECT 'a' AS source, 'b' AS target WHERE false", dir.path()).await;
    assert!(none.nodes.is_empty() && none.edges.is_empty());
    let error = graph(&bench.engine().await, "SELECT 1 AS source").await.err().expect("no edges").to_string();
    assert!(error.contains("no column target") && error.contains("graph_edges"), "{error}");
}
