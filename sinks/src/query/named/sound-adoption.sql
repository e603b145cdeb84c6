-- How new sounds spread
-- Row: one of the 50 sounds first used in the last 60 days that most creators took up in their first 7 days. Days are of 24
-- hours from the first use, the first is day 1. peak_day is the day of most posts (the first of equals), days_to_half how
-- long after it a whole day brought half as many or fewer; null and censored when that has not happened yet.
-- median_followers is over the creators of days 1 to 3. Until week_complete, creators_7d still grows.
-- :now the end (not included)
-- :region only uses in this region
WITH uses AS (
  SELECT platform, music_id, creator_id, create_time, followers_at_post FROM videos
  WHERE music_id IS NOT NULL AND create_time < :now AND (:region IS NULL OR region_code = :region)),
firsts AS (
  SELECT platform, music_id, min(create_time) AS first_use FROM uses
  GROUP BY platform, music_id HAVING min(create_time) >= :now - INTERVAL '60 days'),
aged AS (
  SELECT u.platform, u.music_id, u.creator_id, u.followers_at_post, f.first_use,
         CAST(floor((date_part('epoch', u.create_time) - date_part('epoch', f.first_use)) / 86400) AS BIGINT) + 1 AS day,
         CAST(floor((date_part('epoch', :now) - date_part('epoch', f.first_use)) / 86400) AS BIGINT) AS whole_days
  FROM uses AS u JOIN firsts AS f USING (platform, music_id)),
adopters AS (
  SELECT platform, music_id, first_use, whole_days, creator_id, min(day) AS first_day, array_agg(day) AS days,
         max(followers_at_post) FILTER (WHERE day <= 3) AS followers
  FROM aged GROUP BY platform, music_id, first_use, whole_days, creator_id),
top AS (
  SELECT platform, music_id, first_use, whole_days, flatten(array_agg(days)) AS days,
         count(creator_id) FILTER (WHERE first_day <= 7) AS creators_7d,
         median(followers) FILTER (WHERE creator_id IS NOT NULL) AS median_followers
  FROM adopters GROUP BY platform, music_id, first_use, whole_days ORDER BY creators_7d DESC, music_id, platform LIMIT 50),
daily AS (
  SELECT platform, music_id, first_use, whole_days, creators_7d, median_followers, day, count(*) AS posts
  FROM (SELECT *, unnest(days) AS day FROM top)
  GROUP BY platform, music_id, first_use, whole_days, creators_7d, median_followers, day),
spread AS (
  SELECT *, sum(posts) OVER sound AS videos, max(posts) OVER sound AS peak_posts,
         first_value(day) OVER (PARTITION BY platform, music_id ORDER BY posts DESC, day) AS peak_day,
         lead(day) OVER (PARTITION BY platform, music_id ORDER BY day) AS next_day
  FROM daily WINDOW sound AS (PARTITION BY platform, music_id)),
-- A day without a post is no row: it is found behind the row before it.
halves AS (
  SELECT platform, music_id, first_use, whole_days, creators_7d, median_followers, videos, peak_posts, peak_day,
         min(CASE WHEN day > peak_day AND day <= whole_days AND 2 * posts <= peak_posts THEN day
                  WHEN day >= peak_day AND day < whole_days AND (next_day IS NULL OR next_day > day + 1) THEN day + 1 END)
           - peak_day AS days_to_half
  FROM spread
  GROUP BY platform, music_id, first_use, whole_days, creators_7d, median_followers, videos, peak_posts, peak_day)
SELECT music_id, first_use, CAST(videos AS BIGINT) AS videos, creators_7d, whole_days >= 7 AS week_complete, peak_day,
       peak_posts, days_to_half, days_to_half IS NULL AS censored, median_followers, platform
FROM halves ORDER BY creators_7d DESC, music_id, platform
