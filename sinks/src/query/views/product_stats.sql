-- One row per product that captions name: how often, by whom, seen how often, and at what prices. Prices are those of
-- captions that name this product alone, in the currency most of them use (`priced_videos` of them), reductions' amounts
-- left out; null where no price stands.
WITH mentions AS (
  SELECT platform, video_id, name, max(brand) AS brand, max(catalog_id) AS catalog_id, count(*) AS mentions
  FROM caption_products GROUP BY platform, video_id, name),
alone AS (
  SELECT platform, video_id, max(name) AS name FROM mentions GROUP BY platform, video_id HAVING count(*) = 1),
prices AS (
  SELECT a.name, p.currency, count(DISTINCT p.video_id) AS priced_videos, min(p.amount) AS price_min,
         median(p.amount) AS price_median, max(p.amount) AS price_max
  FROM alone AS a JOIN caption_prices AS p ON p.platform = a.platform AND p.video_id = a.video_id
  WHERE p.currency IS NOT NULL AND p.kind <> 'discount' GROUP BY a.name, p.currency),
ranked AS (
  SELECT *, row_number() OVER (PARTITION BY name ORDER BY priced_videos DESC, currency) AS place FROM prices),
named AS (
  SELECT m.name, max(m.brand) AS brand, max(m.catalog_id) AS catalog_id, sum(m.mentions) AS mentions, count(*) AS videos,
         count(DISTINCT v.creator_id) AS creators, sum(v.views) AS views, min(v.created_at) AS first_posted,
         max(v.created_at) AS last_posted
  FROM mentions AS m JOIN videos AS v ON v.platform = m.platform AND v.video_id = m.video_id GROUP BY m.name)
SELECT n.name, n.brand, n.catalog_id, n.mentions, n.videos, n.creators, n.views, r.currency, r.priced_videos, r.price_min,
       r.price_median, r.price_max, n.first_posted, n.last_posted
FROM named AS n LEFT JOIN (SELECT * FROM ranked WHERE place = 1) AS r ON r.name = n.name
