-- One row per video, model and prompt: the answer about the caption that was observed last. The same caption may have been
-- asked about more than once; a failure never hides an answer.
SELECT video_id, observed_at, model, prompt_version, answer, tokens, asked_at, caption_hash, native_id, platform
FROM (
  SELECT *, row_number() OVER (PARTITION BY platform, video_id, model, prompt_version
                               ORDER BY observed_at DESC, asked_at DESC, event_id DESC) AS newest
  FROM annotations WHERE status = 'answered')
WHERE newest = 1
