//! Checkpoints, clean-up, vacuum and retention: what goes, and what must not.

use super::lake::*;
use std::time::Duration;
use tidelake_sinks::lake::upkeep::{VacuumOptions, Vacuumed, checkpoint, clean, retain, vacuum};
use tidelake_sinks::lake::{LakeError, ledger};

const ZERO: Duration = Duration::ZERO;
const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn short(dry_run: bool) -> VacuumOptions {
    VacuumOptions { grace: ZERO, allow_short_grace: true, dry_run }
}

async fn version(test: &TestLake) -> u64 {
    test.lake.open(TABLE).await.expect("opens").expect("is there").version().expect("has one")
}

/// Lands, compacts, writes a checkpoint and cleans the log: nothing lands twice, no position is lost, the ledger is whole.
#[tokio::test(flavor = "multi_thread")]
async fn positions_and_ledger_outlive_the_log() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    let mut idle = Lander::start(&test.lake).await;
    let reader = engine(&test.lake).await;
    let mut parts = Vec::new();
    for round in 0..4 {
        for _ in 0..5 {
            lander.land(10, 0).await;
            parts.push((10, 0));
        }
        compact(&test.lake, &options()).await;
        let due = checkpoint(&test.lake, TABLE, 3, false).await.expect("writes");
        assert!(due.is_some());
        assert_eq!(checkpoint(&test.lake, TABLE, 3, false).await.expect("looks"), None, "not due again");
        let would = clean(&test.lake, TABLE, after(ZERO), ZERO, true).await.expect("looks");
        let did = clean(&test.lake, TABLE, after(ZERO), ZERO, false).await.expect("cleans");
        assert!(would == did && did.objects >= 5 && Some(did.from) == due, "round {round}: {did:?}");
        assert_eq!(listed(&test, ".json").len(), 1, "only the newest commit is left");
        balances(&test.lake, lander.next).await;
    }
    // One that starts anew, one that landed all the time, and one whose snapshot the log no longer reaches.
    assert_eq!(Lander::start(&test.lake).await.next, 200);
    lander.land(10, 0).await;
    let fenced = {
        idle.append(5, 0).await;
        idle.commit(5).await
    };
    assert!(matches!(fenced, tidelake_sinks::lake::Outcome::Fenced { .. }), "{fenced:?}");
    idle.next = idle.writer.reload([APP.to_owned()]).await.expect("reloads")[APP].expect("a position");
    idle.land(10, 0).await;
    parts.extend([(10, 0), (10, 0)]);
    assert_eq!(rows(&test.lake).await, expected(&parts));
    assert!(reader.refresh().await.expect("refreshes"));
    assert_eq!(rows_of(&reader).await, expected(&parts));
    balances(&test.lake, 220).await;
    // The ledger is kept in one object, however often the log is cleaned.
    assert_eq!(listed(&test, ".jsonl").len(), 1);
}

