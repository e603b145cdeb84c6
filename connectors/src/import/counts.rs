//! Counts: the same number under several names, as number or decimal string.

use super::fields::count;
use serde_json::Value;
use tidelake_schemas::{CreatorStats, VideoStats};

/// A video's counts; earlier sources win, later ones fill what is missing.
pub(super) fn video(sources: &[Option<&Value>]) -> VideoStats {
    let find = |keys: &[&str]| sources.iter().flatten().find_map(|source| count(source, keys));
    VideoStats {
        views: find(&["playCount", "viewCount", "play_count"]),
        likes: find(&["diggCount", "likeCount", "digg_count"]),
        comments: find(&["commentCount", "comment_count"]),
        shares: find(&["shareCount", "share_count"]),
        saves: find(&["collectCount", "collect_count"]),
        reposts: find(&["repostCount"]),
    }
}

/// A creator's counts; earlier sources win, later ones fill what is missing.
pub(super) fn creator(sources: &[Option<&Value>]) -> CreatorStats {
    let find = |keys: &[&str]| sources.iter().flatten().find_map(|source| count(source, keys));
    CreatorStats {
        followers: find(&["followerCount", "follower_count", "fans"]),
        following: find(&["followingCount", "following_count", "following"]),
        likes: find(&["heartCount", "heart", "total_favorited"]),
        videos: find(&["videoCount", "aweme_count", "video"]),
        likes_given: find(&["diggCount", "favoriting_count", "digg"]),
        friends: find(&["friendCount"]),
    }
}

/// Whether nothing was said.
pub(super) fn none_known(stats: &CreatorStats) -> bool {
    *stats == CreatorStats::default()
}
