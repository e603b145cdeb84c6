//! Whose captions may be handed to a model elsewhere. The table is the rule: what stands nowhere in it is refused.

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    /// The licence zone, as in provenance.
    pub(super) zone: &'static str,
    /// Whether its captions may be handed on without further ado.
    pub(super) allowed: bool,
    /// Why.
    pub(super) because: &'static str,
}

/// The table. Where it refuses, an approval that names the zone can allow it: the operator may have a contract with the
/// endpoint's owner, or the leave of those whose captions they are.
pub(super) const TERMS: [Term; 8] = [
    Term {
        zone: "research",
        allowed: false,
        because: "the Research API's terms keep its data within the approved project: none of it goes to third parties",
    },
    Term {
        zone: "display",
        allowed: false,
        because: "the owner agreed (scope video.list) that this app reads their videos, not that others do",
    },
    Term { zone: "oembed", allowed: true, because: "titles are given to be shown wherever the link is embedded" },
    Term {
        zone: "web",
        allowed: false,
        because: "public pages are read under an approval, which must say that others get what they say",
    },
    Term {
        zone: "youtube",
        allowed: false,
        because: "YouTube's Developer Policies let API data be shared only as the policies, or the user, allow",
    },
    Term {
        zone: "facebook",
        allowed: false,
        because: "Meta's Platform Terms give data to service providers only under a written agreement",
    },
    Term { zone: "import", allowed: false, because: "whose captions these are is not known, nor who would allow it" },
    Term { zone: "archive", allowed: false, because: "the donor gave the archive for this, not to others" },
];

/// The line of a zone.
pub(super) fn term(zone: &str) -> Option<&'static Term> {
    TERMS.iter().find(|term| term.zone == zone)
}
