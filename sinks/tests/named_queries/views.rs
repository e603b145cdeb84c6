//! What views show beyond the tables' own columns.

use crate::bench::{Bench, NOW, Seen, ago, at, columns, creator, post};
use serde_json::{Value, json};
use tidelake_schemas::{Product, TextSpan};

#[tokio::test]
async fn videos_under_the_names_of_the_api() {
    let mut bench = Bench::new();
    let first = post(1, "Ann", ago(9.0)).about("food/recipes").about("beauty/hair").views(7).with(|v| {
        (v.sound.id, v.is_ad) = (Some(9), Some(true));
    });
    let nameless = post(2, "x", ago(9.0)).by("oembed", "oembed", "t").with(|v| {
        (v.author.handle, v.author.id) = (None, Some(77));
    });
    bench.videos([first, nameless]).await;
    let found = bench
        .ask(
            "SELECT creator_id, create_time = created_at AS same_time, region_code, category, post_type, music_id, is_branded,
                    licence, first_seen_at = first_observed_at AS same_first, followers_at_post FROM videos ORDER BY video_id",
        )
        .await;
    let expected = json!([
        {"creator_id": "@ann", "same_time": true, "region_code": "US", "category": "food/recipes", "post_type": "video",
         "music_id": "9", "is_branded": true, "licence": "research", "same_first": true, "followers_at_post": null},
        {"creator_id": "77", "same_time": true, "region_code": "US", "category": null, "post_type": "video", "music_id": null,
         "is_branded": null, "licence": "oembed", "same_first": true, "followers_at_post": null},
    ]);
    assert_eq!(json!(found), expected);
    let found =
        bench.ask("SELECT view_count, source, precision, max_staleness_s FROM video_stats ORDER BY video_id").await;
    let expected = json!([
        {"view_count": 7, "source": "research-api", "precision": "exact", "max_staleness_s": 864_000},
        {"view_count": null, "source": "oembed", "precision": "exact", "max_staleness_s": 0},
    ]);
    assert_eq!(json!(found), expected);
}

#[tokio::test]
async fn followers_are_those_of_the_time_of_the_post() {
    let mut bench = Bench::new();
    let posted = ago(20.0);
    bench.videos(["before", "after", "late", "none"].into_iter().zip(1..).map(|(who, id)| post(id, who, posted))).await;
    bench
        .creators([
            // The newest not after the post, though later ones are nearer; one at the very instant is not after it.
            creator("before", 1, posted.plus_secs(-86_400)),
            creator("Before", 2, posted),
            creator("before", 3, posted.plus_secs(1)),
            creator("after", 4, posted.plus_secs(86_400)),
            creator("after", 5, posted.plus_secs(2 * 86_400)),
            creator("late", 6, posted.plus_secs(7 * 86_400 + 1)),
        ])
        .await;
    let found = bench.ask("SELECT creator_id, followers_at_post FROM videos ORDER BY video_id").await;
    let expected = [json!(["@before", 2]), json!(["@after", 4]), json!(["@late", null]), json!(["@none", null])];
    assert_eq!(columns(&found, &["creator_id", "followers_at_post"]), expected);
}

/// Who asks for no followers does not pay for them.
#[tokio::test]
async fn what_is_not_asked_for_is_not_joined() {
    let mut bench = Bench::new();
    bench.videos([post(1, "a", ago(2.0))]).await;
    bench.creators([creator("a", 1, ago(3.0))]).await;
    let plan = async |query: &str| json!(bench.ask(&format!("EXPLAIN {query}")).await).to_string();
    for query in [
        "SELECT count(*) FROM videos",
        "SELECT creator_id, max(views) FROM videos WHERE region_code = 'US' GROUP BY 1",
        "SELECT v.caption FROM videos v JOIN video_hashtags h USING (platform, video_id) WHERE v.views > 3 ORDER BY v.likes",
        "SELECT tag, count(DISTINCT creator_id) FROM videos JOIN video_hashtags USING (video_id) GROUP BY tag",
    ] {
        let plan = plan(query).await;
        assert!(!plan.contains("creator_observations"), "{query}: {plan}");
    }
    assert!(plan("SELECT followers_at_post FROM videos").await.contains("creator_observations"));
}

