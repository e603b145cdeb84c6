//! Backups as files: what a second one adds, what a damaged one says, and what is left when one is cut short.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidelake_schemas::topics::{COVERAGE, LANDED, Landed};
use tidelake_schemas::{CoverageEntry, Timestamp, arrow_schema, codec};
use tidelake_sinks::backup::{
    BackupError, Damage, FileEntry, Manifest, Taken, begin, finish, into_lake, is_unfinished, lakes, reseal, take,
    verify,
};
use tidelake_sinks::lake::ledger;
use tidelake_sinks::lake::upkeep::{checkpoint, clean};
use tidelake_sinks::lake::{CommitRecord, Counts, Lake, Outcome, PartitionRange, Position, TableWriter, WriterOptions};
use tidelake_sinks::place::Place;
use tidelake_sinks::query::{Engine, QueryOptions};

const APP: &str = "tl/test/0";

fn landed() -> Landed {
    LANDED.into_iter().find(|l| l.topic == COVERAGE).expect("is landed")
}

fn lake(dir: &Path) -> Lake {
    Lake::at(dir.to_str().expect("UTF-8"), HashMap::new()).expect("a lake")
}

fn place(dir: &Path) -> Place {
    Place::at(dir.to_str().expect("UTF-8"), &HashMap::new()).expect("a place")
}

/// Lands rows `from..to` in one commit.
async fn land(lake: &Lake, from: i64, to: i64) {
    let mut writer = TableWriter::open(lake, landed(), &WriterOptions::default()).await.expect("opens");
    let mut decoder = arrow_schema::decoder(landed().schema, 100).expect("decoder");
    for id in from..to {
        let observed_at = Timestamp(1_700_000_000_000_000);
        let entry = CoverageEntry { event_id: id.to_string(), observed_at, ..CoverageEntry::default() };
        decoder.decode(&codec::encode(&entry).expect("encodes")).expect("decodes");
    }
    let positions: Vec<Position> = (from..to).map(|offset| Position { partition: 0, offset }).collect();
    let batch = decoder.flush().expect("flushes").expect("rows");
    let stored = writer.reload([APP.to_owned()]).await.expect("reloads");
    writer.append(&batch, &positions, Timestamp(0)).await.expect("appends");
    let counts = Counts { rows: to - from, ..Counts::default() };
    let record = CommitRecord {
        operation: uuid::Uuid::now_v7().to_string(),
        topic: "test".into(),
        partitions: BTreeMap::from([(0, PartitionRange { from, to, counts })]),
    };
    let outcome = writer.commit(&stored, &BTreeMap::from([(APP.to_owned(), to)]), &record).await.expect("an outcome");
    assert_eq!(outcome, Outcome::Landed);
}

async fn rows(lake: &Lake) -> i64 {
    let engine = Engine::over(lake.clone(), QueryOptions::default()).await.expect("an engine");
    engine.integers("SELECT count(*) FROM coverage").await.expect("counts")[0]
}

async fn taken(lake: &Lake, to: &Place) -> Taken {
    take(lake, to, "state".into(), Timestamp(7), |_| ()).await.expect("backs up")
}

