-- One row per video: its newest observation.
--
-- `creator_id` is the creator's key, the same for every route: '@' and the handle in lower case, else the numeric id as
-- text. `language` is what the language stage found, else what the source claims. `category` is the subject that the
-- categories stage is surest of (it lists the surest first). `followers_at_post` is the newest count
-- of the creator's followers that was observed at or before the post, else the earliest within 7 days after it; creators are
-- found by their handle. `licence` is the zone whose
-- terms the newest observation came under. `observations` counts all of them, and `first_observed_at` is when the first was.
-- `url` is null when the author's handle is unknown. `unavailable` says why a video is gone.
-- The names of TikTok's API stand beside ours: create_time, region_code, post_type, music_id, is_branded, first_seen_at.
SELECT v.video_id, created_at, created_at_derived, author_handle, author_id, caption, language, region, kind, duration_s,
       sound_id, views, likes, comments, shares, saves, reposts, counts_rounded, is_ad, is_aigc, observed_at,
       first_observed_at, observations, unavailable, connector, zone, v.platform,
       CASE WHEN v.platform = 'tiktok' THEN
            'https://www.tiktok.com/@' || author_handle || CASE WHEN kind = 'photo' THEN '/photo/' ELSE '/video/' END
            || CAST(v.video_id AS VARCHAR)
            WHEN v.platform = 'youtube' THEN 'https://www.youtube.com/watch?v=' || native_id
            WHEN v.platform = 'facebook' AND kind = 'video' THEN
            'https://www.facebook.com/watch/?v=' || CAST(v.video_id AS VARCHAR)
            WHEN v.platform = 'facebook' AND kind = 'reel' THEN
            'https://www.facebook.com/reel/' || CAST(v.video_id AS VARCHAR)
            WHEN v.platform = 'facebook' THEN
            'https://www.facebook.com/' || coalesce(native_id, CAST(v.video_id AS VARCHAR))
            END AS url, native_id,
       coalesce('@' || lower(nullif(author_handle, '')), CAST(author_id AS VARCHAR)) AS creator_id,
       created_at AS create_time, region AS region_code, category, kind AS post_type, sound_id AS music_id,
       value_at(f.times, f.followers, created_at) AS followers_at_post, is_ad AS is_branded, zone AS licence, first_observed_at AS first_seen_at
FROM (
  SELECT video_id, created_at, created_at_derived, author['handle'] AS author_handle, author['id'] AS author_id, caption,
         coalesce(nullif(findings['language']['code'], 'und'), source_language) AS language, region, kind, duration_s,
         sound['id'] AS sound_id, stats['views'] AS views, stats['likes'] AS likes, stats['comments'] AS comments,
         stats['shares'] AS shares, stats['saves'] AS saves, stats['reposts'] AS reposts, counts_rounded, is_ad, is_aigc,
         observed_at, unavailable, provenance['connector'] AS connector, provenance['zone'] AS zone, platform,
         native_id, first_observed_at, observations, findings['categories'][1]['name'] AS category
  FROM newest_videos) AS v
LEFT JOIN (
  SELECT platform, lower(handle) AS handle, array_agg(observed_at) AS times, array_agg(followers) AS followers
  FROM (SELECT platform, handle, observed_at, stats['followers'] AS followers FROM creator_observations)
  WHERE followers IS NOT NULL GROUP BY platform, lower(handle)) AS f
  ON f.platform = v.platform AND f.handle = lower(v.author_handle)
