//! What each column says of people.
//!
//! One list for all tables and views: columns go by their names, and where a name says another thing in one table, by
//! table and name. A test holds that nothing is left out. What is not in the list counts as personal, so that a new column
//! shows nothing before somebody has thought about it.

use serde::Serialize;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Nothing of a person.
    Plain,
    /// The handle of whose row it is.
    Handle,
    /// The numeric id of whose row it is.
    Id,
    /// The platform's own id of whose row it is.
    NativeId,
    /// The number of the video that the row is about.
    VideoId,
    /// The platform's own id of that video.
    VideoNativeId,
    /// The id of another thing of somebody's, or a file of it: it leads to them as the id of a video does.
    ThingId,
    /// A name that finds somebody: a display name, a secUid, what is said of oneself.
    Name,
    /// What is known of somebody besides: counts, region, badges.
    About,
    /// What somebody wrote or said, and what was made of it; it may mention others by `@`.
    Words,
    /// A label or word that many use: a hashtag, a keyword, a product.
    Topic,
    /// Somebody who is mentioned.
    Mention,
    /// An address that may lead to somebody.
    Link,
    /// A text of ours that may name somebody: a task, a file, what was asked, what went wrong.
    Note,
    /// A hash without a key, of names among other things: whoever guesses the name can compute it and see.
    Digest,
    /// As [`Self::Note`], of a title, where most words are just words.
    Title,
    /// What a message was about: a handle, an id, anything.
    Entity,
    /// The bytes of a message.
    Raw,
}

impl Class {
    /// Whether the column says something of a person.
    pub fn is_personal(self) -> bool {
        self != Self::Plain
    }

    /// What such data is, for a record of processing.
    pub fn about(self) -> &'static str {
        match self {
            Self::Plain => "no personal data",
            Self::Handle => "handle of an account",
            Self::Id | Self::NativeId => "id of an account",
            Self::VideoId | Self::VideoNativeId => "id of a video, which leads to its account",
            Self::ThingId => "id of a comment, sound, playlist or file, which leads to its account",
            Self::Name => "name or self-description",
            Self::About => "attributes and counts of an account",
            Self::Words => "words somebody published, and what was found in them",
            Self::Topic => "hashtags, keywords, products and subjects of what somebody published",
            Self::Mention => "somebody mentioned",
            Self::Link => "address that may lead to an account",
            Self::Note | Self::Title => "text that may name an account",
            Self::Digest => "hash by which a guess of an account or text can be confirmed",
            Self::Entity => "whom or what a refused message was about",
            Self::Raw => "bytes of a refused message",
        }
    }
}

/// What a column of a table or view holds: its path is its name and, within structs and lists, the names below.
/// `None`: nobody has said.
pub fn classify(table: &str, path: &[&str]) -> Option<Class> {
    let joined = path.join(".");
    let known = |list: &[&str]| list.contains(&joined.as_str());
    if known(&DIGESTS) {
        return Some(Class::Digest);
    }
    of_table(table, &joined)
        .or_else(|| LISTS.iter().find(|(_, names)| known(names)).map(|(class, _)| *class).or_else(|| of_findings(path)))
}

/// Ids of ours are UUIDv5 of a task's name, of the record's own id and the like, the same on every machine; wherever they
/// stand.
const DIGESTS: [&str; 4] = ["event_id", "incident_id", "question_id", "caption_hash"];

