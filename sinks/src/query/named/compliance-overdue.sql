-- Is anything of the Research API's overdue for its refresh?
-- Row: one: of the videos of which it gave anything, whoever saw them last, how many nobody confirmed within 15 days, which must
-- be none, and the oldest confirmation of theirs. Videos that are known to be gone are to be deleted, not confirmed: they
-- are not counted.
-- :now the instant that is asked about
WITH given AS (SELECT DISTINCT platform, video_id FROM video_observations WHERE provenance['zone'] = 'research')
SELECT count(*) AS overdue, min(c.last_validated_at) AS oldest
FROM given g
JOIN videos v ON v.platform = g.platform AND v.video_id = g.video_id
LEFT JOIN compliance c ON c.platform = g.platform AND c.video_id = g.video_id
WHERE v.unavailable IS NULL AND coalesce(c.last_validated_at, v.first_seen_at) < :now - INTERVAL '15 days'
