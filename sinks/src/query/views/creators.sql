-- One row per creator, by handle (without regard to case): the newest observation. `creator_id` is the key that `videos` has,
-- '@' and the handle in lower case; `numeric_id` is the platform's own number where it is one.
SELECT handle, '@' || lower(handle) AS creator_id, nickname, bio, bio_url, verified, private, region, language, created_at,
       followers, following, likes, videos, counts_rounded, observed_at, first_observed_at, observations, unavailable,
       connector, zone, platform, native_id, numeric_id
FROM (
  SELECT handle, creator_id AS numeric_id, nickname, bio, bio_url, verified, private, region, language, created_at,
         stats['followers'] AS followers, stats['following'] AS following, stats['likes'] AS likes,
         stats['videos'] AS videos, counts_rounded, observed_at, unavailable, provenance['connector'] AS connector,
         provenance['zone'] AS zone, platform, native_id, first_observed_at, observations
  FROM newest_creators)
