-- One row per video: its counts at 72 hours of age. See the function stats_at.
SELECT * FROM stats_at(INTERVAL '72 hours')
