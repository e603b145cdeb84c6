-- Engagement by local posting hour, with follower counts taken out
-- Row: an hour of the day, of 24: the median of how far videos posted then lie above or below what is usual for their region
-- and follower decile, with its 95 % bootstrap interval (seed 1). The rate is (likes + comments + shares) / views at 72
-- hours of age, of videos with at least 100 views; n is how many have one, and fewer than 50 are not reliable.
-- :now videos posted before
-- :since videos posted from then on
-- :region only this region
WITH e AS (
  SELECT v.region_code, date_part('hour', to_local(v.create_time, v.region_code)) AS h,
         ntile(10) OVER (PARTITION BY v.region_code ORDER BY v.followers_at_post, v.platform, v.video_id) AS d,
         engagement_rate(s.like_count, s.comment_count, s.share_count, s.view_count) AS er
  FROM videos v JOIN stats_72h s USING (platform, video_id)
  WHERE s.view_count >= 100 AND v.followers_at_post IS NOT NULL AND v.create_time < :now
    AND (:since IS NULL OR v.create_time >= :since) AND (:region IS NULL OR v.region_code = :region)),
m AS (SELECT region_code, d, median(er) AS base FROM e GROUP BY 1, 2),
r AS (
  SELECT h, median(er - base) AS residual_er, count(er - base) AS n, bootstrap_interval(er - base, 0.95, 1) AS ends
  FROM e JOIN m USING (region_code, d) GROUP BY h)
SELECT hours.value AS h, r.residual_er, r.ends['low'] AS low, r.ends['high'] AS high, coalesce(r.n, 0) AS n,
       coalesce(r.n, 0) >= 50 AS reliable
FROM generate_series(0, 23) AS hours LEFT JOIN r ON r.h = hours.value ORDER BY hours.value
