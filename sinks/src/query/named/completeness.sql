-- How complete, and how trustworthy, is what there is?
-- Row: a query (a task) and a day: the columns of `coverage_by_query_day`, and how far this query's view counts are from those
-- that another source gave for the same video within 24 hours: compared pairs, median and 95th percentile of
-- |ln(views_a / views_b)|; 0 is agreement, 0.69 is a factor of 2.
-- :since days from this one on
WITH counts AS (
  SELECT platform, video_id, task, source, fetched_at, observed_at, view_count FROM video_stats WHERE view_count > 0),
twice AS (
  SELECT platform, video_id FROM counts GROUP BY platform, video_id HAVING min(source) <> max(source)),
seen AS (SELECT c.* FROM counts AS c JOIN twice AS t ON t.platform = c.platform AND t.video_id = c.video_id),
gaps AS (
  SELECT a.task AS query_id, CAST(a.fetched_at AS DATE) AS day, abs(ln(a.view_count * 1.0 / b.view_count)) AS gap
  FROM seen AS a JOIN seen AS b ON b.platform = a.platform AND b.video_id = a.video_id
  WHERE a.source <> b.source AND b.observed_at >= a.observed_at - INTERVAL '24 hours'
    AND b.observed_at <= a.observed_at + INTERVAL '24 hours'),
agreement AS (
  SELECT query_id, day, count(*) AS compared, median(gap) AS median_gap, approx_percentile_cont(gap, 0.95) AS p95_gap
  FROM gaps GROUP BY query_id, day)
SELECT c.*, coalesce(g.compared, 0) AS compared, g.median_gap, g.p95_gap
FROM coverage_by_query_day AS c LEFT JOIN agreement AS g ON g.query_id = c.query_id AND g.day = c.day
WHERE :since IS NULL OR c.day >= CAST(:since AS DATE)
ORDER BY c.query_id, c.day
