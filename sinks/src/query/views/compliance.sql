-- One row per video: when it was last confirmed, by any route that saw it or by the duty to refresh what the Research API
-- gave, and what was found: 'valid' or 'gone'.
--
-- The duty asks about ids by thousands and lands a row only for those that are gone; what is still valid follows from the
-- ledger. An answered batch covers the ids above `after`, up to the next batch's, that were stored before the cycle's first
-- answer less the time that commits may take to settle. What cannot be shown to have been asked about counts as not confirmed.
WITH polls AS (
  SELECT provenance['task'] AS task, provenance['cycle'] AS cycle, observed_at, window_end AS stored_before, has_more, asked,
         coalesce(CAST(regexp_match(asked, ' after ([0-9]+)')[1] AS BIGINT), 0) AS after
  FROM coverage WHERE starts_with(asked, 'compliance of ') AND asked LIKE '% video ids%' AND window_end IS NOT NULL),
starts AS (
  SELECT task, cycle, after, lead(after) OVER (PARTITION BY task, cycle ORDER BY after) AS up_to
  FROM (SELECT DISTINCT task, cycle, after FROM polls)),
answers AS (
  SELECT p.after, coalesce(s.up_to, CASE WHEN NOT p.has_more THEN 9223372036854775807 END) AS up_to, p.stored_before,
         p.observed_at
  FROM polls AS p JOIN starts AS s ON s.task = p.task AND s.cycle = p.cycle AND s.after = p.after
  WHERE p.asked LIKE '% valid, % gone'),
-- Whatever of a video came by the Research API is stored, whoever saw the video last.
given AS (
  SELECT video_id, min(landed_at) AS landed_at FROM video_observations
  WHERE platform = 'tiktok' AND provenance['zone'] = 'research' GROUP BY video_id),
confirmed AS (
  SELECT g.video_id, max(a.observed_at) AS validated_at
  FROM given AS g JOIN answers AS a
    ON g.video_id > a.after AND g.video_id <= a.up_to AND g.landed_at < a.stored_before
  GROUP BY g.video_id)
SELECT v.video_id,
       CASE WHEN v.platform = 'tiktok' AND v.unavailable IS NULL AND c.validated_at > v.observed_at THEN c.validated_at
            ELSE v.observed_at END AS last_validated_at,
       CASE WHEN v.unavailable IS NULL THEN 'valid' ELSE 'gone' END AS outcome, v.platform
FROM newest_videos AS v LEFT JOIN confirmed AS c ON c.video_id = v.video_id
