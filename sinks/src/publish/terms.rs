//! What the terms of each licence zone let be published. The table is the rule: what stands nowhere in it is refused.

use super::{Detail, Publication, PublishError};
use std::collections::BTreeSet;

/// What may be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Cells; rows never.
    Cells,
    /// Cells; rows under an approval that says why they may be handed on.
    RowsUnderApproval,
    /// Nothing.
    Nothing,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Term {
    /// The licence zone, as in provenance.
    pub zone: &'static str,
    /// The rule.
    pub rule: Rule,
    /// Why.
    pub because: &'static str,
}

/// The table.
const TERMS: [Term; 8] = [
    Term {
        zone: "research",
        rule: Rule::Cells,
        // TikTok Research Tools Terms of Service, of 2023 3(b)–(e), in force since 25 Oct 2024.
        because: "the Research API's terms let no raw data go to third parties, and nothing be published that leads back to \
                  a person",
    },
    Term {
        zone: "display",
        rule: Rule::RowsUnderApproval,
        because: "the owner agreed (scope video.list) that this app reads their videos, not that others do",
    },
    Term {
        zone: "oembed",
        rule: Rule::RowsUnderApproval,
        // TikTok Developer Terms of 26 Dec 2025, III.3(h).
        because: "the Developer Terms let no databases on individuals be made of it",
    },
    Term {
        zone: "web",
        rule: Rule::RowsUnderApproval,
        because: "public pages are read under an approval, which must say that others get what they say",
    },
    Term {
        zone: "import",
        rule: Rule::RowsUnderApproval,
        because: "whose data these are is not known, nor who would allow it",
    },
    Term {
        zone: "archive",
        rule: Rule::RowsUnderApproval,
        because: "the donor gave the archive for this, not to others",
    },
    Term {
        zone: "youtube",
        rule: Rule::Nothing,
        // YouTube API Services Developer Policies III.E.4.
        because: "YouTube's Developer Policies let API data be neither kept for long nor aggregated across channels",
    },
    Term {
        zone: "facebook",
        rule: Rule::Nothing,
        because: "Meta's Platform Terms let Platform Data be handed on only as its users direct",
    },
];

/// The line of a zone.
pub fn term(zone: &str) -> Option<&'static Term> {
    TERMS.iter().find(|term| term.zone == zone)
}

/// Refuses what a zone's terms forbid.
pub(super) fn check(zones: &BTreeSet<String>, publication: &Publication) -> Result<(), PublishError> {
    let rows = publication.detail == Detail::Rows || publication.with_ids;
    for zone in zones {
        let term = term(zone);
        let refuse = |rows, because: &str, advice: &str| {
            Err(PublishError::Zone { zone: zone.clone(), rows, because: because.into(), advice: advice.into() })
        };
        match term.map(|term| (term.rule, term.because)) {
            None => return refuse(false, "its terms are not known", "Leave its rows out: WHERE zone <> …"),
            Some((Rule::Nothing, because)) => return refuse(false, because, "Leave its rows out: WHERE zone <> …"),
            Some((Rule::Cells, because)) if rows => {
                return refuse(true, because, "Publish cells: without --rows and --with-ids");
            }
            Some((Rule::RowsUnderApproval, because)) if rows && publication.approval.is_none() => {
                return refuse(
                    true,
                    because,
                    "Publish cells, or say with --approval who approved it, when and for what",
                );
            }
            Some(_) => {}
        }
    }
    Ok(())
}
