//! posting-hours (Q2), rising-creators (Q3), sound-adoption (Q6) and partnerships (Q8).

use crate::as_written::{Q2, Q3};
use crate::bench::{Bench, NOW, Seen, ago, assert_alike, at, columns, creator, post};
use serde_json::{Value, json};
use tidelake_schemas::Timestamp;

/// Ten creators, each a decile of 120 posts with a rate of its own, half of them posting in the morning and half in the
/// evening: the follower count says everything, but for hour 20, where posts gain 0.05.
#[tokio::test]
async fn posting_hours() {
    let mut bench = Bench::new();
    let day = |day: i64| at("2026-04-01T00:00:00Z").plus_secs(day * 86_400);
    let posted = |c: i64, i: i64| {
        let hour = i % 12 + if c < 5 { 0 } else { 12 };
        // New York is four hours behind UTC in April.
        let created = day(i / 12).plus_secs((hour + 4) * 3600 + 60);
        post(c * 1000 + i + 1, &format!("c{c}"), created).aged(70).rate(10 * (c + 1) + if hour == 20 { 50 } else { 0 })
    };
    bench.videos((0..10).flat_map(|c| (0..120).map(move |i| posted(c, i)))).await;
    // 99 views are too few to have a rate; a region without a zone has no hours; who is not known has no followers.
    let few = post(20_001, "c0", day(1)).aged(70).rate(900).with(|v| v.stats.views = Some(99));
    let nowhere = (0..9).map(|i| post(20_010 + i, "c0", day(1)).aged(70).rate(900).region("QQ"));
    let unknown = post(20_030, "nobody", day(1)).aged(70).rate(900);
    bench.videos(nowhere.chain([few, unknown])).await;
    // Followers are those of the time of the post: the newest count before it, not the later one.
    let before = |c: i64| creator(&format!("C{c}"), 1000 * (c + 1), day(-30));
    let after = |c: i64| creator(&format!("c{c}"), 20_000 - 1000 * c, day(40));
    bench.creators((0..10).map(before).chain((0..10).map(after))).await;
    let named = bench.query("posting-hours", &[]).await;
    let expected = |h: i64| {
        let residual = if h == 20 { 0.05 } else { 0.0 };
        json!({"h": h, "residual_er": residual, "low": residual, "high": residual, "n": 50, "reliable": true})
    };
    assert_eq!(named, (0..24).map(expected).collect::<Vec<_>>());
    let written = bench.ask(Q2).await;
    let (nowhere, hours): (Vec<Value>, Vec<Value>) = written.into_iter().partition(|row| row["h"].is_null());
    assert_eq!(nowhere.len(), 1, "the query as written keeps the hour that is not known");
    assert_alike(&hours, &named);
    assert!(bench.query("posting-hours", &[("region", "DE")]).await.iter().all(|row| row["n"] == 0));
    // A post whose likes are not known has no rate: it is none of its hour's.
    bench.videos([post(20_040, "c9", day(1)).aged(70).rate(900).with(|v| v.stats.likes = None)]).await;
    assert_eq!(columns(&bench.query("posting-hours", &[]).await, &["n"]), vec![json!([50]); 24]);
}

/// On the day when clocks go forward in New York there is no hour 2.
#[tokio::test]
async fn posting_hours_on_the_day_of_the_change() {
    let mut bench = Bench::new();
    let early = post(1, "a", at("2026-03-08T06:30:00Z")).aged(70).rate(10);
    let late = post(2, "a", at("2026-03-08T07:30:00Z")).aged(70).rate(30);
    bench.videos([early, late]).await;
    // The earliest count within a week after the post, for want of one before.
    bench.creators([creator("a", 5, at("2026-03-10T00:00:00Z")), creator("a", 6, at("2026-03-12T00:00:00Z"))]).await;
    let named = bench.query("posting-hours", &[]).await;
    let hours: Vec<_> = columns(&named, &["h", "n", "reliable"]).into_iter().take(4).collect();
    let hour = |h: i64, n: i64| json!([h, n, false]);
    assert_eq!(hours, [hour(0, 0), hour(1, 1), hour(2, 0), hour(3, 1)]);
    assert_eq!(named.len(), 24);
    assert_eq!(named[2]["residual_er"], Value::Null);
    let followers = bench.ask("SELECT DISTINCT followers_at_post AS f FROM videos").await;
    assert_eq!(followers, [json!({"f": 5})]);
}

/// Posts of a creator with these views at 6 days of age, one an hour from a day on.
fn series(first_id: i64, handle: &str, from: Timestamp, views: &[i64]) -> Vec<Seen> {
    let one = |(i, views): (i64, &i64)| post(first_id + i, handle, from.plus_secs(3600 * i)).aged(144).views(*views);
    (0_i64..).zip(views).map(one).collect()
}

