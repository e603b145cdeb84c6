-- One row per video: its counts at 7 days of age. See the function stats_at.
SELECT * FROM stats_at(INTERVAL '7 days')
