-- One row per video whose creator was observed with a count: the followers at the time of the post. That is the newest count
-- observed at or before it, else the earliest within 7 days after it. Creators are found by their handle.
SELECT v.platform, v.video_id,
       coalesce(
         last_value(c.followers ORDER BY c.observed_at, c.fetched_at, c.event_id)
           FILTER (WHERE c.observed_at <= v.created_at),
         first_value(c.followers ORDER BY c.observed_at, c.fetched_at, c.event_id)
           FILTER (WHERE c.observed_at > v.created_at)) AS followers_at_post
FROM (
  SELECT platform, video_id, created_at, lower(author['handle']) AS handle FROM newest_videos) AS v
JOIN (
  SELECT platform, lower(handle) AS handle, stats['followers'] AS followers, observed_at,
         provenance['fetched_at'] AS fetched_at, event_id
  FROM creator_observations WHERE stats['followers'] IS NOT NULL) AS c
  ON c.platform = v.platform AND c.handle = v.handle AND c.observed_at <= v.created_at + INTERVAL '7 days'
GROUP BY v.platform, v.video_id