#[tokio::test]
async fn rising_creators() {
    let mut bench = Bench::new();
    let mut rows = Vec::new();
    let (recent, before) = (ago(20.0), ago(50.0));
    let both = |rows: &mut Vec<Seen>, id: i64, handle: &str, new: &[i64], old: &[i64]| {
        rows.extend(series(id, handle, recent, new));
        rows.extend(series(id + 50, handle, before, old));
    };
    // Medians 300 and 100; without the best (200 + 300) / 2 = 250: (300 - 250) / (300 - 100) = 0.25 of the rise.
    both(&mut rows, 100, "riser", &[100, 200, 300, 400, 500], &[100; 5]);
    // One viral video leaves the median at 100.
    both(&mut rows, 200, "outlier", &[100, 100, 100, 100, 1_000_000], &[100; 5]);
    // Popular before, and doubled.
    both(&mut rows, 300, "popular", &[2_000_000; 5], &[1_000_000; 5]);
    // 200 and 100; without the best (10 + 200) / 2 = 105 is no longer twice: 95 / 100 of the rise.
    both(&mut rows, 400, "fragile", &[10, 10, 200, 200, 200], &[100; 5]);
    // Four are too few, also with one of six days and one at the last instant, which is not included.
    both(&mut rows, 500, "few", &[900; 4], &[100; 5]);
    rows.extend(series(560, "few", ago(6.5), &[900]));
    rows.extend(series(570, "few", ago(7.0), &[900]));
    // The first instants count: of the recent days for "edge", of the days before for "old".
    both(&mut rows, 600, "edge", &[400; 4], &[100; 5]);
    rows.extend(series(670, "edge", ago(37.0), &[400]));
    both(&mut rows, 700, "old", &[400; 5], &[100; 4]);
    rows.extend(series(770, "old", ago(67.0), &[100]));
    bench.videos(rows).await;
    // Counts at 3 days of age are not counts at 7: they would make "outlier" rise.
    let young = (0..5).map(|i| post(200 + i, "outlier", recent.plus_secs(3600 * i)).aged(72).views(9_999_999));
    bench.videos(young).await;
    let named = bench.query("rising-creators", &[]).await;
    let row = |creator: &str, m1: f64, m0: f64, ratio: f64, share: f64, robust: bool| json!({"creator_id": creator, "m1": m1, "m0": m0, "ratio": ratio, "n1": 5, "n0": 5, "best_share": share, "robust": robust, "platform": "tiktok"});
    let expected = [
        row("@edge", 400.0, 100.0, 4.0, 0.0, true),
        row("@old", 400.0, 100.0, 4.0, 0.0, true),
        row("@riser", 300.0, 100.0, 3.0, 0.25, true),
        row("@fragile", 200.0, 100.0, 2.0, 0.95, false),
        row("@popular", 2_000_000.0, 1_000_000.0, 2.0, 0.0, true),
    ];
    assert_eq!(named, expected);
    assert_alike(&bench.ask(Q3).await, &named);
    // Who bears the same name elsewhere is somebody else: together they would have five recent videos.
    let elsewhere = |mut seen: Seen| {
        seen.video.platform = "youtube".into();
        seen
    };
    bench.videos(series(800, "few", recent, &[900]).into_iter().map(elsewhere)).await;
    assert_eq!(bench.query("rising-creators", &[]).await, expected);
    let mut both_there = Vec::new();
    both(&mut both_there, 900, "riser", &[500; 5], &[100; 5]);
    bench.videos(both_there.into_iter().map(elsewhere)).await;
    let named = bench.query("rising-creators", &[]).await;
    let risers: Vec<_> = named.iter().filter(|row| row["creator_id"] == "@riser").collect();
    assert_eq!(
        columns(&[risers[0].clone(), risers[1].clone()], &["platform", "ratio"]),
        [json!(["youtube", 5.0]), json!(["tiktok", 3.0])]
    );
}

