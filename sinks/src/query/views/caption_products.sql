-- One row per product that a caption names; `catalog_id` is null for those that are not the catalogue's. Spans are UTF-8 bytes.
-- Of each video's newest observation.
SELECT video_id, observed_at, found['name'] AS name, found['brand'] AS brand, found['catalog_id'] AS catalog_id,
       found['attributes'] AS attributes, found['confidence'] AS confidence, found['start'] AS span_start, found['end'] AS span_end, platform
FROM (SELECT video_id, platform, observed_at, unnest(findings['products']) AS found FROM newest_videos)
WHERE found IS NOT NULL
