-- One row per price; `currency` is the symbol as written where several could be meant. `is_discount`: part of a reduction, as
-- what is taken off, the price before, or the price now beside a price before. Spans are UTF-8 bytes.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['amount'] AS amount, found['currency'] AS currency, found['symbol'] AS symbol,
       found['kind'] AS kind, found['start'] AS span_start, found['end'] AS span_end,
       found['kind'] IN ('was', 'discount')
         OR (found['kind'] = 'now' AND bool_or(found['kind'] = 'was') OVER (PARTITION BY platform, video_id)) AS is_discount,
       platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['prices']) AS found FROM newest_videos)
WHERE found IS NOT NULL
