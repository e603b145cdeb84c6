-- One row per video: its counts at 24 hours of age. See the function stats_at.
SELECT * FROM stats_at(INTERVAL '24 hours')
