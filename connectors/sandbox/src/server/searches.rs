//! Searches under way: their ids, and how far each has been walked.

use crate::world::mix;
use crate::{Matches, Query};
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// How many places of a search are remembered.
const PLACES: usize = 64;

/// The bits of a search id that number it.
const NUMBER: u64 = 0xFFF;

/// What is known about one search.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    /// (matches seen, index of the last of them), in order.
    places: Vec<(u64, u64)>,
    /// (cursor, items fewer than the cursor tells after it): pages that were short or empty on purpose.
    held_back: Vec<(u64, u64)>,
    used: u64,
}

/// The matches of one page.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) indices: Vec<u64>,
    pub(super) has_more: bool,
}

impl Search {
    /// How many matches come before a cursor.
    fn position(&self, cursor: u64) -> u64 {
        let held_back: u64 = self.held_back.iter().filter(|(at, _)| *at < cursor).map(|(_, count)| count).sum();
        cursor.saturating_sub(held_back)
    }

    /// The page at a cursor.
    pub(super) fn page(&mut self, matches: Matches<'_>, cursor: u64, count: u64) -> Page {
        let position = self.position(cursor);
        let mut walk = matches;
        let place = self.places.iter().rev().find(|(seen, _)| *seen <= position).copied();
        if let Some((_, index)) = place {
            walk = walk.below(index);
        }
        let skip = position - place.map_or(0, |(seen, _)| seen);
        let skipped = walk.by_ref().take(to_usize(skip)).count() as u64;
        let indices: Vec<_> = walk.by_ref().take(to_usize(count)).collect();
        if let Some(last) = indices.last().filter(|_| skipped == skip) {
            self.remember(position + indices.len() as u64, *last);
        }
        let has_more = indices.len() as u64 == count && walk.next().is_some();
        Page { indices, has_more }
    }

    fn remember(&mut self, seen: u64, index: u64) {
        if self.places.iter().any(|place| place.0 == seen) {
            return;
        }
        self.places.push((seen, index));
        self.places.sort_unstable();
        if self.places.len() > PLACES {
            self.places.remove(0);
        }
    }

    /// The page at this cursor was short by so many items: the next page begins with them.
    pub(super) fn hold_back(&mut self, cursor: u64, count: u64) {
        self.held_back.retain(|(at, _)| *at != cursor);
        if count > 0 {
            self.held_back.push((cursor, count));
        }
    }
}

fn to_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The searches that were used last.
pub(super) struct Searches {
    capacity: usize,
    known: HashMap<i64, Search>,
    tick: u64,
    begun: u64,
}

impl Searches {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), known: HashMap::new(), tick: 0, begun: 0 }
    }

    /// The number of a new search.
    pub(super) fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.begun
    }

    /// What is known about a search; nothing when it is new or forgotten.
    pub(super) fn load(&self, id: i64) -> Search {
        self.known.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn store(&mut self, id: i64, mut search: Search) {
        self.tick += 1;
        search.used = self.tick;
        self.known.insert(id, search);
        if self.known.len() > self.capacity
            && let Some(oldest) = self.known.iter().min_by_key(|(_, search)| search.used).map(|(id, _)| *id)
        {
            self.known.remove(&oldest);
        }
    }
}

/// The id of a search that begins at an instant. Like the real ones, `id >> 32` tells the second. The low half is
/// a number, which keeps searches of one second apart, and a check of the query, so that an id is known to be good,
/// and its instant is known, even when the search was forgotten.
pub(super) fn search_id(seed: u64, query: &Query, at: DateTime<Utc>, number: u64) -> i64 {
    let number = number & NUMBER;
    let check = mix(seed ^ query.fingerprint() ^ mix(at.timestamp() as u64 ^ number << 40)) & !NUMBER & 0xFFFF_FFFF;
    (at.timestamp() << 32) | (check | number) as i64
}

/// The instant of a search, when the id belongs to the query.
pub(super) fn instant_of(id: &str, seed: u64, query: &Query) -> Option<(i64, DateTime<Utc>)> {
    let id: i64 = id.parse().ok()?;
    let at = DateTime::from_timestamp(id >> 32, 0)?;
    (search_id(seed, query, at, id as u64) == id).then_some((id, at))
}