#[tokio::test]
async fn any_age_has_counts() {
    let mut bench = Bench::new();
    let seen = |hours: i64, views: i64| post(1, "a", ago(30.0)).aged(hours).views(views);
    bench.videos([seen(1, 1), seen(24, 24), seen(25, 25), seen(48, 48)]).await;
    for (age, expected) in [
        // At 48 hours: those of more than 24 and at most 48; at 50: the same; at 24: at most 24; at 100: none after 50.
        ("48 hours", json!([48])),
        ("50 hours", json!([48])),
        ("24 hours", json!([24])),
        ("1 hour", json!([1])),
        ("4 days 4 hours", json!([])),
    ] {
        let found = bench.ask(&format!("SELECT view_count FROM stats_at(INTERVAL '{age}')")).await;
        let views: Vec<_> = found.iter().map(|row| row["view_count"].clone()).collect();
        assert_eq!(json!(views), expected, "{age}");
    }
    let named = bench.ask("SELECT s.view_count, d.views FROM stats_24h s FULL JOIN stats_7d d USING (video_id)").await;
    assert_eq!(named, [json!({"view_count": 24, "views": null})]);
}

#[tokio::test]
async fn what_is_usual_for_a_creator() {
    let mut bench = Bench::new();
    let both = |id: i64, days: f64, views: i64| {
        let posted = post(id, "a", ago(days));
        [posted.clone().aged(70).rate(10 * id).with(|v| v.stats.views = Some(1000)), posted.aged(160).views(views)]
    };
    let rows = [both(1, 10.0, 100), both(2, 11.0, 300), both(3, 12.0, 200), both(4, 31.0, 9999)].into_iter().flatten();
    bench.videos(rows.chain([post(5, "a", ago(1.0))])).await;
    // The last 30 days: 1, 2, 3 and 5, of which nothing is known at either age. Rates 0.01, 0.02 and 0.03.
    let expected = json!([{"creator_id": "@a", "videos": 4, "videos_7d": 3, "median_views_7d": 200.0, "videos_72h": 3,
                           "median_views_72h": 1000.0, "median_engagement_rate": 0.02, "platform": "tiktok"}]);
    assert_eq!(json!(bench.ask("SELECT * FROM creator_baseline(INTERVAL '30 days', :now)").await), expected);
    let wider = bench.ask("SELECT videos FROM creator_baseline(INTERVAL '32 days', :now)").await;
    assert_eq!(wider, [json!({"videos": 5})]);
}

#[tokio::test]
async fn edges_of_the_graph() {
    let mut bench = Bench::new();
    let mention = |mut seen: Seen, handle: &str| {
        seen.found.mentions.push(TextSpan { text: handle.into(), start: 0, end: 1 });
        seen
    };
    let caption = |seen: Seen, text: &str| seen.with(|v| v.caption = Some(text.into()));
    bench
        .videos([
            mention(post(1, "a", ago(3.0)), "B").tags(&["y", "x"]).with(|v| v.source_mentions = Some(vec!["b".into()])),
            mention(post(2, "a", ago(2.0)), "b").tags(&["x", "Y", "z"]).with(|v| v.sound.id = Some(5)),
            // Nobody names himself.
            caption(mention(post(3, "a", ago(1.0)), "a"), "#Duet with @C.d. so good"),
        ])
        .await;
    let found = bench.ask("SELECT source, target, kind, weight FROM graph_edges ORDER BY kind, source, target").await;
    let edge = |source: &str, target: &str, kind: &str, weight: i64| json!({"source": source, "target": target, "kind": kind, "weight": weight});
    let expected = [
        edge("#x", "#y", "cotag", 2),
        edge("#x", "#z", "cotag", 1),
        edge("#y", "#z", "cotag", 1),
        edge("@a", "@c.d", "duet", 1),
        edge("@a", "@b", "mention", 2),
        edge("@a", "sound:5", "sound", 1),
    ];
    assert_eq!(found, expected);
    let days = "SELECT CAST(first_posted AS DATE) AS first, CAST(last_posted AS DATE) AS last FROM graph_edges";
    let found = bench.ask(&format!("{days} WHERE kind = 'mention' OR target = '#y' ORDER BY first, last")).await;
    assert_eq!(
        found,
        [json!({"first": "2026-05-08", "last": "2026-05-09"}), json!({"first": "2026-05-08", "last": "2026-05-09"})]
    );
}

