//! Media: what is to be fetched and what became of it. Mirrors `media_order.avsc` and `media_entry.avsc`, where each
//! field is documented.

#![allow(missing_docs, reason = "each field is documented in the .avsc file it mirrors")]

use crate::observation::Provenance;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The variant of what is stored as it came.
pub const ORIGINAL: &str = "original";

/// What a file is of a video or photo post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A still picture of it.
    Thumbnail,
    /// The film.
    Video,
    /// One picture of a photo post.
    Slide,
}

impl MediaKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Thumbnail, Self::Video, Self::Slide];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// As written into the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Thumbnail => "thumbnail",
            Self::Video => "video",
            Self::Slide => "slide",
        }
    }
}

impl std::fmt::Display for MediaKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a file that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaStatus {
    /// It is in the store.
    Stored,
    /// The same bytes are in the store already.
    Duplicate,
    /// What came is damaged or cut.
    SkippedCorrupt,
    /// Its address stopped working, and there was no fresh one.
    Expired,
    /// The terms, or the source, do not give it.
    Refused,
    /// It could not be fetched. The next cycle asks again.
    Failed,
}

impl MediaStatus {
    /// Every status, in the order of their discriminants.
    pub const ALL: [Self; 6] =
        [Self::Stored, Self::Duplicate, Self::SkippedCorrupt, Self::Expired, Self::Refused, Self::Failed];

    /// As written into the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Duplicate => "duplicate",
            Self::SkippedCorrupt => "skipped_corrupt",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// Whether asking again for the same thing would bring the same.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Stored | Self::Duplicate | Self::SkippedCorrupt)
    }
}

/// Where a file can be fetched.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaAddress {
    pub url: String,
    pub expires_at: Option<Timestamp>,
}

/// Whoever has a signed address may use it: only the part before the query is shown.
impl std::fmt::Debug for MediaAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (url, expires_at) = (unsigned(&self.url), self.expires_at);
        f.debug_struct("MediaAddress").field("url", &url).field("expires_at", &expires_at).finish()
    }
}

/// An address without query and fragment, where signatures are.
pub fn unsigned(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// One file to be fetched and stored (`media_order.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaOrder {
    pub event_id: String,
    pub platform: String,
    pub video_id: i64,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    /// [`MediaKind::name`].
    pub kind: String,
    pub position: i32,
    pub variant: String,
    pub addresses: Vec<MediaAddress>,
    pub renew_from: Option<String>,
    pub refused: Option<String>,
    pub product: Option<String>,
    pub price: Option<String>,
}

impl MediaOrder {
    /// Whether both are made of the same file.
    pub fn is_of_same_file(&self, other: &Self) -> bool {
        let of = |order: &Self| (order.video_id, order.position, order.provenance.cycle);
        of(self) == of(other)
            && self.kind == other.kind
            && self.provenance.task == other.provenance.task
            && self.refused == other.refused
    }
}

/// What became of it (`media_entry.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MediaEntry {
    pub event_id: String,
    pub platform: String,
    pub video_id: i64,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub kind: String,
    pub position: i32,
    pub variant: String,
    /// [`MediaStatus::name`].
    pub status: String,
    pub reason: Option<String>,
    pub source_url: Option<String>,
    pub format: Option<String>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub bytes: Option<i64>,
    pub sha256: Option<String>,
    pub path: Option<String>,
}

impl MediaEntry {
    /// The entry of an order, before it is known what became of it.
    pub fn of(order: &MediaOrder, status: MediaStatus) -> Self {
        Self {
            event_id: order.event_id.clone(),
            platform: order.platform.clone(),
            video_id: order.video_id,
            observed_at: order.observed_at,
            provenance: order.provenance.clone(),
            kind: order.kind.clone(),
            position: order.position,
            variant: order.variant.clone(),
            status: status.name().to_owned(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn orders_and_entries_come_back() {
        let address =
            MediaAddress { url: "https://p.example/1?x-signature=hush".into(), expires_at: Some(Timestamp(7)) };
        let order = MediaOrder {
            event_id: "e".into(),
            video_id: 7,
            kind: MediaKind::Slide.name().into(),
            position: 2,
            addresses: vec![address],
            price: Some("€ 9".into()),
            ..MediaOrder::default()
        };
        assert!(!format!("{order:?}").contains("hush"));
        assert_eq!(codec::decode::<MediaOrder>(&codec::encode(&order).expect("encodes")).expect("decodes"), order);
        let entry = MediaEntry { width: Some(9), ..MediaEntry::of(&order, MediaStatus::Stored) };
        assert_eq!(codec::decode::<MediaEntry>(&codec::encode(&entry).expect("encodes")).expect("decodes"), entry);
    }
}
