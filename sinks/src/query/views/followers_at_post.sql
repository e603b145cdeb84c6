-- One row per video whose creator was observed with a count: the followers at the time of the post. See `videos`.
SELECT platform, video_id, followers_at_post FROM videos WHERE followers_at_post IS NOT NULL
