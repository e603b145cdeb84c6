-- Prices that captions name, by category and currency
-- Row: a category and a currency, of the last 28 days: videos of the category, those that name a price in this currency,
-- their share, quartiles of the amounts, and the share of prices that are part of a reduction. Currencies are not mixed;
-- cells of fewer than 10 videos are left out.
-- :now the end of the 28 days (not included)
-- :region only this region
WITH posted AS (
  SELECT platform, video_id, category FROM videos
  WHERE create_time >= :now - INTERVAL '28 days' AND create_time < :now AND category IS NOT NULL
    AND (:region IS NULL OR region_code = :region))
SELECT v.category, p.currency, min(t.n) AS videos, count(DISTINCT p.video_id) AS priced,
       count(DISTINCT p.video_id) * 1.0 / min(t.n) AS share_of_category,
       approx_percentile_cont(p.amount, 0.25) AS p25, approx_percentile_cont(p.amount, 0.5) AS p50,
       approx_percentile_cont(p.amount, 0.75) AS p75,
       avg(CASE WHEN p.is_discount THEN 1.0 ELSE 0 END) AS discount_share
FROM caption_prices p JOIN posted v USING (platform, video_id)
JOIN (SELECT category, count(*) AS n FROM posted GROUP BY 1) t ON t.category = v.category
GROUP BY 1, 2 HAVING count(DISTINCT p.video_id) >= 10 ORDER BY priced DESC, v.category, p.currency
