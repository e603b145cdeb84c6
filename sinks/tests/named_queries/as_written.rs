//! The acceptance queries, word for word as analysts wrote them down before there was a lake.

pub(crate) const Q1: &str = "WITH w AS (
  SELECT v.region_code, h.tag,
         count(DISTINCT v.video_id) FILTER (WHERE v.create_time >= :now - INTERVAL '7 days') AS n1,
         count(DISTINCT v.video_id) FILTER (WHERE v.create_time <  :now - INTERVAL '7 days') AS n0,
         count(DISTINCT v.creator_id) FILTER (WHERE v.create_time >= :now - INTERVAL '7 days') AS c1
  FROM videos v JOIN video_hashtags h USING (video_id)
  WHERE v.create_time >= :now - INTERVAL '14 days' AND v.create_time < :now
  GROUP BY 1, 2)
SELECT region_code, tag, n1, n0, (n1 + 5.0) / (n0 + 5.0) AS growth
FROM (SELECT *, row_number() OVER (PARTITION BY region_code ORDER BY (n1+5.0)/(n0+5.0) DESC, n1 DESC, tag) AS r
      FROM w WHERE n1 >= 20 AND c1 >= 5) WHERE r <= 10 ORDER BY region_code, r;";

pub(crate) const Q2: &str = "WITH e AS (
  SELECT v.video_id, v.region_code, date_part('hour', to_local(v.create_time, v.region_code)) AS h,
         ntile(10) OVER (PARTITION BY v.region_code ORDER BY v.followers_at_post) AS d,
         (s.like_count + s.comment_count + s.share_count) * 1.0 / s.view_count AS er
  FROM videos v JOIN stats_72h s USING (video_id)
  WHERE s.view_count >= 100 AND v.followers_at_post IS NOT NULL),
m AS (SELECT region_code, d, median(er) AS base FROM e GROUP BY 1, 2)
SELECT h, median(er - base) AS residual_er, count(*) AS n, count(*) >= 50 AS reliable
FROM e JOIN m USING (region_code, d) GROUP BY h ORDER BY h;";

pub(crate) const Q3: &str = "WITH x AS (
  SELECT v.creator_id, v.create_time >= :now - INTERVAL '37 days' AS recent, s.view_count
  FROM videos v JOIN stats_7d s USING (video_id)
  WHERE v.create_time >= :now - INTERVAL '67 days' AND v.create_time < :now - INTERVAL '7 days')
SELECT creator_id, median(view_count) FILTER (WHERE recent) AS m1, median(view_count) FILTER (WHERE NOT recent) AS m0,
       count(*) FILTER (WHERE recent) AS n1, count(*) FILTER (WHERE NOT recent) AS n0
FROM x GROUP BY creator_id
HAVING n1 >= 5 AND n0 >= 5 AND m1 >= 2 * m0 ORDER BY m1 / m0 DESC, creator_id;";

pub(crate) const Q4: &str = "SELECT v.category, p.currency, count(DISTINCT p.video_id) AS priced,
       approx_percentile_cont(p.amount, 0.25) AS p25, approx_percentile_cont(p.amount, 0.5) AS p50,
       approx_percentile_cont(p.amount, 0.75) AS p75,
       avg(CASE WHEN p.is_discount THEN 1.0 ELSE 0 END) AS discount_share,
       count(DISTINCT p.video_id) * 1.0 / min(t.n) AS share_of_category
FROM caption_prices p JOIN videos v USING (video_id)
JOIN (SELECT category, count(*) AS n FROM videos WHERE create_time >= :now - INTERVAL '28 days' GROUP BY 1) t ON t.category = v.category
WHERE v.create_time >= :now - INTERVAL '28 days'
GROUP BY 1, 2 HAVING count(DISTINCT p.video_id) >= 10 ORDER BY priced DESC;";

pub(crate) const Q5: &str = "WITH y AS (SELECT v.video_id, percent_rank() OVER (PARTITION BY v.region_code, date_trunc('week', v.create_time) ORDER BY s.view_count) >= 0.99 AS viral
           FROM videos v JOIN stats_7d s USING (video_id)),
p AS (SELECT video_id, model_version, probability,
             row_number() OVER (PARTITION BY video_id, model_version ORDER BY age_h DESC) AS r
      FROM virality_scores WHERE age_h BETWEEN 5 AND 7),
j AS (SELECT p.model_version, p.probability, CASE WHEN y.viral THEN 1.0 ELSE 0 END AS hit,
             ntile(10) OVER (PARTITION BY p.model_version ORDER BY p.probability) AS decile
      FROM p JOIN y USING (video_id) WHERE p.r = 1),
b AS (SELECT model_version, avg(hit) AS base FROM j GROUP BY 1)
SELECT model_version, decile, count(*) AS n, avg(probability) AS mean_p, avg(hit) AS hit_rate,
       avg(hit) / nullif(min(base), 0) AS lift, avg(power(probability - hit, 2)) AS brier
FROM j JOIN b USING (model_version) GROUP BY 1, 2 ORDER BY 1, 2;";

pub(crate) const Q9B: &str = "SELECT count(*) AS overdue, min(c.last_validated_at) AS oldest
FROM videos v LEFT JOIN compliance c USING (video_id)
WHERE v.licence = 'research' AND coalesce(c.last_validated_at, v.first_seen_at) < :now - INTERVAL '15 days';";
