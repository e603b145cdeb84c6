//! Files to entries, entries to the table and back.

use super::*;
use crate::lake::Lake;
use crate::query::{Engine, QueryOptions};
use std::collections::HashMap;
use tidelake_schemas::CatalogEntry;
use tidelake_schemas::catalog::fingerprint;

const CSV: &str = "sku,title,aliases,price,colour\n007,\"Dyson\nAirwrap\",a|b,499.99,nickel\n,no id,,,\n8,Eight,,cheap,\n\
                   9,Nine,,,,too,many\n10,Ten\n007,Airwrap,c,499.99 usd,\n";

async fn read(name: &str, content: &str) -> Result<Read, CatalogError> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(name);
    std::fs::write(&path, content).expect("writes");
    of_file(&path).await
}

fn entry(id: &str, name: &str) -> CatalogEntry {
    CatalogEntry { id: id.into(), name: name.into(), ..CatalogEntry::default() }
}

#[tokio::test]
async fn bad_rows_do_not_stop_the_others() {
    let read = read("c.csv", CSV).await.expect("reads");
    assert_eq!(read.entries.keys().collect::<Vec<_>>(), ["007", "10"]);
    assert_eq!((read.entries["007"].name.as_str(), read.repeated), ("Airwrap", 1), "the last row counts");
    let said: Vec<String> = read.refused.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].starts_with("line 4: it has no id"), "{said:?}");
    assert!(said[1].starts_with("line 5: the price \"cheap\""), "{said:?}");
    assert!(said[2].starts_with("line 6: it has 7 cells"), "{said:?}");
}

#[tokio::test]
async fn json_may_be_an_array_or_lines() {
    let array = r#"[{"id":1,"name":"a"}, 7, {"id":"2"}]"#;
    let lines = "{\"id\":1,\"name\":\"a\"}\n\n{not json\n{\"id\":\"2\"}\n";
    let (array, lines) = (read("c.json", array).await.expect("reads"), read("c.jsonl", lines).await.expect("reads"));
    assert_eq!(array.entries, lines.entries);
    assert_eq!(array.refused.iter().map(|r| r.number).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(lines.refused.iter().map(|r| r.number).collect::<Vec<_>>(), [3, 4]);
}

#[tokio::test]
async fn other_files_are_refused() {
    let said = read("c.xlsx", "").await.expect_err("is refused").to_string();
    assert!(said.contains("c.xlsx") && said.contains(".parquet"), "{said}");
    let absent = of_file(Path::new("/nowhere/c.csv")).await.expect_err("is refused").to_string();
    assert!(absent.contains("/nowhere/c.csv"), "{absent}");
}

#[tokio::test]
async fn the_table_gives_back_what_it_was_given() {
    let dir = tempfile::tempdir().expect("a directory");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let mut table = CatalogTable::of(lake.clone());
    assert_eq!(table.refresh().await.expect("looks"), None);
    let given = read("c.csv", CSV).await.expect("reads").entries;
    table.change(|entries| entries.extend(given.clone())).await.expect("writes");

    let mut other = CatalogTable::of(lake.clone());
    let first = other.refresh().await.expect("looks").expect("is there");
    assert_eq!(other.entries().await.expect("reads"), given);
    let prints = |all: &std::collections::BTreeMap<String, CatalogEntry>| {
        fingerprint(&all.values().cloned().collect::<Vec<_>>())
    };
    assert_eq!(prints(&other.entries().await.expect("reads")), prints(&given));

    table.change(|entries| *entries = [("x".to_owned(), entry("x", "X"))].into()).await.expect("replaces");
    assert!(other.refresh().await.expect("looks").expect("is there") > first);
    assert_eq!(other.entries().await.expect("reads").into_keys().collect::<Vec<_>>(), ["x"]);

    let engine = Engine::over(lake, QueryOptions::default()).await.expect("opens");
    assert_eq!(engine.integers("SELECT count(*) FROM catalog WHERE name = 'X'").await.expect("counts"), [1]);
    table.change(|entries| entries.clear()).await.expect("empties");
    assert!(engine.refresh().await.expect("refreshes"));
    assert_eq!(engine.integers("SELECT count(*) FROM catalog").await.expect("counts"), [0]);
}

#[tokio::test]
async fn changes_at_once_are_all_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let add = |id: &'static str| {
        let mut table = CatalogTable::of(lake.clone());
        async move { table.change(|all| all.extend([(id.to_owned(), entry(id, "name"))])).await.map(drop) }
    };
    let outcomes = futures::future::join_all(["a", "b", "c"].map(add)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mut table = CatalogTable::of(lake);
    table.refresh().await.expect("looks");
    assert_eq!(table.entries().await.expect("reads").into_keys().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn parquet_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("c.parquet");
    let lake = Lake::at(dir.path().to_str().expect("UTF-8"), HashMap::new()).expect("a lake");
    let engine = Engine::over(lake, QueryOptions::default()).await.expect("opens");
    let query = "SELECT 7312345678901234567 AS product_id, 'Seven' AS name, 4.5 AS price, 'red' AS colour";
    let answer = engine.sql(query).await.expect("answers");
    let file = std::fs::File::create(&path).expect("makes the file");
    let options = crate::format::FormatOptions::default();
    crate::format::write_stream(answer.stream, &answer.schema, crate::format::Format::Parquet, file, &options)
        .await
        .expect("writes");
    let from_file = of_file(&path).await.expect("reads").entries;
    let from_sql = of_answer(engine.sql(query).await.expect("answers")).await.expect("reads").entries;
    assert_eq!(from_file, from_sql);
    let entry = &from_file["7312345678901234567"];
    assert_eq!(entry.price.map(|price| price.to_string()).as_deref(), Some("4.5"));
    assert_eq!(entry.attributes.first().map(|a| a.value.as_str()), Some("red"));
}
