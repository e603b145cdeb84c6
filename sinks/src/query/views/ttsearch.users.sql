-- One row per TikTok account, under the names of TT-Search's table of users.
SELECT CAST(numeric_id AS VARCHAR) AS id, handle AS username, nickname AS display_name, bio AS description, followers,
       following, likes, videos, verified, observed_at AS scraped_at
FROM creators WHERE platform = 'tiktok'
