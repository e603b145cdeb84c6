//! attrition (Q9a) and compliance-overdue (Q9b).

use crate::as_written::Q9B;
use crate::bench::{Bench, NOW, Seen, ago, at, columns, post};
use serde_json::{Value, json};
use tidelake_schemas::{CoverageEntry, Provenance, Timestamp};

#[tokio::test]
async fn attrition() {
    let mut bench = Bench::new();
    // First seen in the week of Monday the 13th of April.
    let first = at("2026-04-14T00:00:00Z");
    let later = |days: f64| first.plus_secs((days * 86_400.0) as i64);
    let food = |id: i64| post(id, "a", later(-1.0)).seen(first).about("food/recipes");
    let seen = |id: i64, days: f64| food(id).seen(later(days));
    // What is gone says nothing but its id.
    let gone =
        |id: i64, days: f64| Seen { found: Default::default(), ..food(id) }.seen(later(days)).gone("not_available");
    let rows = [
        // 1 goes within 7 days. 2 goes between 7 and 15. 3 is there after 20 days, and nobody has looked since. 4 went on day 6 and
        // came back. 5 was never looked at again. 6 became private on day 3.
        food(1),
        gone(1, 5.0),
        food(2),
        gone(2, 10.0),
        food(3),
        seen(3, 20.0),
        food(4),
        gone(4, 6.0),
        seen(4, 6.5),
        food(5),
        food(6),
        food(6).seen(later(3.0)).with(|v| v.is_private = Some(true)),
        // Another subject, and another week: no video is 7 days old.
        food(7).with(|_| ()),
        post(8, "a", ago(4.0)).seen(ago(3.0)).about("food/recipes"),
        // Seen at now: not yet.
        post(9, "a", ago(1.0)).seen(at(NOW)).about("food/recipes"),
    ]
    .map(|mut row| {
        if row.video.video_id == 7 {
            row.found.categories[0].name = "beauty/hair".into();
        }
        row
    });
    bench.videos(rows).await;
    let found = bench.query("attrition", &[]).await;
    // The 14th of April and 30 days are the 14th of May: nobody is that old on the 11th.
    let expected = json!([
        {"week": "2026-04-13T00:00:00Z", "category": "beauty/hair", "videos": 1, "of_7d": 1, "gone_7d": 0, "share_gone_7d": 0.0,
         "checked_7d": 0, "of_15d": 1, "gone_15d": 0, "share_gone_15d": 0.0, "checked_15d": 0, "of_30d": 0, "gone_30d": 0,
         "share_gone_30d": null, "checked_30d": 0},
        {"week": "2026-04-13T00:00:00Z", "category": "food/recipes", "videos": 6, "of_7d": 6, "gone_7d": 2,
         "share_gone_7d": 0.333333333, "checked_7d": 4, "of_15d": 6, "gone_15d": 3, "share_gone_15d": 0.5, "checked_15d": 4,
         "of_30d": 0, "gone_30d": 0, "share_gone_30d": null, "checked_30d": 0},
        {"week": "2026-05-04T00:00:00Z", "category": "food/recipes", "videos": 1, "of_7d": 0, "gone_7d": 0, "share_gone_7d": null,
         "checked_7d": 0, "of_15d": 0, "gone_15d": 0, "share_gone_15d": null, "checked_15d": 0, "of_30d": 0, "gone_30d": 0,
         "share_gone_30d": null, "checked_30d": 0},
    ]);
    assert_eq!(json!(found), expected);
    assert_eq!(bench.query("attrition", &[("since", "2026-05-05")]).await, found[2..]);
    // Three weeks later the 30 days are over.
    let june = bench.query("attrition", &[("now", "2026-06-01T00:00:00Z")]).await;
    assert_eq!(
        (&june[1]["of_30d"], &june[1]["gone_30d"], &june[1]["share_gone_30d"]),
        (&json!(6), &json!(3), &json!(0.5))
    );
}

#[tokio::test]
async fn what_the_research_api_gave_stays_its_own_and_what_is_gone_is_not_asked_about() {
    let mut bench = Bench::new();
    let old = |id: i64| post(id, "a", ago(40.0)).seen(ago(30.0));
    let rows = [
        // 10 was seen by another route since, too long ago as well; 20 not long ago.
        old(10),
        old(10).seen(ago(20.0)).by("oembed", "oembed", "o"),
        old(20),
        old(20).seen(ago(3.0)).by("oembed", "oembed", "o"),
        // 30 is gone, and known to be; 40 never came by the Research API.
        old(30),
        old(30).seen(ago(18.0)).gone("not_available"),
        old(40).by("web", "web", "w"),
    ];
    bench.videos_landed(rows, ago(18.0)).await;
    let overdue = bench.query("compliance-overdue", &[]).await;
    assert_eq!(overdue, [json!({"overdue": 1, "oldest": "2026-04-21T00:00:00Z"})]);
    // The refresh asks about what it gave, whoever saw it last.
    bench.coverage([judged(1, None, false, ago(1.0), ago(2.0))]).await;
    assert_eq!(bench.query("compliance-overdue", &[]).await, [json!({"overdue": 0, "oldest": null})]);
    let seen = bench.ask("SELECT last_validated_at FROM compliance WHERE video_id IN (10, 30) ORDER BY video_id").await;
    assert_eq!(
        columns(&seen, &["last_validated_at"]),
        [json!(["2026-05-10T00:00:00Z"]), json!(["2026-04-23T00:00:00Z"])]
    );
}

