//! Videos that are gone leave counts, and the question how many are gone has the same answer as before.

use super::bench::*;
use super::search::assert_gone;
use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use tidelake_schemas::{Enrichment, Timestamp, VideoObservation, codec};
use tidelake_sinks::lake::{Lake, WriterOptions};
use tidelake_sinks::privacy::gone;
use tidelake_sinks::query::{Bind, Binds, named};

/// Ben's video is found to be gone on a day after the first.
fn gone_on(day: i64) -> Vec<u8> {
    let observed = VideoObservation {
        event_id: format!("gone-{day}"),
        platform: "tiktok".into(),
        video_id: 7_000_000_000_000_000_003,
        observed_at: Timestamp(START + day * DAY),
        provenance: provenance("refresh"),
        created_at: Some(Timestamp(START)),
        unavailable: Some("deleted".into()),
        ..VideoObservation::default()
    };
    codec::append_enrichment(&encoded(&observed), &Enrichment::default()).expect("enriches")
}

async fn attrition(lake: &Lake, days: i64) -> String {
    let query = named::find("attrition").expect("a query");
    let now = Timestamp(START + days * DAY);
    let binds = query.binds(&Binds::default().with("now", Bind::Timestamp(now)), now).expect("binds");
    let answer = engine(lake).await.ask(query.sql, &binds).await.expect("plans");
    let batches: Vec<RecordBatch> = answer.stream.try_collect().await.expect("answers");
    pretty_format_batches(&batches).expect("a table").to_string()
}

#[tokio::test]
async fn they_leave_only_a_count() {
    let (dir, lake) = lake();
    let mut lander = videos(&lake).await;
    lander.land(&[gone_on(9)]).await;
    // Instants after the last that is known of it, at which it is old enough for some ages and for all.
    let ages = [10, 20, 29, 60];
    let mut before = Vec::new();
    for age in ages {
        before.push(attrition(&lake, age).await);
    }
    assert!(before[3].contains("| 4 ") && before[3].contains("0.25"), "{}", before[3]);
    let options = WriterOptions::default();
    let (videos, taken) = gone::erase_gone(&lake, &key(), &options, LATER).await.expect("erases");
    assert_eq!((videos, taken["video_observations"].rows), (1, 4));
    let (again, _) = gone::erase_gone(&lake, &key(), &options, LATER).await.expect("erases");
    assert_eq!(again, 0);
    let counts = gone::attrition(&lake).await.expect("reads");
    assert_eq!(counts.videos["deleted"]["2023-11"], 1);
    assert_eq!((counts.faded.len(), counts.faded[0].gone, counts.faded[0].videos), (1, [false, true, true], 1));
    assert_gone(dir.path(), &["7000000000000000003"]);
    assert_eq!(integer(&lake, "SELECT count(*) FROM video_observations").await, 9);
    for (age, before) in ages.into_iter().zip(before) {
        assert_eq!(attrition(&lake, age).await, before, "at {age} days");
    }
    // Another that is like it is counted with it.
    lander.land(&[video(7_000_000_000_000_000_003, 0, author(Some(BEN), None, "Ben"), "again")]).await;
    lander.land(&[gone_on(9)]).await;
    gone::erase_gone(&lake, &key(), &options, LATER).await.expect("erases");
    let counts = gone::attrition(&lake).await.expect("reads");
    assert_eq!(
        counts.faded.iter().map(|faded| faded.videos).sum::<u64>(),
        1,
        "the last ids that were counted are known"
    );
    assert_eq!(removed(&lake).await, 6);
}
