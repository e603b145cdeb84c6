SELECT v.platform, v.creator_id, count(*) AS videos, count(d.views) AS videos_7d, median(d.views) AS median_views_7d,
       count(h.views) AS videos_72h, median(h.views) AS median_views_72h,
       median(engagement_rate(h.likes, h.comments, h.shares, h.views)) AS median_engagement_rate
FROM (SELECT platform, video_id, creator_id, created_at FROM videos WHERE creator_id IS NOT NULL) AS v
LEFT JOIN stats_7d AS d ON d.platform = v.platform AND d.video_id = v.video_id
LEFT JOIN stats_72h AS h ON h.platform = v.platform AND h.video_id = v.video_id
WHERE v.created_at < coalesce(CAST($now AS TIMESTAMP), now())
  AND date_part('epoch', v.created_at) >=
      date_part('epoch', coalesce(CAST($now AS TIMESTAMP), now())) - CAST($seconds AS DOUBLE)
GROUP BY v.platform, v.creator_id
