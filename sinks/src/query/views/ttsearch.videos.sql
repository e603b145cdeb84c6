-- One row per TikTok video, under the sixteen names of TT-Search's table. `cover_url` is where the thumbnail was fetched, if
-- thumbnails are kept.
SELECT CAST(v.video_id AS VARCHAR) AS id, v.caption AS description, v.author_handle AS author,
       CAST(v.author_id AS VARCHAR) AS author_id, v.created_at AS create_time, s.music_title, s.music_author, v.likes,
       v.comments, v.shares, v.views, h.hashtags, v.url AS video_url, m.cover_url, v.duration_s AS duration,
       v.observed_at AS scraped_at
FROM (SELECT * FROM videos WHERE platform = 'tiktok') AS v
LEFT JOIN (
  SELECT video_id, max(sound['title']) AS music_title, max(sound['author']) AS music_author
  FROM newest_videos WHERE platform = 'tiktok' GROUP BY video_id) AS s ON s.video_id = v.video_id
LEFT JOIN (
  SELECT video_id, array_agg(tag ORDER BY tag) AS hashtags
  FROM video_hashtags WHERE platform = 'tiktok' GROUP BY video_id) AS h ON h.video_id = v.video_id
LEFT JOIN (
  SELECT video_id, last_value(source_url ORDER BY observed_at, event_id) AS cover_url
  FROM media WHERE platform = 'tiktok' AND kind = 'thumbnail' AND source_url IS NOT NULL GROUP BY video_id) AS m
  ON m.video_id = v.video_id
