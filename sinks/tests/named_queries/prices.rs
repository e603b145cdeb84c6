//! price-mentions (Q4), top-videos and overview.

use crate::as_written::Q4;
use crate::bench::{Bench, NOW, ago, assert_alike, at, columns, post};
use serde_json::{Value, json};

#[tokio::test]
async fn price_mentions() {
    let mut bench = Bench::new();
    let hair = |id: i64| post(id, "a", ago(5.0)).about("beauty/hair");
    // Of videos about hair, 10 name 20 €, the first of them also a price before and what is taken off,
    // the last a price before and one now, another one now alone: 4 of 13 prices are of a reduction; 11 name
    // 5 $; 9 name yen: too few. Euro, dollar and yen are not mixed.
    let euros = (0..10).map(|i| {
        let seen = hair(100 + i).price(20, "EUR", "price");
        if i == 0 { seen.price(20, "EUR", "was").price(20, "EUR", "discount") } else { seen }
    });
    let mut rows: Vec<_> = euros.collect();
    rows[8] = hair(108).price(20, "EUR", "now");
    rows[9] = hair(109).price(20, "EUR", "was").price(20, "EUR", "now");
    rows.extend((0..11).map(|i| hair(110 + i).price(5, "USD", "price")));
    rows.extend((0..9).map(|i| hair(110 + i).price(900, "JPY", "price")).map(|mut seen| {
        seen.video.video_id += 100;
        seen
    }));
    // The first instant of the 28 days counts, the one before does not.
    rows.push(post(301, "a", ago(28.0)).about("beauty/hair"));
    rows.push(post(302, "a", ago(28.1)).about("beauty/hair").price(7777, "EUR", "price"));
    // The surest subject is the category; without one there is none.
    rows.push(post(303, "a", ago(1.0)).about("food/recipes").about("beauty/hair").price(7777, "EUR", "price"));
    rows.extend((0..12).map(|i| post(400 + i, "a", ago(1.0)).price(1, "EUR", "price")));
    bench.videos(rows).await;
    let named = bench.query("price-mentions", &[]).await;
    // 10 + 11 + 9 + 1 = 31 videos about hair.
    let expected = json!([
        {"category": "beauty/hair", "currency": "USD", "videos": 31, "priced": 11, "share_of_category": 0.35483871,
         "p25": 5.0, "p50": 5.0, "p75": 5.0, "discount_share": 0.0},
        {"category": "beauty/hair", "currency": "EUR", "videos": 31, "priced": 10, "share_of_category": 0.322580645,
         "p25": 20.0, "p50": 20.0, "p75": 20.0, "discount_share": 0.307692308},
    ]);
    assert_eq!(json!(named), expected);
    assert_alike(&bench.ask(Q4).await, &named);
}

#[tokio::test]
async fn top_videos_and_overview() {
    let mut bench = Bench::new();
    let seen =
        |id: i64, views: i64, likes: i64| post(id, "a", ago(3.0)).rate(likes).with(|v| v.stats.views = Some(views));
    let unknown = post(4, "b", ago(2.0)).region("DE");
    bench
        .videos([seen(1, 100, 90), seen(2, 300, 30), seen(3, 200, 100), unknown, post(5, "b", at(NOW)).views(999)])
        .await;
    let ids = |rows: Vec<Value>| {
        columns(&rows, &["video_id"]).iter().map(|row| row[0].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(bench.query("top-videos", &[]).await), ["2", "3", "1"]);
    assert_eq!(ids(bench.query("top-videos", &[("by", "likes"), ("limit", "2")]).await), ["3", "1"]);
    assert_eq!(ids(bench.query("top-videos", &[("by", "engagement")]).await), ["1", "3", "2"]);
    assert!(bench.query("top-videos", &[("region", "DE")]).await.is_empty());
    let overview = bench.query("overview", &[]).await;
    let names = [
        "observations",
        "videos",
        "gone",
        "creators",
        "regions",
        "views",
        "mean_views",
        "max_views",
        "mean_engagement_rate",
    ];
    // Rates: 90/100, 30/300, 100/200: their mean is 0.5. Views are known of four.
    assert_eq!(columns(&overview, &names), [json!([5, 5, 0, 2, 2, 1599, 399.75, 999, 0.5])]);
    let empty = Bench::new().query("overview", &[]).await;
    assert_eq!(columns(&empty, &["videos", "views", "mean_views"]), [json!([0, null, null])]);
}
