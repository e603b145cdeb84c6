-- One row per keyword; the span is where it stands first, in UTF-8 bytes.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['text'] AS keyword, found['score'] AS score, found['start'] AS span_start, found['end'] AS span_end, platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['keywords']) AS found FROM newest_videos)
WHERE found IS NOT NULL
