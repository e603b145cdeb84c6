-- Do paid partnerships and calls to action pay?
-- Row: a contrast: 'paid partnership', or a type of call to action. Within one creator's month with 2 posts or more of each
-- kind, the median engagement rate at 72 hours of the posts with it less that of those without; a creator's months are
-- brought to their median, so that one creator has one vote. Then the median over creators, how many of them gained, and the
-- mean sentiment of their posts with it and without. Posts that do not say whether they are paid for are in neither.
-- :now posts before
-- :since posts from then on
-- :region only this region
WITH e AS (
  SELECT v.platform, v.video_id, v.creator_id, date_trunc('month', v.create_time) AS month, v.is_branded,
         engagement_rate(s.like_count, s.comment_count, s.share_count, s.view_count) AS er, f.score
  FROM videos v JOIN stats_72h s USING (platform, video_id)
  LEFT JOIN (SELECT platform, video_id, max(score) AS score FROM caption_sentiment GROUP BY platform, video_id) AS f
    ON f.platform = v.platform AND f.video_id = v.video_id
  WHERE v.creator_id IS NOT NULL AND v.create_time < :now AND (:since IS NULL OR v.create_time >= :since)
    AND (:region IS NULL OR v.region_code = :region)),
calls AS (SELECT DISTINCT platform, video_id, cta_type FROM caption_cta),
months AS (
  SELECT DISTINCT e.platform, e.creator_id, e.month, c.cta_type FROM e JOIN calls AS c USING (platform, video_id)),
arms AS (
  SELECT 'paid partnership' AS contrast, platform, creator_id, month, is_branded AS has_it, er, score
  FROM e WHERE is_branded IS NOT NULL
  UNION ALL
  SELECT m.cta_type, e.platform, e.creator_id, e.month, c.video_id IS NOT NULL, e.er, e.score
  FROM e JOIN months AS m ON m.platform = e.platform AND m.creator_id = e.creator_id AND m.month = e.month
  LEFT JOIN calls AS c ON c.platform = e.platform AND c.video_id = e.video_id AND c.cta_type = m.cta_type),
cells AS (
  SELECT contrast, platform, creator_id, month,
         median(er) FILTER (WHERE has_it) - median(er) FILTER (WHERE NOT has_it) AS gain,
         avg(score) FILTER (WHERE has_it) AS sentiment_with, avg(score) FILTER (WHERE NOT has_it) AS sentiment_without
  FROM arms WHERE er IS NOT NULL GROUP BY contrast, platform, creator_id, month
  HAVING count(*) FILTER (WHERE has_it) >= 2 AND count(*) FILTER (WHERE NOT has_it) >= 2),
votes AS (
  SELECT contrast, platform, creator_id, median(gain) AS gain, avg(sentiment_with) AS sentiment_with,
         avg(sentiment_without) AS sentiment_without
  FROM cells GROUP BY contrast, platform, creator_id)
SELECT contrast, median(gain) AS median_gain, avg(CASE WHEN gain > 0 THEN 1.0 ELSE 0 END) AS share_gained,
       count(*) AS creators, avg(sentiment_with) AS sentiment_with, avg(sentiment_without) AS sentiment_without
FROM votes GROUP BY contrast ORDER BY contrast = 'paid partnership' DESC, creators DESC, contrast
