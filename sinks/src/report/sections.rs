//! What a report asks, in order.
//!
//! A query says `{posted}` for "the videos the report is about", `{seen}` for "observed in the report's time" and
//! `{step}` for day, week or month.

use super::Kind::{Count, Day, Instant, Link, Number, Share, Text};
use super::{Chart, Column, ReportOptions};

/// One section: what it is called and asks.
pub(super) struct SectionQuery {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) chart: Chart,
    pub(super) columns: &'static [Column],
    pub(super) sql: &'static str,
}

const fn column(name: &'static str, label: &'static str, kind: super::Kind) -> Column {
    Column { name, label, kind }
}

/// The statement, about what the options ask.
pub(super) fn fill(sql: &str, options: &ReportOptions, step: &str) -> String {
    let (mut posted, mut seen) = (vec!["true".to_owned()], vec!["true".to_owned()]);
    for (bound, relation) in [(options.since, ">="), (options.until, "<")] {
        if let Some(instant) = bound {
            posted.push(format!("created_at {relation} '{instant}'"));
            seen.push(format!("observed_at {relation} '{instant}'"));
        }
    }
    if let Some(region) = &options.region {
        posted.push(format!("region = '{}'", region.replace('\'', "''")));
    }
    sql.replace("{posted}", &posted.join(" AND ")).replace("{seen}", &seen.join(" AND ")).replace("{step}", step)
}

/// The best ten videos by a column; `tops!("views")`.
macro_rules! top_videos {
    ($id:literal, $title:literal, $metric:literal) => {
        SectionQuery {
            id: $id,
            title: $title,
            about: "Counts as last observed. Unknown counts are left out.",
            chart: Chart::Table,
            columns: &VIDEO_COLUMNS,
            sql: concat!(
                "SELECT coalesce('@' || author_handle, 'unknown') AS creator, \
                        substr(caption, 1, 90) AS caption, views, likes, comments, shares, \
                        (likes + comments + shares) * 1.0 / nullif(views, 0) AS engagement, created_at AS posted, url \
                 FROM videos WHERE {posted} AND ",
                $metric,
                " IS NOT NULL ORDER BY ",
                $metric,
                " DESC, video_id LIMIT 10"
            ),
        }
    };
}

const VIDEO_COLUMNS: [Column; 9] = [
    column("creator", "Creator", Text),
    column("caption", "Caption", Text),
    column("views", "Views", Count),
    column("likes", "Likes", Count),
    column("comments", "Comments", Count),
    column("shares", "Shares", Count),
    column("engagement", "Engagement", Share),
    column("posted", "Posted", Instant),
    column("url", "Link", Link),
];

