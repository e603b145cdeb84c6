-- One row per edge of the graph of creators, tags and sounds. `weight` is the number of videos, of which the first and the
-- last were made at `first_posted` and `last_posted`.
--
-- kind 'mention': a creator names another; 'duet', 'stitch': as the caption says it ("#duet with @name"); 'sound': a creator
-- uses a sound; 'cotag': two tags stand under one video, each pair once, the lesser first. Nodes are '@handle' (or a
-- numeric id), '#tag' and 'sound:ID'.
WITH posts AS (
  SELECT platform, video_id, created_at, caption,
         coalesce('@' || lower(nullif(author['handle'], '')), CAST(author['id'] AS VARCHAR)) AS creator,
         findings['mentions'] AS found, source_mentions AS listed, sound['id'] AS sound_id
  FROM newest_videos),
mentions AS (
  SELECT platform, video_id, created_at, creator, handle['text'] AS handle
  FROM (SELECT platform, video_id, created_at, creator, unnest(found) AS handle FROM posts)
  UNION ALL
  SELECT platform, video_id, created_at, creator, handle
  FROM (SELECT platform, video_id, created_at, creator, unnest(listed) AS handle FROM posts)),
joint AS (
  SELECT platform, video_id, created_at, creator,
         regexp_match(lower(caption), '#(duet|stitch) +with +@([a-z0-9_.]+)') AS of
  FROM posts),
edges AS (
  SELECT platform, creator AS source, '@' || lower(ltrim(handle, '@')) AS target, 'mention' AS kind, video_id, created_at
  FROM mentions
  UNION ALL
  SELECT platform, creator, '@' || rtrim(of[2], '.'), of[1], video_id, created_at FROM joint WHERE of IS NOT NULL
  UNION ALL
  SELECT platform, creator, 'sound:' || CAST(sound_id AS VARCHAR), 'sound', video_id, created_at
  FROM posts WHERE sound_id IS NOT NULL
  UNION ALL
  SELECT a.platform, '#' || a.tag, '#' || b.tag, 'cotag', a.video_id, p.created_at
  FROM video_hashtags AS a JOIN video_hashtags AS b
    ON b.platform = a.platform AND b.video_id = a.video_id AND a.tag < b.tag
  JOIN posts AS p ON p.platform = a.platform AND p.video_id = a.video_id)
SELECT source, target, kind, count(DISTINCT video_id) AS weight, platform,
       min(created_at) AS first_posted, max(created_at) AS last_posted
FROM edges WHERE source IS NOT NULL AND target NOT IN ('@', source) GROUP BY source, target, kind, platform
