-- One row per subject, with the words that say so.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['name'] AS category, found['score'] AS score, found['reasons'] AS reasons, platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['categories']) AS found FROM newest_videos)
WHERE found IS NOT NULL
