//! Pictures and films: which files a source names ([`MediaRef`]), which of their formats is best ([`choose`]), what the
//! source's terms allow to keep ([`terms`]), and how they are fetched ([`MediaClient`]).
//!
//! Addresses are signed and stop working (tiktok-surfaces §11), so what is kept is the video's id and the content, never
//! the address. Nothing is done to make an address work that the source does not give us: no session's cookies are
//! carried along.

pub mod choose;
mod client;
mod item;
pub mod terms;
#[cfg(test)]
mod tests;

pub use client::{FetchSettings, MediaClient};
pub use item::of_item;

use crate::{display, oembed, web};
use tidelake_schemas::{MediaKind, Timestamp};
use url::Url;

/// The connectors that name files, and that files are fetched for.
pub const CONNECTORS: [&str; 3] = [display::CONNECTOR, oembed::CONNECTOR, web::CONNECTOR];

/// One file that a source names.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaRef {
    /// The video or photo post.
    pub video_id: i64,
    /// What of it.
    pub kind: MediaKind,
    /// Place among those of its kind, from 0.
    pub position: i32,
    /// The forms it comes in, as listed.
    pub formats: Vec<Format>,
    /// Where a fresh address can be asked for: an account of the Display API, or the address of a page.
    pub renew_from: Option<String>,
}

impl MediaRef {
    /// The picture of a video.
    pub fn thumbnail(video_id: i64, format: Format, renew_from: impl Into<String>) -> Self {
        let renew_from = Some(renew_from.into());
        Self { video_id, kind: MediaKind::Thumbnail, position: 0, formats: vec![format], renew_from }
    }
}

/// One form of a file. What the source does not say is `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Format {
    /// Where it is.
    pub url: String,
    /// When the address stops working.
    pub expires_at: Option<Timestamp>,
    /// Pixels.
    pub width: Option<i64>,
    /// Pixels.
    pub height: Option<i64>,
    /// Bits per second.
    pub bitrate: Option<i64>,
    /// Length.
    pub bytes: Option<i64>,
    /// As TikTok names it, e.g. `h264`, or `bytevc1` for H.265.
    pub codec: Option<String>,
    /// With TikTok's mark on it.
    pub watermark: bool,
}

impl Format {
    /// An address, with the instant at which it says that it ends.
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), expires_at: expires_at(url), ..Self::default() }
    }
}

/// Whoever has a signed address may use it: only the part before the query is shown.
impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = tidelake_schemas::media::unsigned(&self.url);
        write!(f, "{url} {:?}x{:?} {:?}", self.width, self.height, self.codec)?;
        write!(f, " {:?} bit/s, {:?} bytes, until {:?}", self.bitrate, self.bytes, self.expires_at)
    }
}

/// When a signed address stops working: `x-expires` of pictures, `expire` of films, in Unix seconds.
pub fn expires_at(url: &str) -> Option<Timestamp> {
    let url = Url::parse(url).ok()?;
    let given = url.query_pairs().find(|(name, _)| name == "x-expires" || name == "expire");
    let seconds = given.and_then(|(_, seconds)| seconds.parse().ok()).filter(|seconds| *seconds > 0)?;
    Timestamp::from_secs(seconds)
}
