//! What the terms of each licence zone allow to keep. The table is the rule: what stands nowhere in it is refused.

use tidelake_schemas::MediaKind::{self, Slide, Thumbnail, Video};

/// Whether a kind of file may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Yes.
    Allowed,
    /// When reading public pages was approved.
    UnderAcknowledgement,
    /// No, whatever is configured.
    Never,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// The licence zone, as in provenance.
    pub zone: &'static str,
    /// What of a video.
    pub kinds: &'static [MediaKind],
    /// The rule.
    pub rule: Rule,
    /// Why.
    pub because: &'static str,
}

/// The table.
pub const TERMS: [Term; 7] = [
    Term {
        zone: "research",
        kinds: &MediaKind::ALL,
        rule: Rule::Never,
        because: "the Research API is for its data fields, in the approved project; it gives no media, and its data must \
                  not be joined with media got elsewhere",
    },
    Term {
        zone: "display",
        kinds: &[Thumbnail],
        rule: Rule::Allowed,
        because: "the owner agreed (scope video.list) that the covers of their own videos are read",
    },
    Term {
        zone: "display",
        kinds: &[Video, Slide],
        rule: Rule::Never,
        because: "the Display API gives players to embed, not files to copy",
    },
    Term { zone: "oembed", kinds: &[Thumbnail], rule: Rule::Allowed, because: "it is given for the preview of a link" },
    Term {
        zone: "oembed",
        kinds: &[Video, Slide],
        rule: Rule::Never,
        because: "an embed is shown by TikTok's player; it is not a licence to copy",
    },
    Term {
        zone: "import",
        kinds: &MediaKind::ALL,
        rule: Rule::Never,
        because: "whose files these are is not known, nor who would allow it",
    },
    Term {
        zone: "web",
        kinds: &MediaKind::ALL,
        rule: Rule::UnderAcknowledgement,
        because: "public pages are read under the approval that acknowledgement.approval names, and so are their files",
    },
];

/// May a file be kept? `acknowledged` is whether reading public pages was approved.
///
/// # Errors
/// Why not, and what would help.
pub fn may_keep(zone: &str, kind: MediaKind, acknowledged: bool) -> Result<(), String> {
    // Personal archives are imports whose owner is known to be the donor; the rule is the same.
    let known = if zone == "archive" { "import" } else { zone };
    let Some(term) = TERMS.iter().find(|term| term.zone == known && term.kinds.contains(&kind)) else {
        return Err(format!("no {kind} of zone {zone} is kept: its terms are not known"));
    };
    match term.rule {
        Rule::Allowed => Ok(()),
        Rule::UnderAcknowledgement if acknowledged => Ok(()),
        Rule::Never | Rule::UnderAcknowledgement => Err(format!("no {kind} of zone {zone} is kept: {}", term.because)),
    }
}
