-- One row per video and age of 24, 72 or 168 hours: the newest observation made in the second half of the hours up to it, with
-- the columns about counts. `hours` is the age, `observations` how many were made in that time.
SELECT * FROM (
  SELECT event_id, platform, video_id, observed_at, provenance, created_at, created_at_derived, author, stats, counts_rounded,
         unavailable, kafka_partition, kafka_offset, landed_at, observed_date, hours,
         min(observed_at) OVER (PARTITION BY platform, video_id, hours) AS first_observed_at,
         count(*) OVER (PARTITION BY platform, video_id, hours) AS observations,
         row_number() OVER (PARTITION BY platform, video_id, hours
                            ORDER BY observed_at DESC, provenance['fetched_at'] DESC, event_id DESC) AS newest
  FROM (
    SELECT *, CASE WHEN age > 0.5 * 24 AND age <= 24 THEN CAST(24 AS INT) WHEN age > 0.5 * 72 AND age <= 72 THEN CAST(72 AS INT)
                   WHEN age > 0.5 * 168 AND age <= 168 THEN CAST(168 AS INT) END AS hours
    FROM (
      SELECT *, (date_part('epoch', observed_at) - date_part('epoch', created_at)) / 3600.0 AS age
      FROM video_observations))
  WHERE hours IS NOT NULL)
WHERE newest = 1
