-- Fastest-growing hashtags of the week, by region
-- Row: one of the ten tags of a region that grew most, by (n1 + 5) / (n0 + 5): n1 videos were posted in the 7 days before
-- now, n0 in the 7 days before those. A tag counts once a video. Tags of fewer than 20 videos or 5 creators this week are
-- left out, so that nobody makes a trend alone.
-- :now the end of the week (not included)
-- :region only this region
WITH w AS (
  SELECT v.region_code, h.tag,
         count(DISTINCT v.video_id) FILTER (WHERE v.create_time >= :now - INTERVAL '7 days') AS n1,
         count(DISTINCT v.video_id) FILTER (WHERE v.create_time <  :now - INTERVAL '7 days') AS n0,
         count(DISTINCT v.creator_id) FILTER (WHERE v.create_time >= :now - INTERVAL '7 days') AS c1
  FROM videos v JOIN video_hashtags h USING (platform, video_id)
  WHERE v.create_time >= :now - INTERVAL '14 days' AND v.create_time < :now
    AND (:region IS NULL OR v.region_code = :region)
  GROUP BY 1, 2)
SELECT region_code, tag, n1, n0, (n1 + 5.0) / (n0 + 5.0) AS growth
FROM (SELECT *, row_number() OVER (PARTITION BY region_code ORDER BY (n1 + 5.0) / (n0 + 5.0) DESC, n1 DESC, tag) AS r
      FROM w WHERE n1 >= 20 AND c1 >= 5)
WHERE r <= 10 ORDER BY region_code, r