/// A writer that was idle while the log was cleaned, and whose positions nobody moved, goes on where it is.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_writer_lands_after_a_clean_up() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    lander.land(10, 0).await;
    lander.land(10, 0).await;
    lander.append(10, 0).await;
    compact(&test.lake, &options()).await;
    retain(&test.lake, TABLE, YEAR, FIRST, false).await.expect("looks");
    checkpoint(&test.lake, TABLE, 1, false).await.expect("writes");
    assert!(clean(&test.lake, TABLE, after(ZERO), ZERO, false).await.expect("cleans").objects > 0);
    assert_eq!(lander.commit(10).await, tidelake_sinks::lake::Outcome::Landed);
    assert_eq!(rows(&test.lake).await, expected(&[(30, 0)]));
    balances(&test.lake, 30).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_kept_as_long_as_is_said() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..3 {
        lander.land(1, 0).await;
    }
    let nothing = clean(&test.lake, TABLE, after(ZERO), ZERO, false).await.expect("looks");
    assert_eq!((nothing.objects, nothing.from), (0, 0), "there is no checkpoint to stand on");
    checkpoint(&test.lake, TABLE, 1, false).await.expect("writes");
    let young = clean(&test.lake, TABLE, after(ZERO), YEAR, false).await.expect("looks");
    assert_eq!(young.objects, 0);
    assert_eq!(checkpoint(&test.lake, "no_such_table", 1, false).await.expect("is no error"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn vacuum_deletes_only_what_nobody_needs() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for _ in 0..3 {
        lander.land(20, 0).await;
    }
    // Written and not committed, by one that gives up and by one that goes on.
    let mut lost = Lander::start(&test.lake).await;
    lost.append(5, 1).await;
    let week = VacuumOptions { grace: 7 * Duration::from_secs(86_400), ..short(false) };
    compact(&test.lake, &options()).await;
    assert_eq!(data_files(&test), 4);
    let nothing = vacuum(&test.lake, TABLE, after(ZERO), &week).await.expect("looks");
    assert_eq!((nothing, data_files(&test)), (Vacuumed::default(), 4), "old versions stay readable within the grace");
    let would = vacuum(&test.lake, TABLE, after(ZERO), &short(true)).await.expect("looks");
    assert_eq!((would.files, data_files(&test)), (3, 4));
    let did = vacuum(&test.lake, TABLE, after(ZERO), &short(false)).await.expect("vacuums");
    assert_eq!((did, data_files(&test)), (would, 1));
    assert_eq!(rows(&test.lake).await, expected(&[(60, 0)]));
    lander.land(1, 0).await;

    let unnamed = VacuumOptions { allow_short_grace: false, ..short(false) };
    let refused = vacuum(&test.lake, TABLE, after(ZERO), &unnamed).await.expect_err("too short");
    assert!(matches!(refused, LakeError::ShortGrace { .. }) && refused.to_string().contains("--allow-short-grace"));
}

/// Files of one that was stopped, whether complete or being written, go after the grace; those of a live writer are younger.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_behind_goes() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    lander.land(20, 0).await;
    let folder = listed(&test, ".parquet")[0].parent().expect("a folder").to_owned();
    std::fs::write(folder.join("part-00000-left.parquet"), "x").expect("writes");
    std::fs::write(folder.join("part-00000-half.parquet#1"), "xy").expect("writes");
    std::fs::write(folder.join("notes.txt"), "mine").expect("writes");
    let hour = VacuumOptions { grace: Duration::from_secs(3600), ..short(false) };
    assert_eq!(vacuum(&test.lake, TABLE, after(ZERO), &hour).await.expect("looks").files, 0);
    let did = vacuum(&test.lake, TABLE, after(Duration::from_secs(3600)), &hour).await.expect("vacuums");
    assert_eq!(did, Vacuumed { files: 2, bytes: 3 });
    assert!(folder.join("notes.txt").exists());
    assert_eq!(rows(&test.lake).await, expected(&[(20, 0)]));
}

/// Checkpoints forget removed files after a week: a longer grace makes them remember.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_grace_is_remembered() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    lander.land(1, 0).await;
    vacuum(&test.lake, TABLE, after(ZERO), &VacuumOptions { grace: YEAR, ..short(false) }).await.expect("looks");
    let table = test.lake.open(TABLE).await.expect("opens").expect("is there");
    assert_eq!(table.snapshot().expect("loaded").table_config().deleted_file_retention_duration, Some(YEAR));
    let version = version(&test).await;
    vacuum(&test.lake, TABLE, after(ZERO), &VacuumOptions { grace: YEAR, ..short(false) }).await.expect("looks");
    assert_eq!(super::log::version(&test).await, version, "once");
    lander.land(1, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_go_when_their_time_is_over() {
    let test = lake();
    let mut lander = Lander::start(&test.lake).await;
    for day in 0..5 {
        lander.land(10, day).await;
        lander.land(5, day).await;
    }
    // 2023-11-14 is the first date; at the end of the 18th, two whole days after the 16th.
    let now = tidelake_schemas::Timestamp(FIRST.0 + 4 * DAY);
    let keep = Duration::from_secs(2 * 86_400);
    let would = retain(&test.lake, TABLE, keep, now, true).await.expect("looks");
    assert_eq!((would.dates.join(" "), would.rows, would.files), ("2023-11-14 2023-11-15".to_owned(), 30, 4));
    lander.append(3, 0).await;
    let did = retain(&test.lake, TABLE, keep, now, false).await.expect("drops");
    assert_eq!(did, would);
    assert_eq!(rows(&test.lake).await.len(), 45);
    balances(&test.lake, 45).await;
    // What lands late goes with the next look.
    assert_eq!(lander.commit(3).await, tidelake_sinks::lake::Outcome::Landed);
    assert_eq!(retain(&test.lake, TABLE, keep, now, false).await.expect("drops").rows, 3);
    balances(&test.lake, 45).await;
    assert_eq!(retain(&test.lake, TABLE, keep, now, false).await.expect("looks").rows, 0);
    let history = ledger::history(&test.lake, TABLE).await.expect("reads");
    let why: Vec<_> = history.entries.iter().filter_map(|entry| Some(entry.removed.as_ref()?.why.as_str())).collect();
    assert_eq!(why, ["retention", "retention"]);
}
