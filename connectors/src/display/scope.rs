//! Scopes and the fields they guard (tiktok-surfaces §4).

use std::fmt;
use std::str::FromStr;

/// The fields of a video (`video.list`).
#[rustfmt::skip]
pub const VIDEO_FIELDS: [&str; 15] = [
    "id", "create_time", "cover_image_url", "share_url", "video_description", "title", "duration", "height", "width",
    "embed_link", "like_count", "comment_count", "share_count", "view_count", "is_aigc",
];

/// What an owner may grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Ids, picture, shown name.
    UserInfoBasic,
    /// Handle, biography, badge, link.
    UserInfoProfile,
    /// Followers, following, likes, videos.
    UserInfoStats,
    /// Public videos.
    VideoList,
}

/// Not a scope of the Display API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no scope of the Display API; scopes are user.info.basic, user.info.profile, user.info.stats and video.list"
)]
pub struct UnknownScope(pub String);

impl Scope {
    /// Every scope: what `tidelake login` asks for.
    pub const ALL: [Self; 4] = [Self::UserInfoBasic, Self::UserInfoProfile, Self::UserInfoStats, Self::VideoList];

    /// As TikTok writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserInfoBasic => "user.info.basic",
            Self::UserInfoProfile => "user.info.profile",
            Self::UserInfoStats => "user.info.stats",
            Self::VideoList => "video.list",
        }
    }

    /// The fields of `user/info` that it guards and that an observation has a place for.
    pub(super) fn user_fields(self) -> &'static [&'static str] {
        match self {
            Self::UserInfoBasic => &["open_id", "display_name"],
            Self::UserInfoProfile => &["bio_description", "is_verified", "profile_deep_link", "username"],
            Self::UserInfoStats => &["follower_count", "following_count", "likes_count", "video_count"],
            Self::VideoList => &[],
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let text = text.trim();
        Self::ALL.into_iter().find(|scope| scope.name() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}
