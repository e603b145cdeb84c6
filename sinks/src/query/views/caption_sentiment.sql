-- One row per caption with words; `score` is `compound`, from -1 to 1.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['compound'] AS compound, found['pos'] AS pos, found['neu'] AS neu, found['neg'] AS neg,
       found['label'] AS label, found['compound'] AS score, platform
FROM (SELECT video_id, platform, observed_at, findings['sentiment'] AS found FROM newest_videos)
WHERE found IS NOT NULL
