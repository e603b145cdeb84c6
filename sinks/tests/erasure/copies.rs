//! Out of exports, reports and backups.

use super::bench::*;
use super::search::assert_gone;
use std::path::Path;
use tidelake_schemas::Timestamp;
use tidelake_sinks::backup::{take, verify};
use tidelake_sinks::copies::{Copied, CopyKind};
use tidelake_sinks::lake::erasure::{Basis, Why};
use tidelake_sinks::lake::{Lake, WriterOptions, ledger};
use tidelake_sinks::place::Place;
use tidelake_sinks::privacy::copies::{Erasing, erase};
use tidelake_sinks::privacy::{CopyErased, Suppressions};
use uuid::Uuid;

fn copy(kind: CopyKind, location: &Path, format: &str) -> Copied {
    Copied {
        id: Uuid::new_v4(),
        kind,
        location: location.to_str().expect("UTF-8").to_owned(),
        format: format.to_owned(),
        made_at: Timestamp(START),
        statement: Some(format!("SELECT * FROM videos WHERE author_handle <> '{MIA}'")),
        sha256: None,
    }
}

async fn erase_from(lake: &Lake, copy: &Copied, erased: &Suppressions) -> (CopyErased, Option<Copied>) {
    let why = Why { basis: Some(Basis::Consent), reason: Some("asked by mail".into()), ..Why::of("test") };
    // What the log knew names her in a list.
    let state = |written: &[u8]| {
        let said = String::from_utf8_lossy(written).into_owned();
        let left = said.replace(MIA, "");
        Ok((left != said).then(|| left.into_bytes()))
    };
    let options = WriterOptions::default();
    erase(lake, copy, &Erasing { erased, why: &why, options: &options, now: LATER, state: &state }).await
}

#[tokio::test]
async fn what_cannot_be_rewritten_goes_when_it_names_them() {
    let (dir, lake) = lake();
    let at = |name: &str| dir.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(at(name), text).expect("writes");
    write("hers.html", &format!("<td>@{MIA}</td>"));
    write("others.html", "<td>@ben</td>");
    write("hers.json", &format!("{{\"top\":[{{\"creator\":\"@{MIA}\"}}]}}"));
    write("others.json", "{\"top\":[]}");
    write("hers.txt", &format!("| {MIA} |"));
    write("any.pdf", "%PDF");
    let outcomes = [
        ("hers.html", "html", "deleted"),
        ("others.html", "html", "clean"),
        ("hers.json", "json", "deleted"),
        ("others.json", "json", "clean"),
        ("hers.txt", "table", "deleted"),
        ("any.pdf", "pdf", "deleted"),
    ];
    for (name, format, outcome) in outcomes {
        let (told, entry) = erase_from(&lake, &copy(CopyKind::Report, &at(name), format), &mia()).await;
        assert_eq!((told.outcome.as_str(), at(name).exists()), (outcome, outcome == "clean"), "{name}");
        assert_eq!(entry.is_some(), outcome == "clean", "{name}");
        assert!(told.note.iter().all(|note| note.contains("make it again: SELECT") && !note.contains(MIA)), "{told:?}");
    }
}

#[tokio::test]
async fn a_part_of_an_export_that_is_theirs_goes_with_its_name() {
    let (dir, lake) = lake();
    let export = dir.path().join("export");
    for (author, rows) in [(MIA, "views\n1\n2\n"), (BEN, "views\n3\n")] {
        let part = export.join(format!("author={author}"));
        std::fs::create_dir_all(&part).expect("makes");
        std::fs::write(part.join("part-0.csv"), rows).expect("writes");
    }
    let (told, entry) = erase_from(&lake, &copy(CopyKind::Export, &export, "csv"), &mia()).await;
    assert_eq!((told.outcome.as_str(), told.rows), ("rewritten", 2), "{told:?}");
    assert!(entry.is_some_and(|entry| entry.statement.is_some_and(|statement| !statement.contains(MIA))));
    let left: Vec<_> = std::fs::read_dir(&export).expect("lists").map(|e| e.expect("an entry").file_name()).collect();
    assert_eq!(left, [format!("author={BEN}").as_str()]);
}

#[tokio::test]
async fn a_backup_stays_whole() {
    let (_dir, lake) = lake();
    videos(&lake).await;
    others(&lake).await;
    let backup = tempfile::tempdir().expect("temp dir");
    let place = Place::at(backup.path().to_str().expect("UTF-8"), lake.options()).expect("a place");
    let state = format!("{{\"tasks\":[\"{MIA}\",\"{BEN}\"]}}");
    take(&lake, &place, state.clone().into(), Timestamp(START), |_| ()).await.expect("backs up");
    // What a backup has left that was cut short.
    std::fs::write(backup.path().join("state/cut-short.json"), &state).expect("writes");
    let names = ["7000000000000000001", "7000000000000000002", MIA, &MIA_ID.to_string()];
    let erased = Suppressions::of(key(), "tiktok", names);
    let (told, _) = erase_from(&lake, &copy(CopyKind::Backup, backup.path(), "delta"), &erased).await;
    assert_eq!((told.outcome.as_str(), told.rows), ("rewritten", 6 + 2 + 2 + 1), "{told:?}");
    assert_gone(backup.path(), &names);
    let verified = verify(&place, |_| ()).await.expect("reads");
    assert_eq!(verified.damaged, []);
    let kept = std::fs::read_to_string(backup.path().join(&verified.manifest.state.path)).expect("reads");
    assert_eq!(kept, format!("{{\"tasks\":[\"\",\"{BEN}\"]}}"));
    assert_eq!(std::fs::read_dir(backup.path().join("state")).expect("lists").count(), 1);
    // Its commits say by which right.
    let copied =
        Lake::at(backup.path().join("tables").to_str().expect("UTF-8"), lake.options().clone()).expect("a lake");
    let history = ledger::history(&copied, "video_observations").await.expect("reads");
    let removed = history.entries.into_iter().filter_map(|entry| entry.removed).next_back().expect("an erasure");
    assert_eq!(removed.basis.as_deref(), Some("GDPR Art. 17(1)(b): consent withdrawn"));
    assert_eq!(removed.reason.as_deref(), Some("asked by mail"));
    // The lake is another matter.
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 12);
    let (told, _) = erase_from(&lake, &copy(CopyKind::Backup, backup.path(), "delta"), &erased).await;
    assert_eq!(told.outcome, "clean");
}
