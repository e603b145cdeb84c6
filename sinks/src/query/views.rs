//! The views: the tables under the flat names analysts use.
//!
//! *Newest* is the greatest `observed_at`; among equals the one fetched last; among those the greatest `event_id`, so
//! that the same rows always give the same answer. The newest observation is taken whole: what it does not know is
//! null, even if an older one knew.

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

/// Every view, in an order in which each uses only those before it.
pub const VIEWS: [View; 21] = [
    View { name: "newest_videos", about: "A video's newest observation, with every column", sql: NEWEST_VIDEOS },
    View { name: "newest_creators", about: "A creator's newest observation, with every column", sql: NEWEST_CREATORS },
    View { name: "videos", about: "A video, by its newest observation", sql: VIDEOS },
    View { name: "video_stats", about: "A video's counts at one observation", sql: VIDEO_STATS },
    View { name: "video_hashtags", about: "A video and one of its hashtags, lower case", sql: VIDEO_HASHTAGS },
    View { name: "caption_products", about: "A product that a video's caption names", sql: CAPTION_PRODUCTS },
    View { name: "caption_prices", about: "A price that a video's caption names", sql: CAPTION_PRICES },
    View { name: "caption_offers", about: "A reduction or code that a video's caption offers", sql: CAPTION_OFFERS },
    View { name: "caption_cta", about: "Something a video's caption asks its reader to do", sql: CAPTION_CTA },
    View { name: "caption_sentiment", about: "How a video's caption feels", sql: CAPTION_SENTIMENT },
    View { name: "caption_keywords", about: "A keyword of a video's caption", sql: CAPTION_KEYWORDS },
    View { name: "caption_categories", about: "A subject of a video's caption", sql: CAPTION_CATEGORIES },
    View { name: "caption_annotations", about: "What a model says of a video's caption", sql: CAPTION_ANNOTATIONS },
    View { name: "creators", about: "A creator, by the newest observation", sql: CREATORS },
    View { name: "sounds", about: "A sound, by its newest observation", sql: SOUNDS },
    View { name: "hashtags", about: "A hashtag, by its newest observation", sql: HASHTAGS },
    View { name: "stats_24h", about: "A video's counts at 24 hours of age (seen at 12 to 24)", sql: STATS_24H },
    View { name: "stats_72h", about: "A video's counts at 72 hours of age (seen at 36 to 72)", sql: STATS_72H },
    View { name: "stats_7d", about: "A video's counts at 7 days of age (seen at 3½ to 7 days)", sql: STATS_7D },
    View {
        name: "coverage_by_task",
        about: "What a task asked for and got, and why it stopped",
        sql: COVERAGE_BY_TASK,
    },
    View { name: "drift", about: "A change in what a source gives, as it stands", sql: DRIFT },
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

/// One row per video: its newest observation.
///
/// `language` is what the language stage found, else what the source claims. `observations` counts all of them, and
/// `first_observed_at` is when the first was. `url` is null when the author's handle is unknown. `unavailable` says why
/// a video is gone.
pub const VIDEOS: &str = "
SELECT video_id, created_at, created_at_derived, author_handle, author_id, caption, language, region, kind, duration_s,
       sound_id, views, likes, comments, shares, saves, reposts, counts_rounded, is_ad, is_aigc, observed_at,
       first_observed_at, observations, unavailable, connector, zone, platform,
       CASE WHEN platform = 'tiktok' THEN
            'https://www.tiktok.com/@' || author_handle || CASE WHEN kind = 'photo' THEN '/photo/' ELSE '/video/' END
            || CAST(video_id AS VARCHAR)
            WHEN platform = 'youtube' THEN 'https://www.youtube.com/watch?v=' || native_id
            WHEN platform = 'facebook' AND kind = 'video' THEN
            'https://www.facebook.com/watch/?v=' || CAST(video_id AS VARCHAR)
            WHEN platform = 'facebook' AND kind = 'reel' THEN
            'https://www.facebook.com/reel/' || CAST(video_id AS VARCHAR)
            WHEN platform = 'facebook' THEN 'https://www.facebook.com/' || coalesce(native_id, CAST(video_id AS VARCHAR))
            END AS url, native_id
FROM (
  SELECT video_id, created_at, created_at_derived, author['handle'] AS author_handle, author['id'] AS author_id, caption,
         coalesce(nullif(findings['language']['code'], 'und'), source_language) AS language, region, kind, duration_s,
         sound['id'] AS sound_id, stats['views'] AS views, stats['likes'] AS likes, stats['comments'] AS comments,
         stats['shares'] AS shares, stats['saves'] AS saves, stats['reposts'] AS reposts, counts_rounded, is_ad, is_aigc,
         observed_at, unavailable, provenance['connector'] AS connector, provenance['zone'] AS zone, platform,
         native_id, first_observed_at, observations
  FROM newest_videos)";

/// One row per observation of a video: its counts and where they came from.
///
/// `age_hours` is how old the video was; null when it is not known when it was published. With `created_at_derived` that
/// instant comes from the id.
pub const VIDEO_STATS: &str = "
SELECT video_id, observed_at, stats['views'] AS views, stats['likes'] AS likes, stats['comments'] AS comments,
       stats['shares'] AS shares, stats['saves'] AS saves, stats['reposts'] AS reposts, counts_rounded,
       (date_part('epoch', observed_at) - date_part('epoch', created_at)) / 3600.0 AS age_hours,
       created_at, created_at_derived, provenance['connector'] AS connector, provenance['route'] AS route,
       provenance['task'] AS task, provenance['cycle'] AS cycle, provenance['fetched_at'] AS fetched_at,
       provenance['zone'] AS zone, unavailable, platform, event_id, observed_date
FROM video_observations";

/// One row per video and hashtag: those the caption holds and those the source lists, of the newest observation, in
/// lower case, each once.
pub const VIDEO_HASHTAGS: &str = "
WITH newest AS (
  SELECT video_id, platform, observed_at, findings['hashtags'] AS found, source_hashtags AS listed FROM newest_videos),
tags AS (
  SELECT video_id, platform, observed_at, tag['text'] AS tag
  FROM (SELECT video_id, platform, observed_at, unnest(found) AS tag FROM newest)
  UNION ALL
  SELECT video_id, platform, observed_at, tag['name'] AS tag
  FROM (SELECT video_id, platform, observed_at, unnest(listed) AS tag FROM newest))
SELECT DISTINCT video_id, lower(ltrim(tag, '#')) AS tag, observed_at, platform
FROM tags WHERE ltrim(tag, '#') <> ''";

/// What a stage found in the caption of each video's newest observation. `span_start` and `span_end` are UTF-8 bytes of the
/// caption.
macro_rules! found_in_captions {
    ($finding:literal, $columns:literal) => {
        concat!(
            "
SELECT video_id, observed_at, ",
            $columns,
            ", platform
FROM (
  SELECT video_id, platform, observed_at, ",
            $finding,
            " AS found
  FROM newest_videos)
WHERE found IS NOT NULL"
        )
    };
}

/// One row per product that a caption names; `catalog_id` is null for those that are not the catalogue's.
pub const CAPTION_PRODUCTS: &str = found_in_captions!(
    "unnest(findings['products'])",
    "found['name'] AS name, found['brand'] AS brand, found['catalog_id'] AS catalog_id, found['attributes'] AS attributes,
       found['confidence'] AS confidence, found['start'] AS span_start, found['end'] AS span_end"
);
/// One row per price; `currency` is the symbol as written where several could be meant.
pub const CAPTION_PRICES: &str = found_in_captions!(
    "unnest(findings['prices'])",
    "found['amount'] AS amount, found['currency'] AS currency, found['symbol'] AS symbol, found['kind'] AS kind,
       found['start'] AS span_start, found['end'] AS span_end"
);
/// One row per reduction, condition or code.
pub const CAPTION_OFFERS: &str = found_in_captions!(
    "unnest(findings['offers'])",
    "found['type'] AS type, found['percent'] AS percent, found['code'] AS code, found['start'] AS span_start,
       found['end'] AS span_end"
);
/// One row per call to action.
pub const CAPTION_CTA: &str = found_in_captions!(
    "unnest(findings['calls_to_action'])",
    "found['type'] AS type, found['strength'] AS strength, found['start'] AS span_start, found['end'] AS span_end"
);
/// One row per caption with words.
pub const CAPTION_SENTIMENT: &str = found_in_captions!(
    "findings['sentiment']",
    "found['compound'] AS compound, found['pos'] AS pos, found['neu'] AS neu, found['neg'] AS neg, found['label'] AS label"
);
/// One row per keyword; the span is where it stands first.
pub const CAPTION_KEYWORDS: &str = found_in_captions!(
    "unnest(findings['keywords'])",
    "found['text'] AS keyword, found['score'] AS score, found['start'] AS span_start, found['end'] AS span_end"
);
/// One row per subject, with the words that say so.
pub const CAPTION_CATEGORIES: &str = found_in_captions!(
    "unnest(findings['categories'])",
    "found['name'] AS category, found['score'] AS score, found['reasons'] AS reasons"
);

/// One row per video, model and prompt: the answer about the caption that was observed last. The same caption may have been
/// asked about more than once; a failure never hides an answer.
pub const CAPTION_ANNOTATIONS: &str = "
SELECT video_id, observed_at, model, prompt_version, answer, tokens, asked_at, caption_hash, native_id, platform
FROM (
  SELECT *, row_number() OVER (PARTITION BY platform, video_id, model, prompt_version
                               ORDER BY observed_at DESC, asked_at DESC, event_id DESC) AS newest
  FROM annotations WHERE status = 'answered')
WHERE newest = 1";

/// One row per creator, by handle (without regard to case): the newest observation.
pub const CREATORS: &str = "
SELECT handle, creator_id, nickname, bio, bio_url, verified, private, region, language, created_at, followers, following,
       likes, videos, counts_rounded, observed_at, first_observed_at, observations, unavailable, connector, zone, platform,
       native_id
FROM (
  SELECT handle, creator_id, nickname, bio, bio_url, verified, private, region, language, created_at,
         stats['followers'] AS followers, stats['following'] AS following, stats['likes'] AS likes,
         stats['videos'] AS videos, counts_rounded, observed_at, unavailable, provenance['connector'] AS connector,
         provenance['zone'] AS zone, platform, native_id, first_observed_at, observations
  FROM newest_creators)";

/// One row per sound: its newest observation.
pub const SOUNDS: &str = "
SELECT sound_id, title, author, album, original, duration_s, videos, observed_at, observations, platform
FROM (
  SELECT sound_id, title, author, album, original, duration_s, videos, observed_at, platform,
         count(*) OVER (PARTITION BY platform, sound_id) AS observations,
         row_number() OVER (PARTITION BY platform, sound_id
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM sound_observations)
WHERE newest = 1";

/// One row per hashtag, by name in lower case: its newest observation.
pub const HASHTAGS: &str = "
SELECT tag, hashtag_id, description, views, videos, commerce, observed_at, observations, platform
FROM (
  SELECT lower(name) AS tag, hashtag_id, description, views, videos, commerce, observed_at, platform,
         count(*) OVER (PARTITION BY platform, lower(name)) AS observations,
         row_number() OVER (PARTITION BY platform, lower(name)
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM hashtag_observations)
WHERE newest = 1";

/// The counts at an age: the last observation not after it, if it is not before half of it. Never extrapolated.
macro_rules! stats_at {
    ($hours:literal) => {
        concat!(
            "
SELECT video_id, observed_at, age_hours, views, likes, comments, shares, saves, connector, platform
FROM (
  SELECT *, row_number() OVER (PARTITION BY platform, video_id
                               ORDER BY observed_at DESC, fetched_at DESC, event_id DESC) AS newest
  FROM video_stats WHERE age_hours <= ",
            $hours,
            " AND age_hours > 0.5 * ",
            $hours,
            ")
WHERE newest = 1"
        )
    };
}

/// One row per video: its counts at 24 hours of age, as last seen between 12 and 24 hours.
pub const STATS_24H: &str = stats_at!("24.0");
/// One row per video: its counts at 72 hours of age, as last seen between 36 and 72 hours.
pub const STATS_72H: &str = stats_at!("72.0");
/// One row per video: its counts at 7 days of age, as last seen between 84 and 168 hours.
pub const STATS_7D: &str = stats_at!("168.0");

/// Registers every view that is not there yet. Those that the tables do not support (a table written by another version that lacks a column)
/// are left out, with the reason.
pub(super) async fn register(session: &SessionContext) -> BTreeMap<&'static str, String> {
    let mut broken = BTreeMap::new();
    for view in VIEWS {
        if session.table_exist(view.name).unwrap_or(false) {
            continue;
        }
        let statement = format!("CREATE VIEW {} AS {}", view.name, view.sql);
        if let Err(error) = session.sql(&statement).await {
            let why = error.strip_backtrace();
            tracing::warn!(view = view.name, %why, "view not available");
            broken.insert(view.name, why);
        }
    }
    broken
}

/// One row per task: how complete is what it brought?
///
/// `days_asked` are the UTC days of the windows asked for, `days_missing` those of them that no answer covers to its end,
/// from `first_missing` to `last_missing`; null for tasks that ask for no window. `complete_cycles` ended because the
/// source had no more, `last_complete` is when the last of them did; `more_left`: at the last poll the source said that
/// there is more. `interrupted` polls ended by a fault, a block, a refused credential or a spent
/// quota; `silent_zeros` brought nothing where that
/// is not believed, and `suspect` says that the last poll did. `requested`, `window_start` and `window_end` are null for
/// tasks that ask for no number or no window.
pub const COVERAGE_BY_TASK: &str = "
WITH windows AS (
  SELECT provenance['task'] AS task, provenance['connector'] AS connector,
         unnest(generate_series(date_trunc('day', window_start), window_end - INTERVAL '1 microsecond',
                                INTERVAL '1 day')) AS day,
         NOT has_more AND stop_reason IN ('continue', 'exhausted') AS answered
  FROM coverage WHERE window_start < window_end),
days AS (SELECT task, connector, day, bool_or(answered) AS answered FROM windows GROUP BY task, connector, day),
gaps AS (
  SELECT task, connector, count(*) AS days_asked, count(*) FILTER (WHERE NOT answered) AS days_missing,
         min(day) FILTER (WHERE NOT answered) AS first_missing, max(day) FILTER (WHERE NOT answered) AS last_missing
  FROM days GROUP BY task, connector),
polls AS (
  SELECT provenance['task'] AS task, provenance['connector'] AS connector, count(*) AS polls, sum(requests) AS requests,
         sum(requested) AS requested, sum(got) AS got, sum(\"new\") AS fresh, sum(rejected) AS rejected,
         count(*) FILTER (WHERE stop_reason = 'exhausted') AS complete_cycles,
         count(*) FILTER (WHERE stop_reason IN ('fault', 'blocked', 'quota', 'auth')) AS interrupted,
         count(*) FILTER (WHERE stop_reason = 'silent_zero') AS silent_zeros,
         min(window_start) AS window_start, max(window_end) AS window_end,
         min(observed_at) AS first_poll, max(observed_at) AS last_poll,
         max(observed_at) FILTER (WHERE stop_reason = 'exhausted') AS last_complete,
         last_value(has_more ORDER BY observed_at, page) AS more_left,
         last_value(stop_reason ORDER BY observed_at, page) AS last_stop,
         last_value(fault ORDER BY observed_at, page) FILTER (WHERE fault IS NOT NULL) AS last_fault,
         max(observed_at) FILTER (WHERE fault IS NOT NULL) AS last_fault_at
  FROM coverage
  GROUP BY provenance['task'], provenance['connector'])
SELECT polls.task, polls.connector, polls, requests, requested, got, fresh, rejected, complete_cycles, interrupted,
       silent_zeros, last_stop = 'silent_zero' AS suspect, window_start, window_end, days_asked, days_missing,
       first_missing, last_missing, first_poll, last_poll, last_complete, more_left, last_stop, last_fault, last_fault_at
FROM polls LEFT JOIN gaps ON gaps.task = polls.task AND gaps.connector = polls.connector";

/// One row per incident: its newest state, with the sample that came when it opened. `ended_at` is null while it is open.
pub const DRIFT: &str = "
SELECT incident_id, state, kind, connector, route, field, before, after, records, sample, opened_at, ended_at, task,
       message, platform
FROM (
  SELECT incident_id, state, kind, provenance['connector'] AS connector, provenance['route'] AS route, field, before,
         after, records, max(sample) OVER (PARTITION BY incident_id) AS sample, opened_at,
         CASE WHEN state <> 'open' THEN observed_at END AS ended_at, provenance['task'] AS task, message, platform,
         row_number() OVER (PARTITION BY incident_id
                            ORDER BY state = 'open', observed_at DESC, event_id DESC) AS newest
  FROM drift_incidents)
WHERE newest = 1";
