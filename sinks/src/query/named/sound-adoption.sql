-- How new sounds spread
-- Row: one of the 50 sounds first used in the last 60 days that most creators took up in their first 7 days. Days are of 24
-- hours from the first use, the first is day 1. peak_day is the day of most posts (the first of equals), days_to_half how
-- long after it a whole day brought half as many or fewer; null and censored when that has not happened yet.
-- median_followers is over the creators of days 1 to 3. Until week_complete, creators_7d still grows.
-- :now the end (not included)
-- :region only uses in this region
WITH uses AS (
  SELECT platform, music_id, video_id, creator_id, create_time, followers_at_post FROM videos
  WHERE music_id IS NOT NULL AND create_time < :now AND (:region IS NULL OR region_code = :region)),
firsts AS (
  SELECT platform, music_id, min(create_time) AS first_use FROM uses
  GROUP BY platform, music_id HAVING min(create_time) >= :now - INTERVAL '60 days'),
aged AS (
  SELECT u.platform, u.music_id, u.creator_id, u.followers_at_post, f.first_use,
         CAST(floor((date_part('epoch', u.create_time) - date_part('epoch', f.first_use)) / 86400) AS BIGINT) + 1 AS day,
         CAST(floor((date_part('epoch', :now) - date_part('epoch', f.first_use)) / 86400) AS BIGINT) AS whole_days
  FROM uses AS u JOIN firsts AS f USING (platform, music_id)),
top AS (
  SELECT platform, music_id, min(first_use) AS first_use, min(whole_days) AS whole_days, count(*) AS videos,
         count(DISTINCT creator_id) FILTER (WHERE day <= 7) AS creators_7d
  FROM aged GROUP BY platform, music_id ORDER BY creators_7d DESC, music_id, platform LIMIT 50),
daily AS (
  SELECT a.platform, a.music_id, a.day, count(*) AS posts
  FROM aged AS a JOIN top AS t USING (platform, music_id) GROUP BY a.platform, a.music_id, a.day),
peaks AS (
  SELECT platform, music_id, first_value(day ORDER BY posts DESC, day) AS peak_day, max(posts) AS peak_posts
  FROM daily GROUP BY platform, music_id),
later AS (
  SELECT platform, music_id, peak_day, peak_posts, unnest(generate_series(peak_day + 1, whole_days)) AS day
  FROM peaks JOIN (SELECT platform, music_id, whole_days FROM top) AS t USING (platform, music_id)
  WHERE whole_days > peak_day),
halves AS (
  SELECT l.platform, l.music_id, min(l.day - l.peak_day) AS days_to_half
  FROM later AS l LEFT JOIN daily AS d ON d.platform = l.platform AND d.music_id = l.music_id AND d.day = l.day
  WHERE 2 * coalesce(d.posts, 0) <= l.peak_posts GROUP BY l.platform, l.music_id),
early AS (
  SELECT platform, music_id, median(followers) AS median_followers
  FROM (SELECT platform, music_id, creator_id, max(followers_at_post) AS followers FROM aged
        WHERE day <= 3 AND creator_id IS NOT NULL GROUP BY platform, music_id, creator_id)
  GROUP BY platform, music_id)
SELECT t.music_id, t.first_use, t.videos, t.creators_7d, t.whole_days >= 7 AS week_complete, p.peak_day, p.peak_posts,
       h.days_to_half, h.days_to_half IS NULL AS censored, e.median_followers, t.platform
FROM top AS t
JOIN peaks AS p ON p.platform = t.platform AND p.music_id = t.music_id
LEFT JOIN halves AS h ON h.platform = t.platform AND h.music_id = t.music_id
LEFT JOIN early AS e ON e.platform = t.platform AND e.music_id = t.music_id
ORDER BY t.creators_7d DESC, t.music_id, t.platform
