-- Hashtags that belong together
-- Row: one of the 100 pairs of tags (a before b) of the last 30 days that stand together most by normalised pointwise mutual
-- information, ln(p_ab / (p_a p_b)) / -ln p_ab, from -1 (never) by 0 (by chance) to 1 (always). Of tags with 50 videos or
-- more, in pairs with 20 or more; tags under more than 20 % of all videos are too general.
-- :now the end of the 30 days (not included)
-- :region only this region
WITH posted AS (
  SELECT platform, video_id FROM videos
  WHERE create_time >= :now - INTERVAL '30 days' AND create_time < :now AND (:region IS NULL OR region_code = :region)),
total AS (SELECT count(*) AS n FROM posted),
tagged AS (SELECT h.platform, h.video_id, h.tag FROM video_hashtags AS h JOIN posted USING (platform, video_id)),
tags AS (
  SELECT tag, count(*) AS n FROM tagged GROUP BY tag
  HAVING count(*) >= 50 AND count(*) <= 0.2 * (SELECT n FROM total)),
kept AS (SELECT g.platform, g.video_id, g.tag, t.n FROM tagged AS g JOIN tags AS t ON t.tag = g.tag),
pairs AS (
  SELECT x.tag AS a, y.tag AS b, min(x.n) AS n_a, min(y.n) AS n_b, count(*) AS n_ab
  FROM kept AS x JOIN kept AS y ON y.platform = x.platform AND y.video_id = x.video_id AND x.tag < y.tag
  GROUP BY x.tag, y.tag HAVING count(*) >= 20)
SELECT a, b, n_a, n_b, n_ab,
       ln(n_ab * 1.0 * n / (n_a * 1.0 * n_b)) / -ln(n_ab * 1.0 / n) AS npmi
FROM pairs CROSS JOIN total ORDER BY npmi DESC, a, b LIMIT 100
