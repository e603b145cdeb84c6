-- One row per query and UTC day: how complete is what it brought, and is it to be trusted? A query is a task; `query_id` is its
-- name. The ledger's own rows, one a poll, are the table `coverage`.
--
-- `windows_planned` are the windows of time that were asked for, `windows_finished` those whose answer the source called
-- complete, `windows_failed` those that ended by a fault, a block, a refused credential, a spent quota or a zero that is not
-- believed; 0 for tasks that ask for no window. `requested` is null for tasks that ask for no number. `distinct_new` are the
-- videos that the lake had not seen before by any query: over all days they are the videos whose first row this query
-- brought. `complete_share` is how many of the cycles and windows that ended did so because there was no more.
-- `canary_ok` is false when an empty answer was not believed, true when something came, null when nothing came and
-- nothing speaks against it; `suspect` says the same as a flag. `terminated_by` is why the day's last poll stopped.
WITH polls AS (
  SELECT provenance['task'] AS query_id, provenance['connector'] AS connector, CAST(observed_at AS DATE) AS day,
         window_start, window_end, provenance['cycle'] AS cycle, requested, got, has_more, stop_reason, fault, page,
         observed_at, NOT has_more AND stop_reason IN ('continue', 'exhausted') AS complete,
         stop_reason IN ('fault', 'blocked', 'quota', 'auth', 'silent_zero') AS broken
  FROM coverage),
windows AS (
  SELECT query_id, day, count(*) AS planned, count(*) FILTER (WHERE complete) AS finished,
         count(*) FILTER (WHERE broken AND NOT complete) AS failed
  FROM (
    SELECT query_id, day, bool_or(complete) AS complete, bool_or(broken) AS broken
    FROM polls WHERE window_start < window_end GROUP BY query_id, day, cycle, window_start, window_end)
  GROUP BY query_id, day),
days AS (
  SELECT query_id, day, max(connector) AS connector, count(*) AS polls, sum(requested) AS requested, sum(got) AS returned,
         count(*) FILTER (WHERE complete) AS completed, count(*) FILTER (WHERE complete OR stop_reason <> 'continue') AS ended,
         count(*) FILTER (WHERE broken) AS interrupted, bool_or(stop_reason = 'silent_zero') AS suspect,
         last_value(stop_reason ORDER BY observed_at, page) AS terminated_by,
         last_value(fault ORDER BY observed_at, page) FILTER (WHERE fault IS NOT NULL) AS last_fault
  FROM polls GROUP BY query_id, day),
firsts AS (
  SELECT first_value(provenance['task'] ORDER BY provenance['fetched_at'], observed_at, event_id) AS query_id,
         CAST(min(provenance['fetched_at']) AS DATE) AS day
  FROM video_observations GROUP BY platform, video_id),
fresh AS (SELECT query_id, day, count(*) AS distinct_new FROM firsts GROUP BY query_id, day)
SELECT coalesce(d.query_id, n.query_id) AS query_id, coalesce(d.day, n.day) AS day, d.connector,
       coalesce(w.planned, 0) AS windows_planned, coalesce(w.finished, 0) AS windows_finished,
       coalesce(w.failed, 0) AS windows_failed, coalesce(d.polls, 0) AS polls, d.requested,
       coalesce(d.returned, 0) AS returned, coalesce(n.distinct_new, 0) AS distinct_new,
       d.completed * 1.0 / nullif(d.ended, 0) AS complete_share, coalesce(d.interrupted, 0) AS interrupted,
       CASE WHEN d.suspect THEN false WHEN d.returned > 0 THEN true END AS canary_ok,
       coalesce(d.suspect, false) AS suspect, d.terminated_by, d.last_fault
FROM days AS d
LEFT JOIN windows AS w ON w.query_id = d.query_id AND w.day = d.day
FULL JOIN fresh AS n ON n.query_id = d.query_id AND n.day = d.day
