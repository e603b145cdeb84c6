//! Why rows are taken out: what every commit of an erasure says, and its receipt.

use crate::lake::ledger::Removed;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How the reason of a removal begins that is an erasure's.
pub(super) const ERASURE: &str = "erasure";

/// By which right an erasure is asked for: the grounds of Art. 17(1) GDPR, and a platform's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Art. 17(1)(a): the data is no longer needed for its purpose.
    Unneeded,
    /// Art. 17(1)(b): consent was withdrawn.
    Consent,
    /// Art. 17(1)(c): the person objects.
    Objection,
    /// Art. 17(1)(d): it was processed unlawfully.
    Unlawful,
    /// Art. 17(1)(e): a law demands it.
    Law,
    /// Art. 17(1)(f): it was collected of a child.
    Child,
    /// The terms by which the platform gave it.
    Terms,
    /// Another, which the reason says.
    Other,
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Unneeded,
        Self::Consent,
        Self::Objection,
        Self::Unlawful,
        Self::Law,
        Self::Child,
        Self::Terms,
        Self::Other,
    ];

    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unneeded => "unneeded",
            Self::Consent => "consent",
            Self::Objection => "objection",
            Self::Unlawful => "unlawful",
            Self::Law => "law",
            Self::Child => "child",
            Self::Terms => "terms",
            Self::Other => "other",
        }
    }

    /// What the law or contract calls it.
    pub fn about(self) -> &'static str {
        match self {
            Self::Unneeded => "GDPR Art. 17(1)(a): no longer necessary",
            Self::Consent => "GDPR Art. 17(1)(b): consent withdrawn",
            Self::Objection => "GDPR Art. 17(1)(c): objection",
            Self::Unlawful => "GDPR Art. 17(1)(d): unlawfully processed",
            Self::Law => "GDPR Art. 17(1)(e): legal obligation",
            Self::Child => "GDPR Art. 17(1)(f): offered to a child",
            Self::Terms => "the platform's terms",
            Self::Other => "another, see the reason",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Basis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|b| b.name() == text).ok_or_else(|| format!("{text:?} is none of {}", known()))
    }
}

/// Why rows are taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Why {
    /// The erasure's id.
    pub erasure: String,
    /// By which right; `None` = not stated.
    pub basis: Option<Basis>,
    /// In words, which name nobody.
    pub reason: Option<String>,
}

impl Why {
    /// Of an erasure that states no right.
    pub fn of(erasure: &str) -> Self {
        Self { erasure: erasure.to_owned(), ..Self::default() }
    }

    /// By a right.
    pub(crate) fn by(self, basis: Basis) -> Self {
        Self { basis: Some(basis), ..self }
    }

    /// What a commit says that takes rows out.
    pub(super) fn removed(&self, rows: usize) -> Removed {
        Removed {
            rows: i64::try_from(rows).unwrap_or(i64::MAX),
            why: format!("{ERASURE} {}", self.erasure),
            basis: self.basis.map(|basis| basis.about().to_owned()),
            reason: self.reason.clone(),
        }
    }
}
