//! The baseline of a source, and what has changed since.

use super::judge::{Case, FLOOR, Finding};
use super::stats::{Stats, Type};
use super::tally::{ANY_KEY, Node, Root, Tally};
use super::{DriftKind, IncidentState, sample};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidelake_schemas::{Timestamp, ids};

/// Objects after which a stretch of records is judged as a whole, and becomes part of the baseline.
const STRETCH: u64 = 100;
/// How long a field that came in one page is waited for.
const UNDECIDED: u64 = 10 * STRETCH;
/// A change that has lasted for so many objects is the new baseline.
pub const ADOPT: u64 = 5000;
/// From here on the past fades.
const FULL: u64 = 20_000;
/// Fields of a baseline.
const MOST_FIELDS: usize = 1000;

/// What the records of one source look like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Pages taken in.
    pub pages: u64,
    /// By path: `video.stats.diggCount`, `video.challenges[].title`, `video.labels.*`.
    fields: BTreeMap<String, Field>,
    /// Fields that there was no room for.
    left_out: u64,
}

/// A field's past and present.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Field {
    /// Bytes of the path that are its parent's.
    parent: usize,
    base: Stats,
    /// The stretch that is not part of the baseline yet.
    recent: Stats,
    pages: u32,
    pages_with: u32,
    /// Objects since it was last there.
    gap: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    open: Option<Open>,
}

/// A change that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Open {
    incident: String,
    kind: DriftKind,
    opened_at: Timestamp,
    before: String,
    after: String,
    /// Everything since.
    since: Stats,
}

/// The beginning or the end of an incident.
#[derive(Clone, Debug)]
pub struct Change {
    /// The same at its beginning and at its end.
    pub incident: String,
    /// The field.
    pub path: String,
    /// What has happened to it.
    pub kind: DriftKind,
    /// What has become of it.
    pub state: IncidentState,
    /// When it was first seen.
    pub opened_at: Timestamp,
    /// What the field was.
    pub before: String,
    /// What it is.
    pub after: String,
    /// Objects that were compared with the baseline.
    pub records: u64,
    /// A value or a record that shows it, as JSON: cut, without secrets, ids as texts.
    pub sample: Option<String>,
    /// What was open before.
    undo: Option<Open>,
}

/// The page that is taken in.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Its id, from which the ids of incidents are made: the same page gives the same ids.
    pub page: &'a str,
    /// When it came.
    pub now: Timestamp,
}

/// A field in a tally.
struct Seen<'a> {
    parent: usize,
    stats: Stats,
    node: Option<&'a Node>,
}

impl Profile {
    /// Takes a page in; gives what has changed.
    pub fn take(&mut self, tally: &Tally, moment: Moment<'_>) -> Vec<Change> {
        self.pages += 1;
        let mut changes = Vec::new();
        for (label, root) in tally.roots() {
            let mut seen = BTreeMap::new();
            let one = Seen { parent: 0, stats: root.node.stats.clone(), node: Some(&root.node) };
            seen.insert(label.to_owned(), one);
            flatten(label, &root.node, &mut seen);
            self.add_absent(label, &mut seen);
            // Children first: what is new is compared with how often its parent came before this page.
            let mut found: Vec<Change> =
                seen.iter().rev().filter_map(|(path, seen)| self.take_field(path, seen, root, moment)).collect();
            found.reverse();
            changes.append(&mut found);
        }
        changes
    }

    /// Fields that are known, and whose parents came without them.
    fn add_absent<'a>(&self, label: &str, seen: &mut BTreeMap<String, Seen<'a>>) {
        let mut absent = Vec::new();
        for (path, field) in self.fields.range(label.to_owned()..) {
            if !path.starts_with(label) {
                break;
            }
            if seen.contains_key(path) || name_of(path, field.parent).is_none() {
                continue;
            }
            let parent = path.get(..field.parent).and_then(|parent| seen.get(parent));
            let of = parent.map_or(0, |parent| parent.stats.count_of(Type::Object));
            if of > 0 {
                absent.push((
                    path.clone(),
                    Seen { parent: field.parent, stats: Stats { of, ..Stats::default() }, node: None },
                ));
            }
        }
        seen.extend(absent);
    }

    fn take_field(&mut self, path: &str, seen: &Seen<'_>, root: &Root, moment: Moment<'_>) -> Option<Change> {
        if !self.fields.contains_key(path) {
            if self.fields.len() >= MOST_FIELDS {
                self.left_out += 1;
                return None;
            }
            let parent = path.get(..seen.parent).and_then(|parent| self.fields.get(parent));
            // So many objects came without it.
            let before = parent.map_or(0, |parent| parent.base.count_of(Type::Object));
            let base = Stats { of: before, ..Stats::default() };
            self.fields.insert(path.to_owned(), Field { parent: seen.parent, base, ..Field::default() });
        }
        self.fields.get_mut(path)?.take(path, seen, root, moment)
    }

    /// Takes changes back that could not be told: they will be found again.
    pub fn retract(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Some(field) = self.fields.get_mut(&change.path) {
                field.open = change.undo;
            }
        }
    }
}

/// Every field below a node, by its path.
fn flatten<'a>(path: &str, node: &'a Node, seen: &mut BTreeMap<String, Seen<'a>>) {
    let objects = node.stats.count_of(Type::Object);
    if let Some(items) = &node.items {
        let below = format!("{path}[]");
        flatten(&below, items, seen);
        seen.insert(below, Seen { parent: path.len(), stats: items.stats.clone(), node: Some(items) });
    }
    for (name, child) in &node.children {
        let below = format!("{path}.{name}");
        let of = if &**name == ANY_KEY { child.stats.of } else { objects };
        flatten(&below, child, seen);
        seen.insert(below, Seen { parent: path.len(), stats: Stats { of, ..child.stats.clone() }, node: Some(child) });
    }
}

/// The name of a field within its object; none for records, items and members of maps.
fn name_of(path: &str, parent: usize) -> Option<&str> {
    let name = path.get(parent..)?.strip_prefix('.')?;
    (parent > 0 && name != ANY_KEY).then_some(name)
}

impl Field {
    fn take(&mut self, path: &str, seen: &Seen<'_>, root: &Root, moment: Moment<'_>) -> Option<Change> {
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
        Some(Change { undo: Some(open), ..change })
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
