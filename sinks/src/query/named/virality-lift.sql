-- What early virality scores are worth
-- Row: a decile of a model's probabilities, scored at 5 to 7 hours of age: videos, mean probability, how many of them became
-- viral (views at 7 days in the top 1 % of their region and week), that rate over the model's base rate, and the Brier
-- score. Regions' weeks of fewer than min_cell videos say nothing of a top 1 %: they are left out and counted.
-- :min_cell = 200 videos that a region's week must have
WITH seen AS (
  SELECT v.platform, v.video_id, s.view_count, v.region_code, date_trunc('week', v.create_time) AS week,
         count(*) OVER (PARTITION BY v.region_code, date_trunc('week', v.create_time)) AS cell
  FROM videos v JOIN stats_7d s USING (platform, video_id) WHERE s.view_count IS NOT NULL),
y AS (
  SELECT platform, video_id, percent_rank() OVER (PARTITION BY region_code, week ORDER BY view_count) >= 0.99 AS viral
  FROM seen WHERE cell >= :min_cell),
p AS (
  SELECT platform, video_id, model_version, probability,
         row_number() OVER (PARTITION BY platform, video_id, model_version ORDER BY age_h DESC, scored_at DESC) AS r
  FROM virality_scores WHERE age_h BETWEEN 5 AND 7),
j AS (
  SELECT p.model_version, p.probability, CASE WHEN y.viral THEN 1.0 ELSE 0 END AS hit,
         ntile(10) OVER (PARTITION BY p.model_version ORDER BY p.probability, p.platform, p.video_id) AS decile
  FROM p JOIN y USING (platform, video_id) WHERE p.r = 1),
b AS (SELECT model_version, avg(hit) AS base FROM j GROUP BY 1),
deciles AS (
  SELECT model_version, decile, count(*) AS n, avg(probability) AS mean_p, avg(hit) AS hit_rate,
         avg(hit) / nullif(min(base), 0) AS lift, avg(power(probability - hit, 2)) AS brier, min(base) AS base_rate
  FROM j JOIN b USING (model_version) GROUP BY 1, 2),
excluded AS (
  SELECT count(*) AS excluded_videos, count(DISTINCT coalesce(region_code, '') || CAST(week AS VARCHAR)) AS excluded_cells
  FROM seen WHERE cell < :min_cell)
SELECT d.*, e.excluded_videos, e.excluded_cells
FROM excluded AS e LEFT JOIN deciles AS d ON true ORDER BY model_version, decile
