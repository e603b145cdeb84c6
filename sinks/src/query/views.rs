//! The views: the tables under the flat names analysts use.
//!
//! *Newest* is the greatest `observed_at`; among equals the one fetched last; among those the greatest `event_id`, so
//! that the same rows always give the same answer. The newest observation is taken whole: what it does not know is
//! null, even if an older one knew.

use super::functions;
use datafusion::prelude::SessionContext;
use std::collections::BTreeMap;

/// A query with a name.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// The name.
    pub name: &'static str,
    /// What one row is.
    pub about: &'static str,
    /// The query; it may use the views before it.
    pub sql: &'static str,
}

/// The schema of the views that stand under the names of TT-Search's tables.
pub(super) const TTSEARCH: &str = "ttsearch";

/// A view whose query is a file of the same name.
macro_rules! view {
    ($name:literal, $about:literal) => {
        View { name: $name, about: $about, sql: include_str!(concat!("views/", $name, ".sql")) }
    };
}

/// Every view, in an order in which each uses only those before it. What a column means stands at the head of its file.
pub const VIEWS: [View; 31] = [
    View { name: "newest_videos", about: "A video's newest observation, with every column", sql: NEWEST_VIDEOS },
    View { name: "newest_creators", about: "A creator's newest observation, with every column", sql: NEWEST_CREATORS },
    view!("videos", "A video, by its newest observation"),
    view!("followers_at_post", "A video and its creator's followers at the time of the post"),
    view!("video_stats", "A video's counts at one observation"),
    view!("newest_at_ages", "A video's newest observation at 24 hours, 72 hours and 7 days of age"),
    view!("video_hashtags", "A video and one of its hashtags, folded"),
    view!("caption_products", "A product that a video's caption names"),
    view!("caption_prices", "A price that a video's caption names"),
    view!("caption_offers", "A reduction or code that a video's caption offers"),
    view!("caption_cta", "Something a video's caption asks its reader to do"),
    view!("caption_sentiment", "How a video's caption feels"),
    view!("caption_keywords", "A keyword of a video's caption"),
    view!("caption_categories", "A subject of a video's caption"),
    view!("caption_annotations", "What a model says of a video's caption"),
    view!("creators", "A creator, by the newest observation"),
    view!("sounds", "A sound, by its newest observation"),
    view!("hashtags", "A hashtag, by its newest observation"),
    view!("stats_24h", "A video's counts at 24 hours of age (seen at 12 to 24)"),
    view!("stats_72h", "A video's counts at 72 hours of age (seen at 36 to 72)"),
    view!("stats_7d", "A video's counts at 7 days of age (seen at 3½ to 7 days)"),
    view!("availability", "Whether a video could be seen at one observation, or why not"),
    view!("compliance", "When a video was last confirmed, and whether it is valid or gone"),
    view!("graph_edges", "An edge of the graph of creators, tags and sounds"),
    view!("overview", "Everything there is, in one row of totals, averages and ranges"),
    view!("product_stats", "A product that captions name: mentions, videos, views, prices"),
    view!("coverage_by_task", "What a task asked for and got, and why it stopped"),
    view!("coverage_by_query_day", "A task's day: what was asked and got, and whether to trust it"),
    view!("drift", "A change in what a source gives, as it stands"),
    view!("ttsearch.videos", "A TikTok video, under TT-Search's names"),
    view!("ttsearch.users", "A TikTok account, under TT-Search's names"),
];

/// One row per platform and video: its newest observation, how many there are and when the first was.
pub const NEWEST_VIDEOS: &str = "
SELECT * FROM (
  SELECT *, min(observed_at) OVER (PARTITION BY platform, video_id) AS first_observed_at,
         count(*) OVER (PARTITION BY platform, video_id) AS observations,
         row_number() OVER (PARTITION BY platform, video_id
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM video_observations)
WHERE newest = 1";

/// One row per platform and creator, by handle (without regard to case): the newest observation, how many there are and
/// when the first was.
pub const NEWEST_CREATORS: &str = "
SELECT * FROM (
  SELECT *, min(observed_at) OVER (PARTITION BY platform, lower(handle)) AS first_observed_at,
         count(*) OVER (PARTITION BY platform, lower(handle)) AS observations,
         row_number() OVER (PARTITION BY platform, lower(handle)
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM creator_observations)
WHERE newest = 1";

/// Registers every view that is not there yet, and after each the table functions that read it. Views that the tables do not
/// support (a table written by another version that lacks a column) are left out, with the reason.
pub(super) async fn register(session: &SessionContext) -> BTreeMap<&'static str, String> {
    let mut broken = BTreeMap::new();
    for view in VIEWS {
        let statement = format!("CREATE VIEW {} AS {}", view.name, view.sql);
        let made = match session.table_exist(view.name) {
            Ok(true) => Ok(()),
            _ => session.sql(&statement).await.map(drop),
        };
        let registered = match made {
            Ok(()) => functions::register_over(session, view.name).await,
            Err(error) => Err(error),
        };
        if let Err(error) = registered {
            let why = error.strip_backtrace();
            tracing::warn!(view = view.name, %why, "view not available");
            broken.insert(view.name, why);
        }
    }
    broken
}