/// The page of a batch of the refresh that was answered.
fn judged(page: i64, after: Option<i64>, more: bool, at: Timestamp, stored_before: Timestamp) -> CoverageEntry {
    let after = after.map_or(String::new(), |after| format!(" after {after}"));
    CoverageEntry {
        event_id: format!("{}/{page}", at.0),
        platform: "tiktok".into(),
        observed_at: at,
        provenance: Provenance {
            connector: "research-api".into(),
            route: "validation_task/download".into(),
            task: "refresh".into(),
            cycle: 1,
            fetched_at: at,
            zone: "research".into(),
            origin: None,
        },
        page,
        asked: format!("compliance of 9 video ids{after}: 9 valid, 0 gone"),
        window_end: Some(stored_before),
        has_more: more,
        stop_reason: if more { "continue" } else { "exhausted" }.into(),
        ..CoverageEntry::default()
    }
}

async fn overdue(bench: &Bench) -> (Value, Value) {
    let named = bench.query("compliance-overdue", &[]).await;
    assert_eq!(named, bench.ask(Q9B).await, "the query as written");
    (named[0]["overdue"].clone(), named[0]["oldest"].clone())
}

#[tokio::test]
async fn what_nobody_confirmed_is_overdue_until_the_refresh() {
    let mut bench = Bench::new();
    let stored = ago(20.0);
    // 10, 20 and 30 are 20 days old; 40 was seen 14 days ago; 50 came by another route than the Research API's.
    let old = |id: i64| post(id, "a", ago(30.0)).seen(stored);
    let rows = [old(10), old(20), old(30), old(40), old(40).seen(ago(14.0)), old(50).by("oembed", "oembed", "o")];
    bench.videos_landed(rows, stored).await;
    assert_eq!(overdue(&bench).await, (json!(3), json!("2026-04-21T00:00:00Z")));

    // A refresh two days ago has asked about ids to 20, and goes on: 30 waits.
    let swept = ago(2.0);
    bench.coverage([judged(2, None, true, swept, ago(3.0))]).await;
    assert_eq!(overdue(&bench).await.0, json!(3), "how far the batch went is not known yet");
    bench
        .coverage([CoverageEntry {
            asked: "compliance of 9 video ids after 20".into(),
            ..judged(3, Some(20), true, swept, ago(3.0))
        }])
        .await;
    assert_eq!(overdue(&bench).await.0, json!(1));
    // The next batch brings it to the end; 30 was stored in time.
    bench.coverage([judged(5, Some(20), false, ago(1.0), ago(3.0))]).await;
    assert_eq!(overdue(&bench).await, (json!(0), Value::Null));
    let confirmed = bench.ask("SELECT video_id, last_validated_at, outcome FROM compliance ORDER BY video_id").await;
    let row = |id: i64, at: &str| json!({"video_id": id.to_string(), "last_validated_at": at, "outcome": "valid"});
    let expected = [
        row(10, "2026-05-09T00:00:00Z"),
        row(20, "2026-05-09T00:00:00Z"),
        row(30, "2026-05-10T00:00:00Z"),
        row(40, "2026-05-10T00:00:00Z"),
        row(50, "2026-04-21T00:00:00Z"),
    ];
    assert_eq!(confirmed, expected);

    // 60 was stored after what the refresh had asked about: it is not confirmed by it. 10 is gone since.
    bench.videos_landed([post(60, "a", ago(30.0)).seen(ago(16.0))], ago(2.5)).await;
    bench.videos([old(10).seen(ago(0.5)).gone("not_available")]).await;
    assert_eq!(overdue(&bench).await, (json!(1), json!("2026-04-25T00:00:00Z")));
    let gone = bench.ask("SELECT outcome FROM compliance WHERE video_id = 10").await;
    assert_eq!(gone, [json!({"outcome": "gone"})]);
    let states = bench.ask("SELECT state FROM availability WHERE video_id = 10 ORDER BY observed_at").await;
    assert_eq!(states, [json!({"state": "public"}), json!({"state": "not_available"})]);
}
