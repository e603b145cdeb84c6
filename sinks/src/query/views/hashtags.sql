-- One row per hashtag, by its folded name (as in `video_hashtags`): its newest observation.
SELECT tag, hashtag_id, description, views, videos, commerce, observed_at, observations, platform
FROM (
  SELECT fold(name) AS tag, hashtag_id, description, views, videos, commerce, observed_at, platform,
         count(*) OVER (PARTITION BY platform, fold(name)) AS observations,
         row_number() OVER (PARTITION BY platform, fold(name)
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM hashtag_observations)
WHERE newest = 1
