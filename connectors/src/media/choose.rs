//! Which form of a file is fetched first, and which when that one is refused.

use super::Format;
use std::cmp::Reverse;
use tidelake_schemas::MediaKind;

/// What is wanted of films.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The shorter side, in pixels: 1080 is what people call 1080p. Where every form is larger, the smallest is taken.
    pub quality: u32,
    /// Longer files are not fetched.
    pub max_bytes: u64,
}

/// The forms worth fetching, the best first. Pictures: the widest. Films: without TikTok's mark before with it; then the
/// sharpest up to the wanted quality; then H.264, which plays everywhere, before H.265, of which some files hold no sound
/// or are not there (tiktok-surfaces §11); then the most bits; then as listed.
pub fn ranked<'a>(kind: MediaKind, formats: &'a [Format], wanted: &Wanted) -> Vec<&'a Format> {
    let mut all: Vec<&Format> = formats.iter().filter(|format| is_fetchable(format, wanted)).collect();
    match kind {
        MediaKind::Thumbnail | MediaKind::Slide => all.sort_by_key(|format| Reverse(format.width)),
        MediaKind::Video => all.sort_by_key(|format| film_rank(format, wanted)),
    }
    all
}

fn is_fetchable(format: &Format, wanted: &Wanted) -> bool {
    let fits = format.bytes.and_then(|bytes| u64::try_from(bytes).ok()).is_none_or(|bytes| bytes <= wanted.max_bytes);
    // No player plays it (tiktok-surfaces §11).
    fits && format.codec.as_deref().is_none_or(|codec| !codec.starts_with("bytevc2"))
}

/// Smaller is better.
fn film_rank(format: &Format, wanted: &Wanted) -> (bool, (u8, i64), bool, Reverse<Option<i64>>) {
    let short = format.width.zip(format.height).map(|(width, height)| width.min(height));
    let sharpness = match short {
        // "540p" is 576 wide, "720p" may be 720 or a little more.
        Some(short) if short <= i64::from(wanted.quality) + i64::from(wanted.quality) / 10 => (0, -short),
        None => (1, 0),
        Some(short) => (2, short),
    };
    (format.watermark, sharpness, is_h265(format), Reverse(format.bitrate))
}

fn is_h265(format: &Format) -> bool {
    format.codec.as_deref().is_some_and(|codec| codec.starts_with("bytevc1") || codec.starts_with("h265"))
}
