//! Dated observations of videos, creators, comments, hashtags and sounds. Mirrors `schemas/avro/*.avsc`,
//! where each field is documented with its unit; a count the source did not give is `None`, never 0.

#![allow(missing_docs, reason = "each field is documented in the .avsc file it mirrors")]

use crate::amount::Amount;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Where an observation came from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    pub connector: String,
    pub route: String,
    pub task: String,
    pub cycle: i64,
    pub fetched_at: Timestamp,
    pub zone: String,
    pub origin: Option<String>,
}

/// The creator as named by a video or a comment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuthorRef {
    pub id: Option<i64>,
    pub handle: Option<String>,
    pub nickname: Option<String>,
    pub sec_uid: Option<String>,
    pub verified: Option<bool>,
    pub private: Option<bool>,
    pub native_id: Option<String>,
}

/// The sound a video uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoundRef {
    pub id: Option<i64>,
    pub title: Option<String>,
    pub author: Option<String>,
    pub original: Option<bool>,
    pub duration_s: Option<i32>,
}

/// A hashtag as the source lists it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HashtagRef {
    pub id: Option<i64>,
    pub name: String,
}

/// A span of the caption as the source marks it, in UTF-16 code units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptionEntity {
    /// `hashtag` or `mention`.
    pub kind: String,
    pub start_utf16: i32,
    pub end_utf16: i32,
    pub name: Option<String>,
    pub target_id: Option<i64>,
}

/// A video's counts at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoStats {
    pub views: Option<i64>,
    pub likes: Option<i64>,
    pub comments: Option<i64>,
    pub shares: Option<i64>,
    pub saves: Option<i64>,
    pub reposts: Option<i64>,
}

/// A video as seen at one instant by one route (`video_observation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VideoObservation {
    pub event_id: String,
    pub platform: String,
    pub video_id: i64,
    pub native_id: Option<String>,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub created_at: Option<Timestamp>,
    pub created_at_derived: bool,
    pub author: AuthorRef,
    pub caption: Option<String>,
    pub caption_entities: Vec<CaptionEntity>,
    pub source_hashtags: Option<Vec<HashtagRef>>,
    pub source_mentions: Option<Vec<String>>,
    pub region: Option<String>,
    pub source_language: Option<String>,
    /// `video` or `photo`; of Facebook also `reel` and `post`.
    pub kind: Option<String>,
    pub duration_s: Option<i32>,
    pub width: Option<i32>,
    pub height: Option<i32>,
    pub sound: SoundRef,
    pub stats: VideoStats,
    pub counts_rounded: bool,
    pub voice_to_text: Option<String>,
    pub effect_ids: Option<Vec<String>>,
    pub playlist_id: Option<i64>,
    pub is_ad: Option<bool>,
    pub is_aigc: Option<bool>,
    pub is_pinned: Option<bool>,
    pub is_private: Option<bool>,
    pub unavailable: Option<String>,
}

/// A finding and where it stands in the caption, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextSpan {
    pub text: String,
    pub start: i32,
    pub end: i32,
}

/// A language verdict: ISO 639-1 code or `und`, and a confidence from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Language {
    pub code: String,
    pub confidence: f64,
}

/// No evidence: `und`, 0.
impl Default for Language {
    fn default() -> Self {
        Self { code: "und".into(), confidence: 0.0 }
    }
}

/// What the stages found in a caption.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CaptionFindings {
    pub language: Language,
    pub hashtags: Vec<TextSpan>,
    pub mentions: Vec<TextSpan>,
    pub cashtags: Vec<TextSpan>,
    pub urls: Vec<TextSpan>,
    pub emojis: Vec<TextSpan>,
    pub prices: Vec<PriceFinding>,
    pub sentiment: Option<Sentiment>,
    pub calls_to_action: Vec<CallToAction>,
    pub offers: Vec<Offer>,
    pub products: Vec<Product>,
    pub hashtag_words: Vec<TextSpan>,
    pub keywords: Vec<Keyword>,
    pub tags: Vec<String>,
    pub categories: Vec<Category>,
    pub seo: Option<Seo>,
    pub transformers: Option<TransformerFindings>,
}

/// A price named in a caption, and where it stands, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PriceFinding {
    pub amount: Amount,
    pub currency: Option<String>,
    pub symbol: Option<String>,
    pub kind: String,
    pub start: i32,
    pub end: i32,
}

/// How a caption feels, by VADER.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    pub compound: f64,
    pub pos: f64,
    pub neu: f64,
    pub neg: f64,
    pub label: String,
}

/// Something a caption asks its reader to do, and where, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallToAction {
    #[serde(rename = "type")]
    pub kind: String,
    pub strength: f64,
    pub start: i32,
    pub end: i32,
}

/// A reduction or condition that a caption advertises, and where, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    #[serde(rename = "type")]
    pub kind: String,
    pub percent: Option<f64>,
    pub code: Option<String>,
    pub start: i32,
    pub end: i32,
}

/// A product named in a caption, and where, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Product {
    pub name: String,
    pub brand: Option<String>,
    pub catalog_id: Option<String>,
    pub attributes: Vec<Attribute>,
    pub confidence: f64,
    pub start: i32,
    pub end: i32,
}

/// A property of a product: size, colour, …
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub value: String,
}

/// A word or phrase that says what a caption is about, and where it stands first, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keyword {
    pub text: String,
    pub score: f64,
    pub start: i32,
    pub end: i32,
}