#[tokio::test]
async fn sound_adoption() {
    let mut bench = Bench::new();
    let mut id = 0;
    let mut used = |sound: i64, handle: &str, days_ago: f64| {
        id += 1;
        post(id, handle, ago(days_ago)).with(|v| v.sound.id = Some(sound))
    };
    let rows = [
        // Sound 1, first used 10 days ago: day 1 by a, b, c; day 2, the peak, by a, d, e, f; day 3 by g, h: half, one day later.
        // Of a to h in the first 7 days, and z on day 8, who does not count, though for the videos.
        used(1, "a", 10.0),
        used(1, "b", 9.5),
        used(1, "c", 9.1),
        used(1, "a", 9.0),
        used(1, "d", 8.9),
        used(1, "e", 8.8),
        used(1, "f", 8.1),
        used(1, "g", 8.0),
        used(1, "h", 7.9),
        used(1, "z", 2.5),
        // Sound 2, first used 2½ days ago: 1, 1, and 2 on the day that is not over: not yet down to half.
        used(2, "a", 2.5),
        used(2, "b", 1.5),
        used(2, "c", 0.5),
        used(2, "d", 0.25),
        // Sound 3 is older than 60 days.
        used(3, "a", 61.0),
        used(3, "b", 5.0),
        used(3, "c", 5.0),
        used(3, "d", 5.0),
        // Sound 4: two posts on its first day, then a day with none.
        used(4, "a", 5.0),
        used(4, "b", 4.5),
        used(4, "c", 2.5),
        // At now itself: not yet.
        used(4, "d", 0.0),
    ];
    bench.videos(rows).await;
    // The median of a to g; of h nothing is known.
    let known = ["a", "b", "c", "d", "e", "f", "g"].into_iter().zip(1_i64..);
    bench.creators(known.map(|(handle, n)| creator(handle, 10 * n, ago(40.0)))).await;
    let found = bench.query("sound-adoption", &[]).await;
    let names =
        ["music_id", "videos", "creators_7d", "week_complete", "peak_day", "peak_posts", "days_to_half", "censored"];
    let expected = [
        json!(["1", 10, 8, true, 2, 4, 1, false]),
        json!(["2", 4, 4, false, 3, 2, null, true]),
        json!(["4", 3, 3, false, 1, 2, 1, false]),
    ];
    assert_eq!(columns(&found, &names), expected);
    // Of sound 1: 10 to 70, the middle is 40; of 2: a to d, (20 + 30) / 2; of 4 on days 1 to 3: a, b, c.
    assert_eq!(columns(&found, &["median_followers"]), [json!([40.0]), json!([25.0]), json!([20.0])]);
}

#[tokio::test]
async fn partnerships() {
    let mut bench = Bench::new();
    let mut rows: Vec<Seen> = Vec::new();
    // Two posts with and two without, of a month, with rates in thousandths and sentiments.
    let mut month = |handle: &str, month: &str, with: [i64; 2], without: [i64; 2], feels: (f64, f64)| {
        let created = at(&format!("{month}-10T00:00:00Z"));
        for (paid, rates, feels) in [(true, with, feels.0), (false, without, feels.1)] {
            for rate in rates {
                let id = i64::try_from(rows.len()).expect("few") + 1;
                rows.push(post(id, handle, created).aged(70).rate(rate).feels(feels).with(|v| v.is_ad = Some(paid)));
            }
        }
    };
    // A gains 0.11 - 0.06 = 0.05 in April and loses 0.03 in March: its vote is 0.01. B loses 0.03, D gains 0.02.
    month("A", "2026-04", [100, 120], [50, 70], (0.6, 0.0));
    month("A", "2026-03", [20, 20], [50, 50], (0.6, 0.0));
    month("B", "2026-04", [40, 60], [80, 80], (0.3, 0.0));
    month("D", "2026-04", [70, 70], [50, 50], (0.0, 0.3));
    // C has one paid post in April and one in March: no month has both arms. F does not say; but F's "buy" gains 0.05.
    let other = |id: i64, handle: &str, month: &str, rate: i64| {
        post(id, handle, at(&format!("2026-{month}-10T00:00:00Z"))).aged(70).rate(rate)
    };
    let paid = |seen: Seen, paid: bool| seen.with(|v| v.is_ad = Some(paid));
    rows.push(paid(other(101, "C", "04", 900), true));
    rows.push(paid(other(102, "C", "03", 900), true));
    rows.extend([103, 104].map(|id| paid(other(id, "C", "04", 10), false)));
    rows.extend([105, 106].map(|id| paid(other(id, "C", "03", 10), false)));
    rows.extend([111, 112].map(|id| other(id, "F", "04", 100).calls("buy").calls("buy").feels(0.2)));
    rows.extend([113, 114].map(|id| other(id, "F", "04", 50)));
    // Who always asks to be followed shows nothing.
    rows.extend([121, 122, 123].map(|id| other(id, "G", "04", 50).calls("follow")));
    bench.videos(rows).await;
    let found = bench.query("partnerships", &[]).await;
    let expected = json!([
        {"contrast": "paid partnership", "median_gain": 0.01, "share_gained": 0.666666667, "creators": 3,
         "sentiment_with": 0.3, "sentiment_without": 0.1},
        {"contrast": "buy", "median_gain": 0.05, "share_gained": 1.0, "creators": 1,
         "sentiment_with": 0.2, "sentiment_without": null},
    ]);
    assert_eq!(json!(found), expected);
    let april = bench.query("partnerships", &[("since", "2026-04-01"), ("now", NOW)]).await;
    // Of April alone A gains 0.05: -0.03, 0.02, 0.05.
    assert_eq!(april[0]["median_gain"], json!(0.02));
}
