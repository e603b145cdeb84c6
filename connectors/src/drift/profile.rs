//! The baseline of a source, and what has changed since.

use super::field::{Field, Undo};
use super::sample::ANY_KEY;
use super::stats::{Stats, Type};
use super::tally::{Node, Root, Tally};
use super::{DriftKind, IncidentState};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tidelake_schemas::Timestamp;

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
    pub(super) undo: Option<Undo>,
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
pub(super) struct Seen<'a> {
    pub(super) parent: usize,
    pub(super) stats: Stats,
    pub(super) node: Option<&'a Node>,
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
            self.fields.insert(path.to_owned(), Field::new(seen.parent, before));
        }
        self.fields.get_mut(path)?.take(path, seen, root, moment)
    }

    /// Takes changes back that could not be told: they will be found again.
    pub fn retract(&mut self, changes: Vec<Change>) {
        for change in changes {
            if let Some(field) = self.fields.get_mut(&change.path) {
                field.undo(change.undo);
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
pub(super) fn name_of(path: &str, parent: usize) -> Option<&str> {
    let name = path.get(parent..)?.strip_prefix('.')?;
    (parent > 0 && name != ANY_KEY).then_some(name)
}
