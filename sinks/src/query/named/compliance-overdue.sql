-- Is anything of the Research API's overdue for its refresh?
-- Row: one: how many of its videos nobody confirmed within 15 days, which must be none, and the oldest confirmation of theirs.
-- :now the instant that is asked about
SELECT count(*) AS overdue, min(c.last_validated_at) AS oldest
FROM videos v LEFT JOIN compliance c USING (platform, video_id)
WHERE v.licence = 'research' AND coalesce(c.last_validated_at, v.first_seen_at) < :now - INTERVAL '15 days'
