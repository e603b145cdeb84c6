-- Creators whose median views doubled
-- Row: a creator of a platform whose median views at 7 days of age over the last 30 full days (m1, of n1 videos) are at
-- least twice those of the 30 days before (m0, of n0), with 5 videos or more in each. best_share is how much of the rise
-- goes when the best recent video is left out; robust: without it they still doubled.
-- :now the end; videos younger than 7 days are left out
-- :region only videos of this region
WITH x AS (
  SELECT v.platform, v.creator_id, v.create_time >= :now - INTERVAL '37 days' AS recent, s.view_count,
         row_number() OVER (PARTITION BY v.platform, v.creator_id, v.create_time >= :now - INTERVAL '37 days'
                            ORDER BY s.view_count DESC, v.video_id) AS place
  FROM videos v JOIN stats_7d s USING (platform, video_id)
  WHERE v.create_time >= :now - INTERVAL '67 days' AND v.create_time < :now - INTERVAL '7 days'
    AND v.creator_id IS NOT NULL AND s.view_count IS NOT NULL AND (:region IS NULL OR v.region_code = :region)),
medians AS (
  SELECT platform, creator_id, median(view_count) FILTER (WHERE recent) AS m1,
         median(view_count) FILTER (WHERE NOT recent) AS m0,
         median(view_count) FILTER (WHERE recent AND place > 1) AS m1_without_best,
         count(*) FILTER (WHERE recent) AS n1, count(*) FILTER (WHERE NOT recent) AS n0
  FROM x GROUP BY platform, creator_id)
SELECT creator_id, m1, m0, m1 * 1.0 / nullif(m0, 0) AS ratio, n1, n0,
       (m1 - m1_without_best) * 1.0 / nullif(m1 - m0, 0) AS best_share, m1_without_best >= 2 * m0 AS robust, platform
FROM medians WHERE n1 >= 5 AND n0 >= 5 AND m1 >= 2 * m0 ORDER BY ratio DESC NULLS FIRST, creator_id, platform
