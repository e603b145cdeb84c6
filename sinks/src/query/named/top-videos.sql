-- The videos with most of a metric
-- Row: a video, by its newest observation.
-- :by = views (views, likes, comments, shares, saves, engagement) what is compared; engagement is (likes + comments + shares) / views
-- :now posted before
-- :since posted from then on
-- :region only this region
-- :limit = 20 how many
SELECT video_id, creator_id, region_code, create_time, views, likes, comments, shares, saves, engagement, caption, url
FROM (
  SELECT *, engagement_rate(likes, comments, shares, views) AS engagement FROM videos
  WHERE create_time < :now AND (:since IS NULL OR create_time >= :since) AND (:region IS NULL OR region_code = :region))
WHERE CASE :by WHEN 'views' THEN views WHEN 'likes' THEN likes WHEN 'comments' THEN comments WHEN 'shares' THEN shares
      WHEN 'saves' THEN saves WHEN 'engagement' THEN engagement END IS NOT NULL
ORDER BY CASE :by WHEN 'views' THEN views WHEN 'likes' THEN likes WHEN 'comments' THEN comments WHEN 'shares' THEN shares
         WHEN 'saves' THEN saves WHEN 'engagement' THEN engagement END DESC, video_id, platform
LIMIT :limit
