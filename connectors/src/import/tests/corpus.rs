//! The recorded payloads that are handed around beside the project, where they are present.

use super::{by_kind, context};
use crate::import::read_file;
use std::path::{Path, PathBuf};

/// Files that hold no payload of TikTok.
fn is_foreign(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.ends_with(".headers.json") || name == "url_forms.json"
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, found);
        } else if ["json", "html", "zip", "txt", "ndjson"].iter().any(|e| path.extension().is_some_and(|x| x == *e)) {
            found.push(path);
        }
    }
}

#[test]
#[allow(clippy::print_stdout, reason = "the table is what this test is for")]
fn every_recorded_payload_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/fixtures/tiktok");
    let mut found = Vec::new();
    files(&folder, &mut found);
    if found.is_empty() {
        println!("skipped: there are no recorded payloads in {}", folder.display());
        return;
    }
    for path in found {
        let bytes = std::fs::read(&path).expect("a readable file");
        let name = path.strip_prefix(&folder).unwrap_or(&path).display();
        match read_file(&path, &bytes, &context()) {
            Ok(imported) => {
                assert!(!is_foreign(&path), "{name} was read as {}", imported.shape);
                let (rejects, notes) = (imported.rejects.len(), imported.notes.join("; "));
                println!("{name} | {} | {} | {rejects} rejects | {notes}", imported.shape, by_kind(&imported));
                assert!(!imported.observations.is_empty() || rejects > 0 || !notes.is_empty(), "{name}: nothing said");
            }
            Err(fault) => {
                println!("{name} | {fault}");
                assert!(is_foreign(&path), "{name}: {fault}");
            }
        }
    }
}
