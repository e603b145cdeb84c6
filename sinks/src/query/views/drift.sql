-- One row per incident: its newest state, with the sample that came when it opened. `ended_at` is null while it is open.
SELECT incident_id, state, kind, connector, route, field, before, after, records, sample, opened_at, ended_at, task,
       message, platform
FROM (
  SELECT incident_id, state, kind, provenance['connector'] AS connector, provenance['route'] AS route, field, before,
         after, records, max(sample) OVER (PARTITION BY incident_id) AS sample, opened_at,
         CASE WHEN state <> 'open' THEN observed_at END AS ended_at, provenance['task'] AS task, message, platform,
         row_number() OVER (PARTITION BY incident_id
                            ORDER BY state = 'open', observed_at DESC, event_id DESC) AS newest
  FROM drift_incidents)
WHERE newest = 1
