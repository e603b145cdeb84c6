-- One row per observation of a video: could it be seen? `state` is 'public', or why not: 'private', or what the source says.
SELECT video_id, observed_at,
       coalesce(unavailable, CASE WHEN is_private THEN 'private' ELSE 'public' END) AS state, platform
FROM video_observations