fn data_file(dir: &Path) -> PathBuf {
    let dates = std::fs::read_dir(dir.join("tables/coverage")).expect("a table").map(|e| e.expect("an entry").path());
    let date = dates.into_iter().find(|path| path.to_string_lossy().contains("observed_date=")).expect("a date");
    std::fs::read_dir(date).expect("files").next().expect("a file").expect("an entry").path()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_backup_only_adds_and_each_is_a_table_in_place() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    land(&lake, 0, 3).await;
    let first = taken(&lake, &to).await;
    assert_eq!(first.copied.files, 4, "a file of rows, two commits, the state");
    let unchanged = taken(&lake, &to).await;
    assert_eq!(unchanged.copied.files, 1, "the state alone");
    land(&lake, 3, 5).await;
    let second = taken(&lake, &to).await;
    assert_eq!(second.copied.files, 3, "a file of rows, its commit, the state");
    assert_eq!(verify(&to, |_| ()).await.expect("reads").damaged, []);
    let in_place = self::lake(&dir.path().join("backup/tables"));
    assert_eq!(rows(&in_place).await, 5);
    let another = self::lake(&dir.path().join("another"));
    land(&another, 0, 1).await;
    let refused = take(&another, &to, "state".into(), Timestamp(8), |_| ()).await;
    assert!(matches!(refused, Err(BackupError::Another { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_named_and_nothing_is_restored() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    land(&lake, 0, 3).await;
    taken(&lake, &to).await;
    let target = self::lake(&dir.path().join("target"));
    let file = data_file(&dir.path().join("backup"));
    let mut bytes = std::fs::read(&file).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).expect("writes");
    let damaged = verify(&to, |_| ()).await.expect("reads").damaged;
    assert!(
        matches!(damaged.as_slice(), [Damage::Changed(path)] if path.contains("coverage/observed_date=")),
        "{damaged:?}"
    );
    let refused = begin(&to, &target, |_| ()).await;
    assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{refused:?}");
    assert!(!is_unfinished(&target).await.expect("reads"), "nothing was begun");
    std::fs::remove_file(&file).expect("removes");
    let damaged = verify(&to, |_| ()).await.expect("reads").damaged;
    assert!(matches!(damaged.as_slice(), [Damage::Missing(_)]), "{damaged:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_cut_short_leaves_the_one_before() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    land(&lake, 0, 3).await;
    let before = taken(&lake, &to).await.manifest;
    for commit in 1..40 {
        land(&lake, commit * 3, commit * 3 + 3).await;
    }
    let mut cut = 0;
    for millis in [0, 1, 2, 4, 8, 16, 32] {
        let limit = Duration::from_millis(millis);
        if tokio::time::timeout(limit, take(&lake, &to, "state".into(), Timestamp(8), |_| ())).await.is_err() {
            cut += 1;
            let found = verify(&to, |_| ()).await.expect("reads");
            assert_eq!((found.manifest, found.damaged), (before.clone(), vec![]));
            assert!(rows(&self::lake(&dir.path().join("backup/tables"))).await >= 3, "a table of some version");
        }
    }
    assert!(cut > 0, "none was cut short");
    taken(&lake, &to).await;
    assert_eq!(rows(&self::lake(&dir.path().join("backup/tables"))).await, 120);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_restored_is_the_table_with_its_positions() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    land(&lake, 0, 3).await;
    taken(&lake, &to).await;
    let target = self::lake(&dir.path().join("target"));
    let (manifest, state, again) = begin(&to, &target, |_| ()).await.expect("begins");
    assert_eq!((state.as_ref(), again), (b"state".as_slice(), false));
    into_lake(&to, &manifest, &target, |_| ()).await.expect("copies");
    assert!(is_unfinished(&target).await.expect("reads"));
    // Cut short and begun again.
    let (_, _, again) = begin(&to, &target, |_| ()).await.expect("begins");
    assert!(again);
    into_lake(&to, &manifest, &target, |_| ()).await.expect("copies");
    finish(&target).await.expect("ends");
    assert!(!is_unfinished(&target).await.expect("reads"));
    assert_eq!(rows(&target).await, 3);
    // It goes on where the lake was.
    land(&target, 3, 5).await;
    assert_eq!(rows(&target).await, 5);
    assert!(matches!(begin(&to, &target, |_| ()).await, Err(BackupError::NotEmpty { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_whose_tables_were_rewritten_is_sealed_again() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    land(&lake, 0, 3).await;
    taken(&lake, &to).await;
    // Somebody commits to the copy, as an erasure does.
    land(&self::lake(&dir.path().join("backup/tables")), 3, 4).await;
    // It also takes statistics out of the log, in place.
    let entry = dir.path().join("backup/tables/coverage/_delta_log/00000000000000000001.json");
    let text = std::fs::read_to_string(&entry).expect("reads");
    assert!(text.contains("\"stats\""), "{text}");
    std::fs::write(&entry, text.replace("\"stats\"", "\"x\"")).expect("writes");
    let sealed = reseal(&to, &HashMap::new()).await.expect("seals");
    assert_eq!(sealed, Manifest::of(&to).await.expect("reads"));
    assert_eq!(sealed.tables["coverage"].version, 2);
    assert_eq!(verify(&to, |_| ()).await.expect("reads").damaged, []);
    // The lake has gone another way since: it is copied anew, and the old copy goes.
    land(&lake, 3, 9).await;
    let anew = taken(&lake, &to).await.manifest;
    assert_eq!(anew.tables["coverage"].folder, "tables-2/coverage");
    assert_eq!(verify(&to, |_| ()).await.expect("reads").damaged, []);
    let mut counts = Vec::new();
    for lake in lakes(&to, &HashMap::new()).await.expect("lists") {
        counts.push(rows(&lake).await);
    }
    counts.sort_unstable();
    assert!(counts == [9] || counts == [0, 9], "{counts:?}: the old copy is gone");
    let target = self::lake(&dir.path().join("target"));
    let (manifest, ..) = begin(&to, &target, |_| ()).await.expect("begins");
    into_lake(&to, &manifest, &target, |_| ()).await.expect("copies");
    assert_eq!(rows(&target).await, 9);
}

/// What commits said that were cleaned out of the log comes along: an audit proves what it proved before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cleaned_log_comes_with_its_ledger() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    for round in 0..2 {
        for commit in 0..4 {
            let from = round * 12 + commit * 3;
            land(&lake, from, from + 3).await;
        }
        cleaned(&lake).await;
        let history = ledger::history(&lake, "coverage").await.expect("reads");
        assert_eq!((history.complete_from, history.entries.len() as i64), (0, round * 4 + 5));
        let manifest = taken(&lake, &to).await.manifest;
        let kept = |file: &&FileEntry| file.path.starts_with("_delta_log/_ledger/");
        assert_eq!(manifest.tables["coverage"].files.iter().filter(kept).count(), 1);
        assert_eq!(verify(&to, |_| ()).await.expect("reads").damaged, []);
        let target = self::lake(&dir.path().join(format!("target-{round}")));
        let (manifest, ..) = begin(&to, &target, |_| ()).await.expect("begins");
        into_lake(&to, &manifest, &target, |_| ()).await.expect("copies");
        assert_eq!(ledger::history(&target, "coverage").await.expect("reads"), history);
    }
    let unchanged = taken(&lake, &to).await;
    assert_eq!(unchanged.copied.files, 1, "the state alone");
    let folder = dir.path().join("backup").join(&unchanged.manifest.tables["coverage"].folder);
    for file in std::fs::read_dir(folder.join("_delta_log/_ledger")).expect("a ledger").flatten() {
        std::fs::write(file.path(), "{}").expect("writes");
    }
    let damaged = verify(&to, |_| ()).await.expect("reads").damaged;
    assert!(matches!(damaged.as_slice(), [Damage::Changed(path)] if path.contains("_ledger")), "{damaged:?}");
}

async fn cleaned(lake: &Lake) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_micros();
    let now = Timestamp(i64::try_from(now).expect("fits") + 1_000_000);
    checkpoint(lake, "coverage", 1, false).await.expect("writes");
    assert!(clean(lake, "coverage", now, Duration::ZERO, false).await.expect("cleans").objects > 0);
}

/// Every file is what the manifest says of it, and yet they are no table.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_no_table_are_no_backup() {
    let dir = tempfile::tempdir().expect("temp dir");
    let (lake, to) = (lake(&dir.path().join("lake")), place(&dir.path().join("backup")));
    for commit in 0..6 {
        land(&lake, commit * 3, commit * 3 + 3).await;
    }
    cleaned(&lake).await;
    land(&lake, 18, 21).await;
    land(&lake, 21, 24).await;
    taken(&lake, &to).await;
    let sealed = std::fs::read_to_string(dir.path().join("backup/MANIFEST.json")).expect("reads");
    for (gone, part) in [
        ("checkpoint.parquet", "no commit 0"),
        ("00000000000000000007.json", "no commit 7 after its checkpoint of version 6"),
        ("observed_date=", "which the backup has not"),
    ] {
        let mut manifest: serde_json::Value = serde_json::from_str(&sealed).expect("reads");
        let files = manifest["tables"]["coverage"]["files"].as_array_mut().expect("files");
        let at = files.iter().position(|file| file["path"].as_str().is_some_and(|path| path.contains(gone)));
        files.remove(at.expect("is there"));
        std::fs::write(dir.path().join("backup/MANIFEST.json"), manifest.to_string()).expect("writes");
        let damaged = verify(&to, |_| ()).await.expect("reads").damaged;
        assert!(
            matches!(damaged.as_slice(), [Damage::Unreadable { why, .. }] if why.contains(part)),
            "without {gone}: {damaged:?}"
        );
        let refused = begin(&to, &self::lake(&dir.path().join("target")), |_| ()).await;
        assert!(matches!(refused, Err(BackupError::Damaged { .. })), "{refused:?}");
    }
    // Of a lake whose log has lost a commit no backup is made.
    std::fs::write(dir.path().join("backup/MANIFEST.json"), &sealed).expect("writes");
    std::fs::remove_file(dir.path().join("lake/coverage/_delta_log/00000000000000000007.json")).expect("removes");
    let refused = take(&lake, &to, "state".into(), Timestamp(8), |_| ()).await;
    assert!(refused.is_err(), "{refused:?}");
    let still = std::fs::read_to_string(dir.path().join("backup/MANIFEST.json")).expect("reads");
    assert_eq!(still, sealed, "the backup before is as it was");
}