/// A subject of the taxonomy, with the words that say so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub name: String,
    pub score: f64,
    pub reasons: Vec<TextSpan>,
}

/// How a video could be titled and found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seo {
    pub title: String,
    pub keywords: Vec<String>,
}

/// What transformer models say of a caption.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TransformerFindings {
    pub models: Vec<String>,
    pub embedding: Vec<f32>,
    pub sentiment: Option<ModelSentiment>,
    pub entities: Vec<NamedEntity>,
    pub categories: Vec<ModelCategory>,
}

/// A classifier's verdict on a caption.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSentiment {
    pub label: String,
    pub score: f64,
}

/// Somebody or something named in a caption, and where, by UTF-8 byte offset.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NamedEntity {
    pub kind: String,
    pub text: String,
    pub score: f64,
    pub start: i32,
    pub end: i32,
}

/// A subject that a model finds a caption to be about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCategory {
    pub name: String,
    pub score: f64,
}

/// What `enrich` appends to an observation: the last two fields of `enriched_video.avsc`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Enrichment {
    pub findings: CaptionFindings,
    /// `stage@version` of each stage that ran, in order; behind a `+` what else decided what it found.
    pub stages: Vec<String>,
}

/// A creator's counts at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CreatorStats {
    pub followers: Option<i64>,
    pub following: Option<i64>,
    pub likes: Option<i64>,
    pub videos: Option<i64>,
    pub likes_given: Option<i64>,
    pub friends: Option<i64>,
}

/// A creator as seen at one instant by one route (`creator_observation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CreatorObservation {
    pub event_id: String,
    pub platform: String,
    pub creator_id: Option<i64>,
    pub native_id: Option<String>,
    pub handle: String,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub nickname: Option<String>,
    pub sec_uid: Option<String>,
    pub bio: Option<String>,
    pub bio_url: Option<String>,
    pub verified: Option<bool>,
    pub private: Option<bool>,
    pub region: Option<String>,
    pub language: Option<String>,
    pub created_at: Option<Timestamp>,
    pub commerce: Option<bool>,
    pub category: Option<String>,
    pub stats: CreatorStats,
    pub counts_rounded: bool,
    pub unavailable: Option<String>,
}

/// A comment as seen at one instant by one route (`comment_observation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CommentObservation {
    pub event_id: String,
    pub platform: String,
    pub comment_id: i64,
    pub native_id: Option<String>,
    pub video_id: Option<i64>,
    pub parent_comment_id: Option<i64>,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub created_at: Option<Timestamp>,
    pub text: Option<String>,
    pub source_language: Option<String>,
    pub likes: Option<i64>,
    pub replies: Option<i64>,
    pub author: AuthorRef,
    pub is_pinned: Option<bool>,
    pub liked_by_creator: Option<bool>,
}

/// A hashtag as seen at one instant by one route (`hashtag_observation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HashtagObservation {
    pub event_id: String,
    pub platform: String,
    pub hashtag_id: Option<i64>,
    pub name: String,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub description: Option<String>,
    pub views: Option<i64>,
    pub videos: Option<i64>,
    pub commerce: Option<bool>,
}

/// A sound as seen at one instant by one route (`sound_observation.avsc`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoundObservation {
    pub event_id: String,
    pub platform: String,
    pub sound_id: i64,
    pub observed_at: Timestamp,
    pub provenance: Provenance,
    pub title: Option<String>,
    pub author: Option<String>,
    pub album: Option<String>,
    pub original: Option<bool>,
    pub duration_s: Option<i32>,
    pub videos: Option<i64>,
}

/// What a connector hands over: one observation of any kind.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "videos are nearly all of the traffic; boxing them would cost more")]
pub enum Observation {
    /// A video.
    Video(VideoObservation),
    /// A creator.
    Creator(CreatorObservation),
    /// A comment.
    Comment(CommentObservation),
    /// A hashtag.
    Hashtag(HashtagObservation),
    /// A sound.
    Sound(SoundObservation),
}

impl Observation {
    /// The deterministic id of this observation ([`crate::ids::event_id`]).
    pub fn event_id(&self) -> &str {
        match self {
            Self::Video(o) => &o.event_id,
            Self::Creator(o) => &o.event_id,
            Self::Comment(o) => &o.event_id,
            Self::Hashtag(o) => &o.event_id,
            Self::Sound(o) => &o.event_id,
        }
    }

    /// What kind of thing was observed.
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Video(_) => EntityKind::Video,
            Self::Creator(_) => EntityKind::Creator,
            Self::Comment(_) => EntityKind::Comment,
            Self::Hashtag(_) => EntityKind::Hashtag,
            Self::Sound(_) => EntityKind::Sound,
        }
    }
}

/// The kinds of thing that are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityKind {
    /// A video or photo post.
    Video,
    /// An account.
    Creator,
    /// A comment or a reply.
    Comment,
    /// A hashtag.
    Hashtag,
    /// A sound.
    Sound,
}

impl EntityKind {
    /// Every kind, in the order of the summary tables.
    pub const ALL: [Self; 5] = [Self::Video, Self::Creator, Self::Comment, Self::Hashtag, Self::Sound];

    /// Lower-case singular name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Video => "video",
            Self::Creator => "creator",
            Self::Comment => "comment",
            Self::Hashtag => "hashtag",
            Self::Sound => "sound",
        }
    }
}
