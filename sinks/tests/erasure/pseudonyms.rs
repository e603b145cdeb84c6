//! Who need not know sees pseudonyms.

use super::bench::*;
use super::search::all_texts;
use arrow::array::RecordBatch;
use tidelake_sinks::privacy::PseudonymKey;

#[tokio::test]
async fn pseudonyms_show_nobody() {
    let (_dir, lake) = lake();
    videos(&lake).await;
    others(&lake).await;
    let plain = engine(&lake).await;
    let key = PseudonymKey::of(&key());
    let engine = plain.pseudonymised(&key).await.expect("opens");
    let needles = [MIA, BEN, "zoe_x_11", MIA_NAME, &MIA_ID.to_string(), &BEN_ID.to_string()];
    let (mut looked, mut shown) = (0, 0);
    for table in engine.tables().await.expect("lists") {
        let batches = engine.collect(&format!("SELECT * FROM {}", table.name)).await.expect("answers");
        looked += 1;
        for text in all_texts(&batches) {
            shown += 1;
            for needle in needles {
                assert!(!text.to_lowercase().contains(&needle.to_lowercase()), "{} shows {needle}: {text}", table.name);
            }
        }
    }
    assert!(looked > 30 && shown > 100, "{looked} tables, {shown} values");
    // Neither does a field of a structure, nor a filter on one.
    for query in [
        "SELECT handle, nickname, stats['followers'] FROM creator_observations LIMIT 5",
        "SELECT caption, author['handle'], provenance['task'] FROM video_observations WHERE caption LIKE '%a%' LIMIT 5",
        "SELECT author, provenance['task'] FROM video_observations LIMIT 5",
        "SELECT findings['mentions'][1]['text'], source_mentions FROM video_observations",
    ] {
        for text in all_texts(&engine.collect(query).await.expect("answers")) {
            let text = text.to_lowercase();
            assert!(needles.iter().all(|needle| !text.contains(&needle.to_lowercase())), "{query}: {text}");
        }
    }
    let hit = format!("SELECT count(*) FROM video_observations WHERE author['handle'] = '{MIA}'");
    assert_eq!(engine.integers(&hit).await.expect("answers"), [0], "nobody is found by name");
    // What is never true is true of no row, also beside other filters.
    let never = "SELECT count(*) FROM video_observations WHERE video_id IN (NULL) AND platform = 'tiktok'";
    assert_eq!(plain.integers(never).await.expect("answers"), [0]);
    // It is still of use: the same creator has the same pseudonym everywhere, and captions keep their places.
    let query = "SELECT count(*) FROM videos v JOIN creators c ON lower(v.author_handle) = lower(c.handle)";
    assert_eq!(engine.integers(query).await.expect("answers"), [3]);
    assert_eq!(
        engine.integers("SELECT count(*) FROM videos WHERE caption = 'thanks @**************!'").await.unwrap(),
        [1]
    );
    assert_eq!(engine.integers("SELECT max(length(author_handle)) FROM videos").await.unwrap(), [22]);
    for query in ["SELECT * FROM creator_pseudonyms", "SET datafusion.explain.show_statistics = true"] {
        assert!(engine.sql(query).await.is_err(), "{query}");
    }
    let known = plain.with_pseudonyms(&key).await.expect("opens");
    let query = format!("SELECT count(*) FROM creator_pseudonyms WHERE handle = '{MIA}' AND numeric_id = {MIA_ID}");
    assert_eq!(known.integers(&query).await.expect("answers"), [2], "by handle and by id");
    let whose = format!("SELECT pseudonym FROM creator_pseudonyms WHERE pseudonym = '{}'", key.creator("tiktok", MIA));
    assert_eq!(known.collect(&whose).await.expect("answers").iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
}
