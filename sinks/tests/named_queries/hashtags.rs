//! fastest-hashtags (Q1) and hashtag-pairs (Q7).

use crate::as_written::Q1;
use crate::bench::{Bench, NOW, Seen, ago, assert_alike, at, columns, post};
use serde_json::json;

/// `n` posts with a tag, by so many creators, at one time.
fn posts(first_id: i64, n: i64, creators: i64, days_ago: f64, tag: &str) -> Vec<Seen> {
    let one = |i: i64| post(first_id + i, &format!("c{}", i % creators), ago(days_ago)).tags(&[tag]);
    (0..n).map(one).collect()
}

#[tokio::test]
async fn fastest_hashtags() {
    let mut bench = Bench::new();
    let mut rows = Vec::new();
    // #fyp in the US: this week 20 and the one at the week's first instant, n1 = 21, in every spelling; the week before 2
    // and the one at its first instant, n0 = 3. Growth (21 + 5) / (3 + 5) = 3.25.
    rows.extend(posts(100, 8, 7, 3.0, "FYP"));
    rows.extend(posts(110, 8, 7, 2.0, "fyp"));
    rows.extend(posts(120, 4, 4, 1.0, "ＦＹＰ"));
    rows.extend(posts(130, 1, 1, 7.0, "Fyp"));
    rows.extend(posts(140, 2, 2, 10.0, "fyp"));
    rows.extend(posts(150, 1, 1, 14.0, "fyp"));
    // Outside of both: at now itself, and a second before the first instant.
    rows.push(post(160, "c0", at(NOW)).tags(&["fyp"]));
    rows.push(post(161, "c0", ago(14.0).plus_secs(-1)).tags(&["fyp"]));
    // The same tag twice under one video is one; it is one of the 20 of #slow: 20 now, 20 before, growth 1.
    rows.extend(posts(200, 19, 5, 4.0, "slow"));
    rows.push(post(219, "c4", ago(4.0)).tags(&["slow", "SLOW"]));
    rows.extend(posts(220, 20, 5, 9.0, "slow"));
    // 100 posts of one creator, 19 of many, and 20 of four make no trend.
    rows.extend(posts(300, 100, 1, 2.0, "spam"));
    rows.extend(posts(400, 19, 19, 2.0, "nearly"));
    rows.extend(posts(420, 20, 4, 2.0, "clique"));
    // Germany: 20 now by 5, none before: (20 + 5) / (0 + 5) = 5.
    rows.extend(posts(500, 20, 5, 1.0, "fyp").into_iter().map(|seen| seen.region("DE")));
    bench.videos(rows).await;
    let expected = json!([
        {"region_code": "DE", "tag": "fyp", "n1": 20, "n0": 0, "growth": 5.0},
        {"region_code": "US", "tag": "fyp", "n1": 21, "n0": 3, "growth": 3.25},
        {"region_code": "US", "tag": "slow", "n1": 20, "n0": 20, "growth": 1.0},
    ]);
    let named = bench.query("fastest-hashtags", &[]).await;
    assert_eq!(json!(named), expected);
    assert_eq!(bench.query("fastest-hashtags", &[("region", "US")]).await, named[1..]);
    assert_alike(&bench.ask(Q1).await, &named);
}

#[tokio::test]
async fn ten_tags_a_region_and_ties_in_order() {
    let mut bench = Bench::new();
    // Twelve tags alike but for their names; the eleventh and twelfth by name are not told.
    let tags = (0..12_i64).flat_map(|t| posts(1000 + 100 * t, 20, 5, 1.0, &format!("tag{t:02}")));
    bench.videos(tags).await;
    let named = bench.query("fastest-hashtags", &[]).await;
    let expected: Vec<_> = (0..10).map(|t| json!([format!("tag{t:02}")])).collect();
    assert_eq!(columns(&named, &["tag"]), expected);
    assert_alike(&bench.ask(Q1).await, &named);
}

#[tokio::test]
async fn hashtag_pairs() {
    let mut bench = Bench::new();
    // 500 videos, each with the tags whose ranges its number is in.
    let ranges: [(&str, std::ops::Range<i64>); 9] = [
        // x 60, y 50, both 40: ln(0.08 / (0.12 · 0.10)) / -ln 0.08 = 1.897120 / 2.525729 = 0.751118
        ("y", 20..70),
        ("X", 0..60),
        // u 50, v 50, both 20: ln(0.04 / 0.01) / -ln 0.04 = 1.386294 / 3.218876 = 0.430677
        ("u", 100..150),
        ("v", 130..180),
        // 101 of 500 are more than 20 %: too general, though with x in 60; 100 are not, and with x in 20:
        // ln(0.04 / (0.2 · 0.12)) / -ln 0.04 = 0.510826 / 3.218876 = 0.158697
        ("general", 0..101),
        ("wide", 40..140),
        // 49 are too few, though with y in 40; 50 with v, together in 19, are too few together.
        ("few", 21..70),
        ("z", 161..211),
        ("end", 400..500),
    ];
    let tagged = |i: i64| {
        let tags: Vec<&str> = ranges.iter().filter(|(_, range)| range.contains(&i)).map(|(tag, _)| *tag).collect();
        post(i + 1, "c", ago(29.0)).tags(&tags)
    };
    // wide meets u in 100..140 = 40: ln(0.08 / (0.2 · 0.1)) / -ln 0.08 = 1.386294 / 2.525729 = 0.548869
    // wide meets y in 40..70 = 30: ln(0.06 / 0.02) / -ln 0.06 = 1.098612 / 2.813411 = 0.390491
    bench.videos((0..500).map(tagged)).await;
    // Before the month, and at its end: they would make u and v the best of pairs.
    let outside = |i: i64| post(1000 + i, "c", if i % 2 == 0 { ago(30.1) } else { at(NOW) }).tags(&["u", "v"]);
    bench.videos((0..60).map(outside)).await;
    let found = bench.query("hashtag-pairs", &[]).await;
    // Each pair once, the lesser first.
    let expected = [
        json!(["x", "y", 60, 50, 40, 0.751118]),
        json!(["u", "wide", 50, 100, 40, 0.548869]),
        json!(["u", "v", 50, 50, 20, 0.430677]),
        json!(["wide", "y", 100, 50, 30, 0.390491]),
        json!(["wide", "x", 100, 60, 20, 0.158697]),
    ];
    let found: Vec<_> = columns(&found, &["a", "b", "n_a", "n_b", "n_ab", "npmi"])
        .into_iter()
        .map(|mut row| {
            row[5] = json!((row[5].as_f64().expect("a number") * 1e6).round() / 1e6);
            row
        })
        .collect();
    assert_eq!(found, expected);
}