pub(super) const SECTIONS: &[SectionQuery] = &[
    SectionQuery {
        id: "overview",
        title: "Overview",
        about: "Videos posted in the time of the report, with their counts as last observed. Engagement is (likes + comments \
                + shares) / views, the median over videos with at least 100 views.",
        chart: Chart::Tiles,
        columns: &[
            column("videos", "Videos", Count),
            column("creators", "Creators", Count),
            column("observations", "Observations", Count),
            column("views", "Views", Count),
            column("median_views", "Median views", Count),
            column("likes", "Likes", Count),
            column("engagement", "Engagement", Share),
            column("gone", "Gone since", Count),
            column("first_post", "First post", Instant),
            column("last_post", "Last post", Instant),
        ],
        sql: "SELECT count(*) AS videos, count(DISTINCT lower(author_handle)) AS creators, \
                     sum(observations) AS observations, sum(views) AS views, \
                     CAST(approx_percentile_cont(views, 0.5) AS BIGINT) AS median_views, sum(likes) AS likes, \
                     median((likes + comments + shares) * 1.0 / nullif(views, 0)) FILTER (WHERE views >= 100) \
                       AS engagement, \
                     count(unavailable) AS gone, min(created_at) AS first_post, max(created_at) AS last_post \
              FROM videos WHERE {posted}",
    },
    SectionQuery {
        id: "activity",
        title: "Posts and views over time",
        about: "Videos by when they were posted (UTC), and the views they have gathered since.",
        chart: Chart::Time { x: "at", bars: "videos", line: "views" },
        columns: &[column("at", "From", Day), column("videos", "Videos", Count), column("views", "Views", Count)],
        sql: "SELECT date_trunc('{step}', created_at) AS at, count(*) AS videos, sum(views) AS views \
              FROM videos WHERE {posted} AND created_at IS NOT NULL GROUP BY 1 ORDER BY 1",
    },
    top_videos!("top-views", "Most viewed videos", "views"),
    top_videos!("top-likes", "Most liked videos", "likes"),
    top_videos!("top-comments", "Most discussed videos", "comments"),
    top_videos!("top-shares", "Most shared videos", "shares"),
    SectionQuery {
        id: "hashtags",
        title: "Hashtags",
        about: "A hashtag counts once per video. Engagement is the median over videos with at least 100 views.",
        chart: Chart::Bars { label: "hashtag", value: "videos" },
        columns: &[
            column("hashtag", "Hashtag", Text),
            column("videos", "Videos", Count),
            column("creators", "Creators", Count),
            column("views", "Views", Count),
            column("engagement", "Engagement", Share),
        ],
        sql: "SELECT '#' || h.tag AS hashtag, count(*) AS videos, count(DISTINCT lower(v.author_handle)) AS creators, \
                     sum(v.views) AS views, \
                     median((v.likes + v.comments + v.shares) * 1.0 / nullif(v.views, 0)) \
                       FILTER (WHERE v.views >= 100) AS engagement \
              FROM (SELECT * FROM videos WHERE {posted}) v \
              JOIN video_hashtags h ON h.platform = v.platform AND h.video_id = v.video_id \
              GROUP BY h.tag ORDER BY videos DESC, h.tag LIMIT 20",
    },
    SectionQuery {
        id: "sounds",
        title: "Sounds",
        about: "The sounds of most videos.",
        chart: Chart::Bars { label: "sound", value: "videos" },
        columns: &[
            column("sound", "Sound", Text),
            column("videos", "Videos", Count),
            column("creators", "Creators", Count),
            column("views", "Views", Count),
            column("sound_id", "Id", Text),
        ],
        sql: "SELECT coalesce(max(n.sound['title']), CAST(v.sound_id AS VARCHAR)) AS sound, count(*) AS videos, \
                     count(DISTINCT lower(v.author_handle)) AS creators, sum(v.views) AS views, v.sound_id \
              FROM (SELECT * FROM videos WHERE {posted} AND sound_id IS NOT NULL) v \
              JOIN newest_videos n ON n.platform = v.platform AND n.video_id = v.video_id \
              GROUP BY v.sound_id ORDER BY videos DESC, v.sound_id LIMIT 15",
    },
    SectionQuery {
        id: "categories",
        title: "Subjects",
        about: "What captions are about, as the stage `categories` finds it. A video may have several subjects.",
        chart: Chart::Bars { label: "category", value: "videos" },
        columns: &[
            column("category", "Subject", Text),
            column("videos", "Videos", Count),
            column("views", "Views", Count),
            column("median_views", "Median views", Count),
        ],
        sql: "SELECT c.category, count(*) AS videos, sum(v.views) AS views, \
                     CAST(approx_percentile_cont(v.views, 0.5) AS BIGINT) AS median_views \
              FROM (SELECT * FROM videos WHERE {posted}) v \
              JOIN caption_categories c ON c.platform = v.platform AND c.video_id = v.video_id \
              GROUP BY c.category ORDER BY videos DESC, c.category LIMIT 15",
    },
    SectionQuery {
        id: "prices",
        title: "Prices in captions",
        about: "By currency, which are never mixed; reductions (\"$5 off\") are not prices. Cells of fewer than 3 prices \
                are left out.",
        chart: Chart::Bars { label: "currency", value: "prices" },
        columns: &[
            column("currency", "Currency", Text),
            column("prices", "Prices", Count),
            column("videos", "Videos", Count),
            column("p25", "Lower quartile", Number),
            column("p50", "Median", Number),
            column("p75", "Upper quartile", Number),
        ],
        sql: "SELECT p.currency, count(*) AS prices, count(DISTINCT p.video_id) AS videos, \
                     approx_percentile_cont(CAST(p.amount AS DOUBLE), 0.25) AS p25, \
                     approx_percentile_cont(CAST(p.amount AS DOUBLE), 0.5) AS p50, \
                     approx_percentile_cont(CAST(p.amount AS DOUBLE), 0.75) AS p75 \
              FROM (SELECT * FROM videos WHERE {posted}) v \
              JOIN caption_prices p ON p.platform = v.platform AND p.video_id = v.video_id \
              WHERE p.currency IS NOT NULL AND p.kind <> 'discount' \
              GROUP BY p.currency HAVING count(*) >= 3 ORDER BY prices DESC, p.currency LIMIT 15",
    },
    SectionQuery {
        id: "sentiment",
        title: "Sentiment over time",
        about: "Shares of captions with words, by when the video was posted. The mean is VADER's compound, -1 to 1.",
        chart: Chart::Shares { x: "at", parts: &["negative", "neutral", "positive"] },
        columns: &[
            column("at", "From", Day),
            column("captions", "Captions", Count),
            column("negative", "Negative", Share),
            column("neutral", "Neutral", Share),
            column("positive", "Positive", Share),
            column("mean", "Mean", Number),
        ],
        sql: "SELECT date_trunc('{step}', v.created_at) AS at, count(*) AS captions, \
                     avg(CASE WHEN s.label = 'negative' THEN 1.0 ELSE 0.0 END) AS negative, \
                     avg(CASE WHEN s.label = 'neutral' THEN 1.0 ELSE 0.0 END) AS neutral, \
                     avg(CASE WHEN s.label = 'positive' THEN 1.0 ELSE 0.0 END) AS positive, avg(s.compound) AS mean \
              FROM (SELECT * FROM videos WHERE {posted} AND created_at IS NOT NULL) v \
              JOIN caption_sentiment s ON s.platform = v.platform AND s.video_id = v.video_id \
              GROUP BY 1 ORDER BY 1",
    },
    SectionQuery {
        id: "hours",
        title: "Posting hours",
        about: "Videos by weekday and hour of posting, in the local time of the video's region; UTC where it is unknown.",
        chart: Chart::Heat { x: "hour", y: "weekday", value: "videos" },
        columns: &[
            column("weekday", "Weekday", Text),
            column("hour", "Hour", Count),
            column("videos", "Videos", Count),
            column("engagement", "Engagement", Share),
        ],
        sql: "WITH posted AS ( \
                SELECT coalesce(date_part('dow', to_local(created_at, region)), date_part('dow', created_at)) AS day, \
                       coalesce(date_part('hour', to_local(created_at, region)), date_part('hour', created_at)) AS hour, \
                       views, (likes + comments + shares) * 1.0 / nullif(views, 0) AS engagement \
                FROM videos WHERE {posted} AND created_at IS NOT NULL) \
              SELECT array_element(['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'], CAST(day AS BIGINT) + 1) AS weekday, \
                     CAST(hour AS BIGINT) AS hour, count(*) AS videos, \
                     median(engagement) FILTER (WHERE views >= 100) AS engagement \
              FROM posted GROUP BY day, hour ORDER BY day, hour",
    },
    SectionQuery {
        id: "languages",
        title: "Languages",
        about: "Of captions, as the stage `language` finds them, else as the source says.",
        chart: Chart::Bars { label: "language", value: "videos" },
        columns: &[
            column("language", "Language", Text),
            column("videos", "Videos", Count),
            column("views", "Views", Count),
        ],
        sql: "SELECT coalesce(language, 'unknown') AS language, count(*) AS videos, sum(views) AS views \
              FROM videos WHERE {posted} GROUP BY 1 ORDER BY videos DESC, language LIMIT 12",
    },
    SectionQuery {
        id: "coverage",
        title: "Coverage",
        about: "How complete what was collected is: polls made in the time of the report, for all regions. Interrupted \
                polls ended by a fault, a block, a refused credential or a spent quota; suspect ones brought nothing \
                where that is not believed.",
        chart: Chart::Table,
        columns: &[
            column("task", "Task", Text),
            column("polls", "Polls", Count),
            column("got", "Got", Count),
            column("fresh", "New", Count),
            column("rejected", "Rejected", Count),
            column("complete", "Complete", Count),
            column("interrupted", "Interrupted", Count),
            column("suspect", "Suspect", Count),
            column("last_poll", "Last poll", Instant),
        ],
        sql: "SELECT provenance['task'] AS task, count(*) AS polls, sum(got) AS got, sum(\"new\") AS fresh, \
                     sum(rejected) AS rejected, count(*) FILTER (WHERE stop_reason = 'exhausted') AS complete, \
                     count(*) FILTER (WHERE stop_reason IN ('fault', 'blocked', 'quota', 'auth')) AS interrupted, \
                     count(*) FILTER (WHERE stop_reason = 'silent_zero') AS suspect, max(observed_at) AS last_poll \
              FROM coverage WHERE {seen} GROUP BY 1 ORDER BY polls DESC, task LIMIT 40",
    },
];
