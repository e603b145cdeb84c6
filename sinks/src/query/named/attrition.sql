-- How many videos are gone after 7, 15 and 30 days
-- Row: the videos first seen in one week (from Monday, UTC) of one category. For each age: how many have reached it (of_7d),
-- how many of these were last seen as anything but public by then (gone_7d), their share, and how many are known to have been there or
-- gone at that age (checked_7d): the others have not been looked at since. Null shares: no video is that old yet. A video
-- that is gone keeps the category it was last known by. Videos that were erased because they were gone are counted as they
-- were then, first seen at the beginning of the hour.
-- :now the end
-- :since weeks from this one on
WITH seen AS (
  SELECT platform, video_id, min(observed_at) AS first_seen, max(observed_at) AS last_seen,
         last_value(findings['categories'][1]['name'] ORDER BY observed_at, event_id)
           FILTER (WHERE findings['categories'][1]['name'] IS NOT NULL) AS category
  FROM video_observations WHERE observed_at < :now GROUP BY platform, video_id),
states AS (
  SELECT s.platform, s.video_id,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '7 days') <> 'public' AS gone_7d,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '15 days') <> 'public' AS gone_15d,
         last_value(a.state ORDER BY a.observed_at, a.state) FILTER (
           WHERE a.observed_at <= s.first_seen + INTERVAL '30 days') <> 'public' AS gone_30d
  FROM seen AS s JOIN availability AS a ON a.platform = s.platform AND a.video_id = s.video_id
  WHERE a.observed_at < :now GROUP BY s.platform, s.video_id),
facts AS (
  SELECT s.category, s.first_seen, t.gone_7d, t.gone_15d, t.gone_30d, 1 AS videos,
         CASE WHEN c.last_validated_at > s.last_seen AND c.last_validated_at < :now THEN c.last_validated_at
              ELSE s.last_seen END AS known_until
  FROM seen AS s JOIN states AS t ON t.platform = s.platform AND t.video_id = s.video_id
  LEFT JOIN compliance AS c ON c.platform = s.platform AND c.video_id = s.video_id),
counted AS (
  SELECT first_seen, category, gone_7d, gone_15d, gone_30d,
         gone_7d OR known_until >= first_seen + INTERVAL '7 days' AS checked_7d,
         gone_15d OR known_until >= first_seen + INTERVAL '15 days' AS checked_15d,
         gone_30d OR known_until >= first_seen + INTERVAL '30 days' AS checked_30d, videos
  FROM facts
  UNION ALL
  SELECT first_seen, category, gone_7d, gone_15d, gone_30d, checked_7d, checked_15d, checked_30d, videos
  FROM attrition_erased WHERE first_seen < :now),
dated AS (SELECT date_trunc('week', first_seen) AS week, * FROM counted)
SELECT week, category, sum(videos) AS videos,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '7 days' <= :now), 0) AS of_7d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '7 days' <= :now AND gone_7d), 0) AS gone_7d,
       CAST(sum(CASE WHEN gone_7d THEN videos ELSE 0 END) FILTER (WHERE first_seen + INTERVAL '7 days' <= :now) AS DOUBLE)
         / sum(videos) FILTER (WHERE first_seen + INTERVAL '7 days' <= :now) AS share_gone_7d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '7 days' <= :now AND checked_7d), 0) AS checked_7d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '15 days' <= :now), 0) AS of_15d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '15 days' <= :now AND gone_15d), 0) AS gone_15d,
       CAST(sum(CASE WHEN gone_15d THEN videos ELSE 0 END) FILTER (WHERE first_seen + INTERVAL '15 days' <= :now) AS DOUBLE)
         / sum(videos) FILTER (WHERE first_seen + INTERVAL '15 days' <= :now) AS share_gone_15d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '15 days' <= :now AND checked_15d), 0) AS checked_15d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '30 days' <= :now), 0) AS of_30d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '30 days' <= :now AND gone_30d), 0) AS gone_30d,
       CAST(sum(CASE WHEN gone_30d THEN videos ELSE 0 END) FILTER (WHERE first_seen + INTERVAL '30 days' <= :now) AS DOUBLE)
         / sum(videos) FILTER (WHERE first_seen + INTERVAL '30 days' <= :now) AS share_gone_30d,
       coalesce(sum(videos) FILTER (WHERE first_seen + INTERVAL '30 days' <= :now AND checked_30d), 0) AS checked_30d
FROM dated WHERE :since IS NULL OR week >= date_trunc('week', :since)
GROUP BY week, category ORDER BY week, category
