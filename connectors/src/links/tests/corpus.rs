//! The table of forms that is handed around beside the project, where it is present.

use crate::links::parse;
use serde_json::Value;
use std::path::Path;

#[test]
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn every_form_of_the_shared_table_is_told_apart() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/tiktok/f-urls/url_forms.json");
    let Ok(text) = std::fs::read_to_string(&file) else {
        println!("skipped: there is no table at {}", file.display());
        return;
    };
    let table: Value = serde_json::from_str(&text).expect("JSON");
    let rows = table["urls"].as_array().expect("rows");
    let wrong: Vec<String> =
        rows.iter().filter_map(|row| disagreement(row).map(|why| format!("{row}: {why}"))).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    println!("{} rows agree", rows.len());
}

fn disagreement(row: &Value) -> Option<String> {
    let text = |key: &str| row[key].as_str();
    let link = match (parse(text("url")?), text("kind")?) {
        (Ok(link), kind) if kind == link.kind() => link,
        (Err(_), "invalid") => return None,
        (found, _) => return Some(format!("read as {found:?}")),
    };
    let id = link.video_id().map(|id| id.to_string());
    let created = link.video_id().and_then(|_| link.not_older_than()).map(|at| at.secs());
    let agrees = id.as_deref() == text("video_id") && link.handle() == text("handle");
    let agrees = agrees && row.get("id_unix_seconds").is_none_or(|secs| secs.as_i64() == created);
    (!agrees).then(|| format!("read as {link:?}"))
}
