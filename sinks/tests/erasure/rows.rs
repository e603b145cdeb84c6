//! Out of rows, older versions and the log, while others write.

use super::bench::*;
use super::search::{assert_gone, files};
use deltalake::DeltaTableBuilder;
use tidelake_schemas::Timestamp;
use tidelake_sinks::lake::erasure;
use tidelake_sinks::lake::{Outcome, WriterOptions, ledger};
use tidelake_sinks::privacy::{Subject, Suppressions, access};

#[tokio::test]
async fn nothing_is_left_in_rows_versions_or_the_log() {
    let (dir, lake) = lake();
    let mut lander = videos(&lake).await;
    others(&lake).await;
    // A checkpoint with statistics, and files of an older version.
    for name in erasure::tables(&lake).await.expect("lists") {
        let table = lake.open(&name).await.expect("opens").expect("is there");
        deltalake::checkpoints::create_checkpoint(&table, None).await.expect("a checkpoint");
    }
    let subject = Subject::of_creator(&engine(&lake).await, "tiktok", "@Mia.Cooks.9917").await.expect("resolves");
    assert_eq!((subject.ids.len(), subject.handles.len(), subject.videos.len()), (1, 1, 2), "{subject:?}");
    let by_id = Subject::of_creator(&engine(&lake).await, "tiktok", &MIA_ID.to_string()).await.expect("resolves");
    assert!(by_id == subject, "an id finds the handle");
    let erased = Suppressions::of(key(), "tiktok", subject.names().iter().map(String::as_str));

    let held = access::held(&lake, &erased).await.expect("reads");
    assert_eq!(held["video_observations"].len(), 6);
    assert_eq!((held["comments"].len(), held["dead_letters"].len(), held["creator_observations"].len()), (2, 2, 1));
    assert_eq!(held["video_observations"][0]["provenance"]["task"], "search");

    let (counted, _) = erasure::count(&lake, "video_observations", &erased).await.expect("counts");
    assert_eq!(counted, 6);
    let done = erase_everywhere(&lake, &erased).await;
    assert_eq!(done["video_observations"].0.rows, 6);
    assert_eq!((done["comments"].0.rows, done["dead_letters"].0.rows, done["creator_observations"].0.rows), (2, 2, 1));
    assert_eq!((done["coverage"].0.rows, done["coverage"].0.redacted), (0, 1), "a poll stays in the ledger");
    assert!(done["video_observations"].1.files > 0 && done["video_observations"].1.checkpoints > 0);

    let needles = [MIA, &MIA_ID.to_string(), "7000000000000000001", "7000000000000000002", &MIA_NAME.to_lowercase()];
    assert!(files(dir.path()).len() > 10, "too few files to say anything");
    assert_gone(dir.path(), &needles);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 6);
    assert_eq!(integer(&lake, "SELECT count(*) FROM coverage WHERE asked LIKE 'liked of […]%'").await, 1);

    // An older version is not read, rather than read without them.
    let url = lake.table_url("video_observations").expect("a URL");
    let mut old = DeltaTableBuilder::from_url(url).expect("a table").build().expect("builds");
    old.load_version(3).await.expect("its log can be read");
    let session = datafusion::prelude::SessionContext::new();
    old.update_datafusion_session(&session.state()).expect("a session");
    let frame = session.read_table(old.table_provider().await.expect("a provider")).expect("a table");
    assert!(frame.collect().await.is_err(), "its files are gone");

    // The ledger is whole, and says what is missing.
    let removed: i64 = removed(&lake).await;
    let records = ledger::read(&lake, "video_observations", None).await.expect("reads");
    let rows: i64 = records.iter().flat_map(|(_, r)| r.partitions.values()).map(|range| range.counts.rows).sum();
    assert_eq!((rows, removed), (12, 6));

    // Again: nothing to do, and the writer from before goes on.
    for (name, (taken, purged)) in erase_everywhere(&lake, &erased).await {
        assert!(taken.rows == 0 && taken.files == 0 && purged.is_nothing(), "{name}: {taken:?} {purged:?}");
    }
    lander.land(&[video(7_000_000_000_000_000_009, 1, author(Some(BEN), None, "Ben"), "more")]).await;
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 7);
}

#[tokio::test]
async fn what_lands_late_is_found_again() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    let erased = mia();
    let options = WriterOptions::default();
    let found = erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks");
    assert_eq!(found.iter().map(|f| f.erased.rows).sum::<usize>(), 6);
    assert!(erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks").is_empty(), "nothing has landed");
    // A writer that had not heard.
    lander.buffer(&[video(7_000_000_000_000_000_005, 1, author(Some(MIA), None, MIA_NAME), "late")]).await;
    assert_eq!(lander.commit(1).await, Outcome::Landed);
    let found = erasure::recheck(&lake, &erased, &options, LATER).await.expect("checks");
    assert_eq!((found.len(), found[0].erased.rows), (1, 1));
    // Somebody else is suppressed since: everything is looked at.
    let mut more = erased.clone();
    more.extend(&Suppressions::of(key(), "tiktok", [BEN, &BEN_ID.to_string()]));
    let found = erasure::recheck(&lake, &more, &options, LATER).await.expect("checks");
    assert_eq!(found.iter().map(|f| f.erased.rows).sum::<usize>(), 6);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 0);
}

#[tokio::test]
async fn an_erasure_and_a_writer_lose_and_double_nothing() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    let erased = mia();
    let writing = async {
        for round in 0..20 {
            let id = 7_100_000_000_000_000_000 + round;
            let messages = [
                video(id, round % 3, author(Some(BEN), None, "Ben"), "bread"),
                video(id + 1000, round % 3, author(Some(MIA), None, MIA_NAME), "pie"),
            ];
            lander.land(&messages).await;
        }
    };
    let erasing = async {
        for _ in 0..6 {
            // Every file is young: the writer's may be about to be committed.
            erase_at(&lake, &erased, Timestamp(START)).await;
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(writing, erasing);
    erase_everywhere(&lake, &erased).await;
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 6 + 20);
    assert_eq!(integer(&lake, "SELECT count(DISTINCT event_id) FROM video_observations").await, 6 + 20);
    let removed: i64 = removed(&lake).await;
    assert_eq!(removed, 6 + 20);
}

#[tokio::test]
async fn a_handle_that_two_have_had_is_asked_about() {
    let (_dir, lake) = lake();
    let mut lander = videos(&lake).await;
    lander.land(&[video(7_000_000_000_000_000_006, 1, author(Some(MIA), Some(77_777_777), "Other"), "hi")]).await;
    let engine = engine(&lake).await;
    let error = Subject::of_creator(&engine, "tiktok", MIA).await.expect_err("is ambiguous").to_string();
    assert!(error.contains("77777777") && error.contains("--creator ID"), "{error}");
    let subject = Subject::of_creator(&engine, "tiktok", &MIA_ID.to_string()).await.expect("resolves");
    assert_eq!((subject.handles.len(), subject.shared_handles), (0, 1), "the handle stays the other's");
}
