-- One row per video and hashtag: those the caption holds and those the source lists, of the newest observation, each once.
-- `tag` is folded: Unicode's compatibility form (NFKC) in lower case, without #.
WITH newest AS (
  SELECT video_id, platform, observed_at, findings['hashtags'] AS found, source_hashtags AS listed FROM newest_videos),
tags AS (
  SELECT video_id, platform, observed_at, tag['text'] AS tag
  FROM (SELECT video_id, platform, observed_at, unnest(found) AS tag FROM newest)
  UNION ALL
  SELECT video_id, platform, observed_at, tag['name'] AS tag
  FROM (SELECT video_id, platform, observed_at, unnest(listed) AS tag FROM newest))
SELECT DISTINCT video_id, fold(ltrim(tag, '#')) AS tag, observed_at, platform
FROM tags WHERE ltrim(tag, '#') <> ''
