-- One row per reduction, condition or code. Spans are UTF-8 bytes.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['type'] AS type, found['percent'] AS percent, found['code'] AS code, found['start'] AS span_start, found['end'] AS span_end, platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['offers']) AS found FROM newest_videos)
WHERE found IS NOT NULL