#[tokio::test]
async fn products() {
    let mut bench = Bench::new();
    let names = |mut seen: Seen, products: &[&str]| {
        let product = |name: &&str| Product { name: (*name).into(), brand: Some("Dyson".into()), ..Product::default() };
        seen.found.products.extend(products.iter().map(product));
        seen
    };
    bench
        .videos([
            names(post(1, "a", ago(3.0)), &["Airwrap", "Airwrap"])
                .views(10)
                .price(400, "EUR", "price")
                .price(50, "EUR", "discount"),
            names(post(2, "b", ago(2.0)), &["Airwrap"]).views(20).price(500, "EUR", "now"),
            names(post(3, "b", ago(2.0)), &["Airwrap"]).price(600, "USD", "price"),
            // Whose price is it? Of neither.
            names(post(4, "b", ago(1.0)), &["Airwrap", "V15"]).views(5).price(1, "EUR", "price"),
        ])
        .await;
    let columns_of = "name, brand, mentions, videos, creators, views, currency, priced_videos, price_min, price_max";
    let found = bench.ask(&format!("SELECT {columns_of} FROM product_stats ORDER BY name")).await;
    let expected = json!([
        {"name": "Airwrap", "brand": "Dyson", "mentions": 5, "videos": 4, "creators": 2, "views": 35, "currency": "EUR",
         "priced_videos": 2, "price_min": "400.000000", "price_max": "500.000000"},
        {"name": "V15", "brand": "Dyson", "mentions": 1, "videos": 1, "creators": 1, "views": 5, "currency": null,
         "priced_videos": null, "price_min": null, "price_max": null},
    ]);
    assert_eq!(json!(found), expected);
}

#[tokio::test]
async fn the_names_of_tt_search() {
    let mut bench = Bench::new();
    let sound = |seen: Seen| seen.with(|v| (v.sound.title, v.sound.author) = (Some("S".into()), Some("M".into())));
    let one = sound(post(1, "ann", ago(3.0)).tags(&["b", "A"]).rate(50)).with(|v| v.duration_s = Some(15));
    bench.videos([one.seen(at(NOW)), post(2, "y", ago(3.0)).with(|v| v.platform = "youtube".into())]).await;
    bench.creators([creator("ann", 3, ago(1.0))]).await;
    let found = bench.ask("SELECT * FROM ttsearch.videos").await;
    let expected = json!([{"id": "1", "description": null, "author": "ann", "author_id": null, "create_time": "2026-05-08T00:00:00Z",
        "music_title": "S", "music_author": "M", "likes": 50, "comments": 0, "shares": 0, "views": 1000, "hashtags": ["a", "b"],
        "video_url": "https://www.tiktok.com/@ann/video/1", "cover_url": null, "duration": 15, "scraped_at": NOW}]);
    assert_eq!(json!(found), expected);
    let users = bench.ask("SELECT id, username, followers FROM ttsearch.users").await;
    assert_eq!(users, [json!({"id": "7", "username": "ann", "followers": 3})]);
    let unused: Vec<Value> = bench.ask("SELECT id FROM ttsearch.videos WHERE likes > 50").await;
    assert!(unused.is_empty());
}
