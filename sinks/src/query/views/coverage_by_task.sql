-- One row per task: how complete is what it brought?
--
-- `days_asked` are the UTC days of the windows asked for, `days_missing` those of them that no answer covers to its end,
-- from `first_missing` to `last_missing`; null for tasks that ask for no window. `complete_cycles` ended because the
-- source had no more, `last_complete` is when the last of them did; `more_left`: at the last poll the source said that
-- there is more. `interrupted` polls ended by a fault, a block, a refused credential or a spent
-- quota; `silent_zeros` brought nothing where that
-- is not believed, and `suspect` says that the last poll did. `requested`, `window_start` and `window_end` are null for
-- tasks that ask for no number or no window.
WITH windows AS (
  SELECT provenance['task'] AS task, provenance['connector'] AS connector,
         unnest(generate_series(date_trunc('day', window_start), window_end - INTERVAL '1 microsecond',
                                INTERVAL '1 day')) AS day,
         NOT has_more AND stop_reason IN ('continue', 'exhausted') AS answered
  FROM coverage WHERE window_start < window_end),
days AS (SELECT task, connector, day, bool_or(answered) AS answered FROM windows GROUP BY task, connector, day),
gaps AS (
  SELECT task, connector, count(*) AS days_asked, count(*) FILTER (WHERE NOT answered) AS days_missing,
         min(day) FILTER (WHERE NOT answered) AS first_missing, max(day) FILTER (WHERE NOT answered) AS last_missing
  FROM days GROUP BY task, connector),
polls AS (
  SELECT provenance['task'] AS task, provenance['connector'] AS connector, count(*) AS polls, sum(requests) AS requests,
         sum(requested) AS requested, sum(got) AS got, sum("new") AS fresh, sum(rejected) AS rejected,
         count(*) FILTER (WHERE stop_reason = 'exhausted') AS complete_cycles,
         count(*) FILTER (WHERE stop_reason IN ('fault', 'blocked', 'quota', 'auth')) AS interrupted,
         count(*) FILTER (WHERE stop_reason = 'silent_zero') AS silent_zeros,
         min(window_start) AS window_start,
         max(window_end) FILTER (WHERE window_start IS NOT NULL) AS window_end,
         min(observed_at) AS first_poll, max(observed_at) AS last_poll,
         max(observed_at) FILTER (WHERE stop_reason = 'exhausted') AS last_complete,
         last_value(has_more ORDER BY observed_at, page) AS more_left,
         last_value(stop_reason ORDER BY observed_at, page) AS last_stop,
         last_value(fault ORDER BY observed_at, page) FILTER (WHERE fault IS NOT NULL) AS last_fault,
         max(observed_at) FILTER (WHERE fault IS NOT NULL) AS last_fault_at
  FROM coverage
  GROUP BY provenance['task'], provenance['connector'])
SELECT polls.task, polls.connector, polls, requests, requested, got, fresh, rejected, complete_cycles, interrupted,
       silent_zeros, last_stop = 'silent_zero' AS suspect, window_start, window_end, days_asked, days_missing,
       first_missing, last_missing, first_poll, last_poll, last_complete, more_left, last_stop, last_fault, last_fault_at
FROM polls LEFT JOIN gaps ON gaps.task = polls.task AND gaps.connector = polls.connector