/// Where a name says another thing than elsewhere.
fn of_table(table: &str, column: &str) -> Option<Class> {
    use Class::{
        About, Entity, Handle, Id, Link, Mention, Name, NativeId, Note, Plain, Raw, ThingId, Title, Topic, VideoId,
        Words,
    };
    Some(match (table, column) {
        ("creator_observations" | "newest_creators" | "creators" | "creators_current", column) => match column {
            "native_id" => NativeId,
            "creator_id" | "numeric_id" => Id,
            "category" | "verified" | "private" | "region" | "language" | "created_at" | "commerce"
            | "counts_rounded" | "followers" | "following" | "likes" | "videos" | "unavailable" => About,
            _ if column.starts_with("stats.") => About,
            _ => return None,
        },
        ("sound_observations" | "sounds", "title" | "author" | "album") => Title,
        ("comments", "native_id") => ThingId,
        ("comments", "likes" | "replies" | "is_pinned" | "liked_by_creator") => About,
        ("comments", "text") => Words,
        ("dead_letters", "entity") => Entity,
        ("dead_letters", "payload") => Raw,
        ("dead_letters", "message" | "task") => Note,
        ("coverage" | "coverage_by_task", "asked" | "fault" | "last_fault" | "task") => Note,
        ("coverage_by_query_day", "query_id" | "last_fault") => Note,
        // Accounts, by what they mention, use and share.
        ("graph_edges", "source" | "target") => Mention,
        // The same as elsewhere, under the names of another tool.
        ("ttsearch.videos", column) => match column {
            "author" => Handle,
            "id" => VideoId,
            "description" => Words,
            "hashtags" => Topic,
            "music_title" | "music_author" => Title,
            "video_url" | "cover_url" => Link,
            "create_time" | "duration" | "scraped_at" => Plain,
            _ => return None,
        },
        ("ttsearch.users", column) => match column {
            "username" => Handle,
            "id" => Id,
            "display_name" | "description" => Name,
            "followers" | "following" | "verified" => About,
            "scraped_at" => Plain,
            _ => return None,
        },
        ("drift_incidents" | "drift", "before" | "after" | "sample" | "message" | "task") => Note,
        ("media", "source_url") => Link,
        // Of a duplicate, the event that stored it.
        ("media", "reason") => Note,
        ("annotations" | "caption_annotations", "answer" | "error") => Words,
        ("catalog", "url" | "image_url") => Plain,
        ("catalog", _) => Plain,
        ("hashtag_observations" | "hashtags", "description") => Words,
        ("hashtag_observations" | "hashtags", _) if !column.starts_with("provenance") => Plain,
        ("creator_pseudonyms", "pseudonym") => Name,
        ("creator_pseudonyms", "numeric_id") => Id,
        ("video_stats", "task") => Note,
        ("caption_categories", _) if column.starts_with("reasons") => Words,
        ("caption_products", _) if column.starts_with("attributes") => Words,
        _ => return None,
    })
}

/// Columns by name.
const LISTS: [(Class, &[&str]); 14] = [
    (Class::Handle, &["handle", "author.handle", "author_handle"]),
    (Class::Id, &["creator_id", "author.id", "author_id"]),
    (Class::NativeId, &["author.native_id", "author_native_id"]),
    (Class::VideoId, &["video_id"]),
    (Class::VideoNativeId, &["native_id"]),
    (Class::Name, &["nickname", "sec_uid", "bio", "author.nickname", "author.sec_uid", "author_nickname"]),
    (Class::About, &["author.verified", "author.private", "is_private", "unavailable"]),
    (Class::Mention, &["caption_entities.name", "caption_entities.target_id", "source_mentions"]),
    (Class::Link, &["bio_url", "url"]),
    (Class::Words, &["caption", "voice_to_text", "text", "code", "title", "answer"]),
    (Class::Topic, &["keyword", "tag", "name", "brand"]),
    (
        Class::ThingId,
        &["comment_id", "parent_comment_id", "sound.id", "sound_id", "music_id", "playlist_id", "sha256", "path"],
    ),
    (Class::Title, &["sound.title", "sound.author"]),
    (Class::Plain, PLAIN),
];

#[rustfmt::skip]
const PLAIN: &[&str] = &[
    // Where a row comes from and where it stood.
    "platform", "observed_at", "fetched_at", "landed_at", "observed_date",
    "kafka_partition", "kafka_offset", "replayed", "stages", "connector", "route", "zone", "cycle", "first_observed_at",
    "observations", "newest", "provenance.connector", "provenance.route", "provenance.cycle", "provenance.fetched_at",
    "provenance.zone", "source_topic", "source_partition", "source_offset", "origin", "reason",
    // Videos and sounds as things.
    "created_at", "created_at_derived", "region", "source_language", "language", "kind", "duration_s", "width", "height",
    "sound.original", "sound.duration_s", "original", "counts_rounded", "effect_ids",
    "is_ad", "is_aigc", "is_pinned", "stats.views", "stats.likes", "stats.comments", "stats.shares", "stats.saves",
    "stats.reposts", "views", "likes", "comments", "shares", "saves", "reposts", "age_hours", "hours", "videos",
    "caption_entities.kind", "caption_entities.start_utf16", "caption_entities.end_utf16", "source_hashtags.id",
    "source_hashtags.name",
    // What was found in captions, as numbers and labels.
    "amount", "currency", "symbol", "type", "strength", "percent", "compound", "pos", "neu", "neg", "label", "score",
    "category", "confidence", "catalog_id", "span_start", "span_end", "model", "prompt_version", "tokens", "asked_at",
    // Polls and what they brought.
    "page", "window_start", "window_end", "requested", "got", "new", "fresh", "rejected", "suppressed", "has_more",
    "stop_reason", "requests", "took_ms", "polls", "complete_cycles", "interrupted", "silent_zeros", "suspect",
    "days_asked", "days_missing", "first_missing", "last_missing", "first_poll", "last_poll", "last_complete", "more_left",
    "last_stop", "last_fault_at", "opened_at", "ended_at", "state", "records", "field",
    // The same under TikTok's own names.
    "create_time", "region_code", "post_type", "followers_at_post", "is_branded", "licence", "first_seen_at",
    "view_count", "like_count", "comment_count", "share_count", "favorites_count", "source", "precision", "max_staleness_s",
    "is_discount", "cta_type",
    // Scores, what the duty found, and sums over many.
    "scored_at", "age_h", "probability", "model_version", "last_validated_at", "outcome", "weight", "gone", "creators",
    "regions", "languages", "sounds", "hashtags", "first_posted", "last_posted", "first_observed", "last_observed",
    "mean_views", "median_views", "max_views", "mean_likes", "mean_engagement_rate", "mentions", "priced_videos", "price_min",
    "price_median", "price_max", "day", "windows_planned", "windows_finished", "windows_failed", "returned", "distinct_new",
    "complete_share", "canary_ok", "terminated_by",
    // Files.
    "position", "variant", "status", "format", "bytes",
];

