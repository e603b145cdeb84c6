//! What the records of one page look like, counted in one walk over each.

use super::sample::{self, ANY_KEY, is_key, is_secret};
use super::stats::{Stats, Type};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use tidelake_schemas::EntityKind;

/// Fields of one page.
const MOST_FIELDS: usize = 1000;
/// An object with more fields than this is a map.
const MOST_CHILDREN: usize = 96;
const DEPTH: u8 = 10;
/// Of a page of many records, the first are looked at, then every seventh: odd, so that a change of every other record is seen.
const ALL_OF: u64 = 50;
const THEN_EVERY: u64 = 7;
/// Records kept as samples: the first, second, fourth, eighth …
const KEPT: usize = 8;

/// What the records of one page look like.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By kind of record, with the variant where there is one.
    roots: BTreeMap<String, Root>,
    /// What was asked for, where that decides which fields come.
    variant: Option<String>,
}

/// The records of one kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    shown: u64,
    pub(super) node: Node,
    pub(super) records: Vec<Value>,
    fields: usize,
}

/// A field, or a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    pub(super) stats: Stats,
    /// By name, in order.
    pub(super) children: Vec<(Box<str>, Self)>,
    pub(super) items: Option<Box<Self>>,
    /// The first value of each type.
    examples: [Option<Box<Value>>; 5],
    is_map: bool,
    /// Its values are not shown.
    is_secret: bool,
}

impl Tally {
    /// A tally of records whose fields were chosen: those of other choices are not compared with them.
    pub fn of_fields<S: AsRef<str>>(fields: Option<&[S]>) -> Self {
        let variant = fields.map(|fields| {
            let mut names: Vec<&str> = fields.iter().map(AsRef::as_ref).collect();
            names.sort_unstable();
            uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, names.join(",").as_bytes()).simple().to_string()[..8].into()
        });
        Self { variant, ..Self::default() }
    }

    /// Looks at a record.
    pub fn observe(&mut self, kind: EntityKind, record: &Value) {
        let label = match &self.variant {
            Some(variant) => format!("{}@{variant}", kind.name()),
            None => kind.name().to_owned(),
        };
        let root = self.roots.entry(label).or_default();
        root.shown += 1;
        if root.shown > ALL_OF && !root.shown.is_multiple_of(THEN_EVERY) {
            return;
        }
        root.node.stats.of += 1;
        root.node.look(record, false, DEPTH, &mut root.fields);
        if root.node.stats.of.is_power_of_two() && root.records.len() < KEPT {
            root.records.push(sample::cut(record));
        }
    }

    /// Adds what was seen elsewhere, as a variant of its own if one is given: what comes of a profile's page is not
    /// compared with what comes of a video's.
    pub fn absorb(&mut self, other: Self, variant: Option<&str>) {
        for (mut label, root) in other.roots {
            if let Some(variant) = variant {
                label = format!("{label}@{variant}");
            }
            self.roots.entry(label).or_default().absorb(root);
        }
    }

    /// Has it seen nothing?
    pub fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    pub(super) fn roots(&self) -> impl Iterator<Item = (&str, &Root)> {
        self.roots.iter().map(|(label, root)| (label.as_str(), root))
    }
}

impl Root {
    fn absorb(&mut self, other: Self) {
        self.shown += other.shown;
        self.fields += other.fields;
        self.node.absorb(other.node);
        let room = KEPT.saturating_sub(self.records.len());
        self.records.extend(other.records.into_iter().take(room));
    }
}

impl Node {
    fn look(&mut self, value: &Value, hidden: bool, depth: u8, fields: &mut usize) {
        let Some(kind) = Type::of(value) else { return };
        self.stats.count(value, kind, hidden);
        let example = &mut self.examples[kind as usize];
        if example.is_none() {
            let shown = if hidden { Value::String("***".into()) } else { sample::cut(value) };
            *example = Some(Box::new(shown));
        }
        if depth == 0 {
            return;
        }
        match value {
            Value::Array(entries) => self.look_into_list(entries, hidden, depth - 1, fields),
            Value::Object(members) => self.look_into_object(members, hidden, depth - 1, fields),
            _ => {}
        }
    }

    fn look_into_list(&mut self, entries: &[Value], hidden: bool, depth: u8, fields: &mut usize) {
        if entries.is_empty() || (self.items.is_none() && !take_one(fields)) {
            return;
        }
        let items = self.items.get_or_insert_default();
        items.stats.of += entries.len() as u64;
        entries.iter().for_each(|entry| items.look(entry, hidden, depth, fields));
    }

    fn look_into_object(&mut self, members: &Map<String, Value>, hidden: bool, depth: u8, fields: &mut usize) {
        // Members come in the order of the last object's, mostly: the next child is looked at first.
        let mut next = 0;
        for (name, member) in members {
            let Some(at) = self.child(name, next, fields) else { continue };
            next = at + 1;
            if let Some((known, child)) = self.children.get_mut(at) {
                child.stats.of += u64::from(&**known == ANY_KEY);
                // A map's values share a child, whatever their keys are.
                let hidden = hidden || child.is_secret || (&**known == ANY_KEY && is_secret(name));
                child.look(member, hidden, depth, fields);
            }
        }
        if self.children.len() > MOST_CHILDREN {
            self.become_map();
        }
    }

    /// Where the child of this name is; made if there is room.
    fn child(&mut self, name: &str, hint: usize, fields: &mut usize) -> Option<usize> {
        if self.children.get(hint).is_some_and(|(known, _)| **known == *name) {
            return Some(hint);
        }
        let name = if self.is_map || is_key(name) { ANY_KEY } else { name };
        match self.children.binary_search_by(|(known, _)| (**known).cmp(name)) {
            Ok(at) => Some(at),
            Err(at) => take_one(fields).then(|| {
                let child = Self { is_secret: is_secret(name), ..Self::default() };
                self.children.insert(at, (name.into(), child));
                at
            }),
        }
    }

    /// All children become one.
    fn become_map(&mut self) {
        self.is_map = true;
        let mut any = Self::default();
        for (name, mut child) in std::mem::take(&mut self.children) {
            if &*name != ANY_KEY {
                child.stats.of = child.stats.present;
            }
            any.absorb(child);
        }
        self.children.push((ANY_KEY.into(), any));
    }

    fn absorb(&mut self, other: Self) {
        self.stats.absorb(&other.stats);
        self.is_map |= other.is_map;
        for (ours, theirs) in self.examples.iter_mut().zip(other.examples) {
            *ours = ours.take().or(theirs);
        }
        if let Some(items) = other.items {
            self.items.get_or_insert_default().absorb(*items);
        }
        for (name, child) in other.children {
            match self.children.binary_search_by(|(known, _)| known.cmp(&name)) {
                Ok(at) => self.children[at].1.absorb(child),
                Err(at) => self.children.insert(at, (name, child)),
            }
        }
    }

    /// A value of one of these types.
    pub(super) fn example(&self, wanted: impl Fn(Type) -> bool) -> Option<&Value> {
        Type::ALL.into_iter().filter(|kind| wanted(*kind)).find_map(|kind| self.examples[kind as usize].as_deref())
    }
}

/// A place for one more field.
fn take_one(fields: &mut usize) -> bool {
    *fields += 1;
    *fields <= MOST_FIELDS
}
