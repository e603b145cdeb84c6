-- One row: how much there is, since when, and what is usual. Averages and medians are over the videos whose count is known;
-- null when there is none.
SELECT o.observations, v.videos, v.gone, v.creators, v.regions, v.languages, v.sounds, t.hashtags,
       v.first_posted, v.last_posted, o.first_observed, o.last_observed,
       v.views, v.likes, v.comments, v.shares, v.saves, v.mean_views, v.median_views, v.max_views, v.mean_likes,
       v.mean_engagement_rate
FROM (
  SELECT count(*) AS videos, count(unavailable) AS gone, count(DISTINCT creator_id) AS creators,
         count(DISTINCT region) AS regions, count(DISTINCT language) AS languages, count(DISTINCT sound_id) AS sounds,
         min(created_at) AS first_posted, max(created_at) AS last_posted, sum(views) AS views, sum(likes) AS likes,
         sum(comments) AS comments, sum(shares) AS shares, sum(saves) AS saves, avg(views) AS mean_views,
         approx_median(views) AS median_views, max(views) AS max_views, avg(likes) AS mean_likes,
         avg(engagement_rate(likes, comments, shares, views)) AS mean_engagement_rate
  FROM videos) AS v
CROSS JOIN (
  SELECT count(*) AS observations, min(observed_at) AS first_observed, max(observed_at) AS last_observed
  FROM video_observations) AS o
CROSS JOIN (SELECT count(DISTINCT tag) AS hashtags FROM video_hashtags) AS t
