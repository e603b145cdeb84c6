-- One row per call to action; `cta_type` is `type`, a name that needs no quotes anywhere. Spans are UTF-8 bytes.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['type'] AS type, found['strength'] AS strength, found['start'] AS span_start, found['end'] AS span_end,
       found['type'] AS cta_type, platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['calls_to_action']) AS found FROM newest_videos)
WHERE found IS NOT NULL
