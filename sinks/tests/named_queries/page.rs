//! `docs/schema.md` is what SQL offers. `TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test named_queries` writes it; without the
//! variable a page that differs from the code fails.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use tidelake_sinks::query::functions::FUNCTIONS;
use tidelake_sinks::query::{Engine, QueryOptions, TableKind, named, views};
use url::Url;

const HEAD: &str = "# What SQL offers

Tables, views, functions and named queries, written from the code by
`TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test named_queries`.
";

async fn page() -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let root = Url::from_directory_path(dir.path()).expect("a URL");
    let engine = Engine::open(&root, &HashMap::new(), QueryOptions::default()).await.expect("opens");
    let mut page = HEAD.to_owned();
    for (title, kind) in [("Views", TableKind::View), ("Tables", TableKind::Table)] {
        _ = write!(page, "\n## {title}\n");
        for table in engine.tables().await.expect("lists").iter().filter(|table| table.kind == kind) {
            _ = write!(page, "\n### {}\n\n{}.\n", table.name, table.about);
            page += &notes(&table.name);
            page += "\n| column | type |\n| --- | --- |\n";
            for column in engine.columns(&table.name).await.expect("has columns") {
                let null = if column.nullable { "" } else { ", not null" };
                _ = writeln!(page, "| {} | {}{null} |", column.name, short(&column.kind));
            }
        }
    }
    page += "\n## Functions\n\n| call | kind | returns |\n| --- | --- | --- |\n";
    for function in FUNCTIONS {
        _ = writeln!(page, "| `{}` | {} | {} |", function.syntax, function.kind, function.about);
    }
    page += "\n## Named queries\n\n`tidelake query NAME`; parameters by `--region`, `--since`, `--now`, `--by`, `--limit` or `--bind \
             NAME=VALUE`.\n";
    for query in named::QUERIES {
        _ = write!(page, "\n### {}\n\n{}. Row: {}\n", query.name, query.title(), query.row());
        for parameter in query.parameters() {
            let default = parameter.default.map_or_else(String::new, |default| format!(" (default {default})"));
            _ = write!(page, "\n* `:{}`{default}: {}", parameter.name, parameter.about);
        }
        page += "\n";
    }
    page
}

/// What the file of a view says at its head.
fn notes(view: &str) -> String {
    let sql = views::VIEWS.iter().find(|known| known.name == view).map_or("", |known| known.sql);
    let lines: Vec<_> = sql.lines().map_while(|line| line.strip_prefix("--")).map(str::trim).collect();
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

/// A type in few words: what a struct holds is what its fields are named.
fn short(kind: &str) -> String {
    let kind = kind
        .replace("Utf8View", "Utf8")
        .replace("Timestamp(µs, \"UTC\")", "instant")
        .replace("Timestamp(µs)", "local time");
    if kind.len() > 300 { format!("{}…", kind.chars().take(300).collect::<String>()) } else { kind }
}

#[tokio::test]
async fn the_page_says_what_there_is() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema.md");
    let page = page().await;
    if std::env::var_os("TIDELAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("writes");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/schema.md differs from what there is; write it: TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test named_queries"
    );
}
