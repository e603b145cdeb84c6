//! One field: its past, the stretch since, and the change that goes on, if one does.

use super::judge::{Case, FLOOR, Finding};
use super::profile::{Change, Moment, Seen, name_of};
use super::stats::Stats;
use super::tally::Root;
use super::{DriftKind, IncidentState, sample};
use serde::{Deserialize, Serialize};
use tidelake_schemas::{Timestamp, ids};

/// Objects after which a stretch of records is judged as a whole, and becomes part of the baseline.
const STRETCH: u64 = 100;
/// How long a field that came in one page is waited for.
const UNDECIDED: u64 = 10 * STRETCH;
/// A change that has lasted for so many objects is the new baseline.
pub const ADOPT: u64 = 5000;
/// From here on the past fades.
const FULL: u64 = 20_000;
/// A field's past and present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Field {
    /// Bytes of the path that are its parent's.
    pub(super) parent: usize,
    pub(super) base: Stats,
    /// The stretch that is not part of the baseline yet.
    recent: Stats,
    pages: u32,
    pages_with: u32,
    /// Objects since it was last there.
    gap: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) open: Option<Open>,
}

/// A change that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Open {
    incident: String,
    kind: DriftKind,
    opened_at: Timestamp,
    before: String,
    after: String,
    /// Everything since.
    since: Stats,
}

/// What an end of a change has replaced.
#[derive(Clone, Debug)]
pub(super) struct Undo {
    open: Open,
    base: Stats,
}

impl Field {
    /// A field that is new: so many objects came without it.
    pub(super) fn new(parent: usize, before: u64) -> Self {
        Self { parent, base: Stats { of: before, ..Stats::default() }, ..Self::default() }
    }

    pub(super) fn take(&mut self, path: &str, seen: &Seen<'_>, root: &Root, moment: Moment<'_>) -> Option<Change> {
        let there = seen.stats.present > 0;
        self.gap = if there { 0 } else { self.gap + seen.stats.of };
        self.pages += 1;
        self.pages_with += u32::from(there);
        self.recent.absorb(&seen.stats);
        match self.open.take() {
            Some(open) => self.go_on(open, path, seen),
            None => self.look(path, seen, root, moment),
        }
    }

    /// Has something begun?
    fn look(&mut self, path: &str, seen: &Seen<'_>, root: &Root, moment: Moment<'_>) -> Option<Change> {
        let name = name_of(path, self.parent);
        let page = Case { name, base: &self.base, now: &seen.stats, pages: 1, pages_with: 1, gap: self.gap };
        let Some(finding) = page.find().or_else(|| self.recent_case(name).find()) else {
            self.settle();
            return None;
        };
        let Finding { kind, before, after } = finding;
        let incident = ids::incident_id(moment.page, path, kind.name());
        let sample = sample_of(path, seen, root, kind, &self.base);
        let open = Open { incident, kind, opened_at: moment.now, before, after, since: seen.stats.clone() };
        let change = open.change(path, IncidentState::Open, self.recent.of.max(self.gap), sample);
        self.open = Some(open);
        self.begin_stretch();
        Some(change)
    }

    /// Is it over?
    fn go_on(&mut self, mut open: Open, path: &str, seen: &Seen<'_>) -> Option<Change> {
        open.since.absorb(&seen.stats);
        if !self.is_stretch() {
            self.open = Some(open);
            return None;
        }
        let goes_on = open.kind == DriftKind::Appeared && self.recent.present > 0;
        let before = Undo { open: open.clone(), base: self.base.clone() };
        let state = if !goes_on && self.recent_case(name_of(path, self.parent)).find().is_none() {
            IncidentState::Closed
        } else if open.since.of >= ADOPT {
            self.base = std::mem::take(&mut open.since);
            IncidentState::Adopted
        } else {
            self.begin_stretch();
            self.open = Some(open);
            return None;
        };
        let records = self.recent.of;
        if state == IncidentState::Closed {
            self.settle();
        }
        self.begin_stretch();
        let change = open.change(path, state, records, None);
        Some(Change { undo: Some(before), ..change })
    }

    /// As before a change was found to have begun, or to have ended.
    pub(super) fn undo(&mut self, ended: Option<Undo>) {
        self.open = ended.map(|Undo { open, base }| {
            self.base = base;
            open
        });
    }

    fn recent_case<'a>(&'a self, name: Option<&'a str>) -> Case<'a> {
        let Self { base, recent, pages, pages_with, gap, .. } = self;
        Case { name, base, now: recent, pages: *pages, pages_with: *pages_with, gap: *gap }
    }

    /// One page alone may be of one creator or one hashtag.
    fn is_stretch(&self) -> bool {
        self.recent.of >= STRETCH && self.pages > 1
    }

    /// A whole stretch without a change becomes part of the baseline. A field that has just appeared waits for a second
    /// page, which decides what it is.
    fn settle(&mut self) {
        let undecided = self.base.of >= FLOOR && self.base.present == 0 && self.pages_with == 1;
        if !self.is_stretch() || (undecided && self.recent.of < UNDECIDED) {
            return;
        }
        self.base.absorb(&self.recent);
        if self.base.of > FULL {
            self.base.fade();
        }
        self.begin_stretch();
    }

    fn begin_stretch(&mut self) {
        self.recent = Stats::default();
        (self.pages, self.pages_with) = (0, 0);
    }
}

impl Open {
    fn change(&self, path: &str, state: IncidentState, records: u64, sample: Option<String>) -> Change {
        Change {
            incident: self.incident.clone(),
            path: path.to_owned(),
            kind: self.kind,
            state,
            opened_at: self.opened_at,
            before: self.before.clone(),
            after: self.after.clone(),
            records,
            sample,
            undo: None,
        }
    }
}

/// A value that shows a change; of one that lacks, a record that lacks it.
fn sample_of(path: &str, seen: &Seen<'_>, root: &Root, kind: DriftKind, base: &Stats) -> Option<String> {
    let shown = match kind {
        DriftKind::Vanished | DriftKind::Rarer => {
            let lacks = |record: &&serde_json::Value| !has(record, path);
            return root.records.iter().find(lacks).or(root.records.first()).map(sample::text);
        }
        // A value of a type that was rare, if there is one.
        DriftKind::TypeChanged => seen.node?.example(|t| base.count_of(t) * 100 <= base.present),
        _ => None,
    };
    shown.or_else(|| seen.node?.example(|_| true)).map(sample::text)
}

/// Whether a record has a field. Of fields within lists and maps that cannot be said.
fn has(record: &serde_json::Value, path: &str) -> bool {
    let names = path.split('.').skip(1);
    names.into_iter().try_fold(record, |value, name| value.get(name)).is_some_and(|value| !value.is_null())
}
