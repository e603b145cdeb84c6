//! Which columns of the lake's tables name people. Until the lake classifies its columns itself, this is the one list.

/// Names of columns and fields, by the last part of their path, that name or describe one person or one thing of theirs.
const PERSONAL: [&str; 39] = [
    "author",
    "author_handle",
    "author_id",
    "avatar",
    "bio",
    "bio_url",
    "caption",
    "caption_entities",
    "caption_hash",
    "comment_id",
    "creator_handle",
    "creator_id",
    "entities",
    "event_id",
    "findings",
    "handle",
    "mentions",
    "message",
    "native_id",
    "nickname",
    "origin",
    "parent_comment_id",
    "path",
    "payload",
    "playlist_id",
    "provenance",
    "question_id",
    "sec_uid",
    "seo",
    "source_mentions",
    "source_url",
    "sound_id",
    "target_id",
    "task",
    "text",
    "url",
    "urls",
    "video_id",
    "voice_to_text",
];
/// Fields of whole records that are personal in some of their parts only: what is known of them is not.
const OPEN: [&str; 4] = ["author.verified", "author.private", "findings.keywords.text", "findings.hashtags.text"];
/// Ids by which somebody with access of their own can ask for the same things again.
const IDS: [&str; 4] = ["video_id", "comment_id", "sound_id", "native_id"];

/// Whether a column of a table (a field of a nested one as `author.handle`) names people.
pub fn is_personal(origin: &str) -> bool {
    let last = origin.rsplit('.').next().unwrap_or(origin);
    !OPEN.contains(&origin) && (PERSONAL.contains(&last) || origin.starts_with("author."))
}

/// Whether it is an id of a thing, of which a list may be published.
pub(super) fn is_id(origin: &str) -> bool {
    IDS.contains(&origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_told_by_whole_records_and_by_fields() {
        for personal in ["author", "author.handle", "author.id", "caption", "comments.text", "provenance.task"] {
            assert!(is_personal(personal), "{personal}");
        }
        for open in ["region", "author.verified", "stats.views", "stats", "observed_at", "findings.language.code"] {
            assert!(!is_personal(open), "{open}");
        }
    }
}
