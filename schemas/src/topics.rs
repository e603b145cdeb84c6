//! The topics: their names, what they carry and which tables they land in.

use crate::codec::SchemaName;
use crate::observation::EntityKind;

/// Video observations as collected.
pub const VIDEO_OBSERVED: &str = "tiktok.video.observed";
/// Video observations with caption findings.
pub const VIDEO_ENRICHED: &str = "tiktok.video.enriched";
/// Creator observations.
pub const CREATOR_OBSERVED: &str = "tiktok.creator.observed";
/// Comment observations.
pub const COMMENT_OBSERVED: &str = "tiktok.comment.observed";
/// Hashtag observations.
pub const HASHTAG_OBSERVED: &str = "tiktok.hashtag.observed";
/// Sound observations.
pub const SOUND_OBSERVED: &str = "tiktok.sound.observed";
/// The coverage ledger.
pub const COVERAGE: &str = "tidelake.coverage";
/// Dead letters.
pub const DEAD_LETTERS: &str = "tidelake.dead-letters";
/// Incidents of drift.
pub const DRIFT: &str = "tidelake.drift";
/// What the records of each source look like, and what each task brings (compacted).
pub const PROFILES: &str = "tidelake.profiles";
/// What is to be fetched and stored of media.
pub const MEDIA_ORDERS: &str = "tidelake.media.orders";
/// What became of it.
pub const MEDIA: &str = "tidelake.media";
/// What an external model said of captions.
pub const ANNOTATIONS: &str = "tidelake.annotations";
/// What users want collected (compacted).
pub const TASKS: &str = "tidelake.tasks";
/// How far each task has come, and who owns each partition (compacted).
pub const CURSORS: &str = "tidelake.cursors";
/// Without messages: who has its one partition does the lake's chores.
pub const MAINTENANCE: &str = "tidelake.maintenance";
/// Who is erased, by keyed hashes (compacted).
pub const SUPPRESSIONS: &str = "tidelake.suppressions";
/// Leases of daily request budgets, in one partition: its order decides.
pub const BUDGETS: &str = "tidelake.budgets";

/// A topic that the lake writer lands, and the table it lands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Landed {
    /// The topic.
    pub topic: &'static str,
    /// The table.
    pub table: &'static str,
    /// The schema of its messages.
    pub schema: SchemaName,
}

/// Every topic that is landed. One topic, one table.
pub const LANDED: [Landed; 10] = [
    Landed { topic: VIDEO_ENRICHED, table: "video_observations", schema: SchemaName::EnrichedVideo },
    Landed { topic: CREATOR_OBSERVED, table: "creator_observations", schema: SchemaName::CreatorObservation },
    Landed { topic: COMMENT_OBSERVED, table: "comments", schema: SchemaName::CommentObservation },
    Landed { topic: HASHTAG_OBSERVED, table: "hashtag_observations", schema: SchemaName::HashtagObservation },
    Landed { topic: SOUND_OBSERVED, table: "sound_observations", schema: SchemaName::SoundObservation },
    Landed { topic: COVERAGE, table: "coverage", schema: SchemaName::CoverageEntry },
    Landed { topic: DEAD_LETTERS, table: "dead_letters", schema: SchemaName::DeadLetter },
    Landed { topic: DRIFT, table: "drift_incidents", schema: SchemaName::DriftIncident },
    Landed { topic: MEDIA, table: "media", schema: SchemaName::MediaEntry },
    Landed { topic: ANNOTATIONS, table: "annotations", schema: SchemaName::Annotation },
];

/// The topics `collect` publishes to, in the order it fences them.
#[rustfmt::skip]
pub const COLLECTED: [&str; 9] = [
    VIDEO_OBSERVED, CREATOR_OBSERVED, COMMENT_OBSERVED, HASHTAG_OBSERVED, SOUND_OBSERVED, COVERAGE, DEAD_LETTERS,
    DRIFT, MEDIA_ORDERS,
];

/// The topic a kind of observation is published to.
pub fn observed(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Video => VIDEO_OBSERVED,
        EntityKind::Creator => CREATOR_OBSERVED,
        EntityKind::Comment => COMMENT_OBSERVED,
        EntityKind::Hashtag => HASHTAG_OBSERVED,
        EntityKind::Sound => SOUND_OBSERVED,
    }
}

/// The schema of a topic's messages; `None` for a topic that is not Tidelake's.
pub fn schema_of(topic: &str) -> Option<SchemaName> {
    match topic {
        VIDEO_OBSERVED => Some(SchemaName::VideoObservation),
        TASKS => Some(SchemaName::Task),
        CURSORS => Some(SchemaName::Cursor),
        BUDGETS => Some(SchemaName::BudgetEntry),
        SUPPRESSIONS => Some(SchemaName::Suppression),
        _ => LANDED.iter().find(|l| l.topic == topic).map(|l| l.schema),
    }
}
