-- What is in the lake
-- Row: one: totals, averages and ranges, of each video's newest observation.
SELECT * FROM overview
