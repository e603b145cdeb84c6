-- One row per sound: its newest observation.
SELECT sound_id, title, author, album, original, duration_s, videos, observed_at, observations, platform
FROM (
  SELECT sound_id, title, author, album, original, duration_s, videos, observed_at, platform,
         count(*) OVER (PARTITION BY platform, sound_id) AS observations,
         row_number() OVER (PARTITION BY platform, sound_id
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM sound_observations)
WHERE newest = 1
