-- One row per observation of a video: its counts and where they came from.
--
-- `age_hours` is how old the video was; null when it is not known when it was published. With `created_at_derived` that
-- instant comes from the id. `precision` is 'rounded' where the source rounds. `max_staleness_s` is how old the counts
-- may have been when they were given: the Research API answers from an archive that may be 10 days behind, every other
-- route answers with live counts; null for imports and archives, which do not say.
-- The names of TikTok's API stand beside ours: view_count, like_count, comment_count, share_count, favorites_count.
SELECT video_id, observed_at, stats['views'] AS views, stats['likes'] AS likes, stats['comments'] AS comments,
       stats['shares'] AS shares, stats['saves'] AS saves, stats['reposts'] AS reposts, counts_rounded,
       (date_part('epoch', observed_at) - date_part('epoch', created_at)) / 3600.0 AS age_hours,
       created_at, created_at_derived, provenance['connector'] AS connector, provenance['route'] AS route,
       provenance['task'] AS task, provenance['cycle'] AS cycle, provenance['fetched_at'] AS fetched_at,
       provenance['zone'] AS zone, unavailable, platform, event_id, observed_date,
       stats['views'] AS view_count, stats['likes'] AS like_count, stats['comments'] AS comment_count,
       stats['shares'] AS share_count, stats['saves'] AS favorites_count, provenance['connector'] AS source,
       CASE WHEN counts_rounded THEN 'rounded' ELSE 'exact' END AS precision,
       CASE WHEN provenance['connector'] = 'research-api' THEN 864000
            WHEN provenance['zone'] IN ('import', 'archive') THEN NULL
            ELSE 0 END AS max_staleness_s
FROM video_observations