/// Columns that are nested: provenance, and what stages found.
fn of_findings(path: &[&str]) -> Option<Class> {
    match path {
        ["provenance", "task" | "origin"] => Some(Class::Note),
        // Columns of `tidelake replay` are named stage@version.
        ["findings", ..] => Some(finding(path)),
        [first, ..] if first.contains('@') => Some(finding(path)),
        _ => None,
    }
}

fn finding(path: &[&str]) -> Class {
    match path.last().copied().unwrap_or_default() {
        // Persons and places, as a model names them.
        "text" if path.contains(&"entities") => Class::Name,
        "text" if path.contains(&"mentions") => Class::Mention,
        // As likely somebody's page as anything.
        "text" if path.contains(&"urls") => Class::Link,
        // A guess of a caption can be confirmed by its vector.
        "embedding" => Class::Name,
        "text" if ["hashtags", "keywords"].iter().any(|labels| path.contains(labels)) => Class::Topic,
        "name" | "value" if path.contains(&"attributes") => Class::Words,
        "name" | "brand" | "tags" => Class::Topic,
        "text" | "title" | "keywords" | "value" | "code" | "reasons" => Class::Words,
        _ => Class::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::Lake;
    use crate::privacy::rows::leaves;
    use crate::query::{Engine, QueryOptions};
    use tidelake_schemas::topics::LANDED;

    #[tokio::test]
    async fn every_column_of_every_table_and_view_is_classified() {
        let dir = tempfile::tempdir().unwrap();
        let lake = Lake::at(dir.path().to_str().unwrap(), Default::default()).unwrap();
        let engine = Engine::over(lake, QueryOptions::default()).await.unwrap();
        let mut unknown = Vec::new();
        for table in engine.tables().await.unwrap() {
            let Ok(schema) = engine.schema(&table.name).await else { continue };
            for path in leaves(&schema) {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                if classify(&table.name, &path).is_none() {
                    unknown.push(format!("{}.{}", table.name, path.join(".")));
                }
            }
        }
        assert!(unknown.is_empty(), "say what these hold, in sinks/src/privacy/classes.rs:\n{}", unknown.join("\n"));
    }

    #[test]
    fn the_same_name_may_say_other_things() {
        assert_eq!(classify("creator_observations", &["native_id"]), Some(Class::NativeId));
        assert_eq!(classify("video_observations", &["native_id"]), Some(Class::VideoNativeId));
        assert_eq!(classify("media", &["source_url"]), Some(Class::Link));
        assert_eq!(classify("video_observations", &["findings", "prices", "amount"]), Some(Class::Plain));
        assert_eq!(classify("anything", &["shoe_size"]), None);
        assert_eq!(classify("video_observations", &["findings", "keywords", "text"]), Some(Class::Topic));
        assert_eq!(classify("video_observations", &["findings", "seo", "keywords"]), Some(Class::Words));
        assert_eq!(classify("video_observations", &["findings", "urls", "text"]), Some(Class::Link));
    }

    /// What a schema calls a hash is either hidden, or of nothing that names anybody.
    #[test]
    fn no_hash_is_shown_by_which_a_guess_can_be_confirmed() {
        let mut hashes = Vec::new();
        for landed in LANDED {
            let schema: serde_json::Value = serde_json::from_str(landed.schema.json()).unwrap();
            for field in schema["fields"].as_array().unwrap() {
                let (name, doc) = (field["name"].as_str().unwrap(), field["doc"].as_str().unwrap_or_default());
                if ["UUIDv5", "SHA-", "HMAC"].iter().any(|word| doc.contains(word)) {
                    hashes.push((landed.table, name.to_owned()));
                }
            }
        }
        assert!(hashes.len() > LANDED.len(), "{hashes:?}");
        for (table, name) in hashes {
            let class = classify(table, &[name.as_str()]);
            // Of the prompt without the caption; of a file, whose video's id is shown as well.
            let harmless = matches!(name.as_str(), "prompt_version" | "sha256");
            assert!(harmless || class == Some(Class::Digest), "{table}.{name}: {class:?}");
        }
    }
}
