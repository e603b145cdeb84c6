SELECT video_id, observed_at, age_hours, views, likes, comments, shares, saves, connector, platform, view_count, like_count,
       comment_count, share_count, favorites_count, source, precision, max_staleness_s
FROM (
  SELECT *, row_number() OVER (PARTITION BY platform, video_id
                               ORDER BY observed_at DESC, fetched_at DESC, event_id DESC) AS newest
  FROM video_stats
  WHERE age_hours <= CAST($hours AS DOUBLE) AND age_hours > 0.5 * CAST($hours AS DOUBLE))
WHERE newest = 1
