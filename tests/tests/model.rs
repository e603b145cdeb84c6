//! The exactly-once protocol, model-checked: crashes, rebalances, zombies, repeats, commits of unknown outcome.
//!
//! One lane and one task. Every transition names the code it mirrors; what the code does between two steps that the
//! outside can see is one transition here. Logs are append-only vectors, so that an offset is an index. The negative
//! tests switch one guard off each and demand that the checker finds the harm: a model that cannot fail proves nothing.
//!
//! The whole is too large for one exhaustive run with many faults, so it is checked in three: collect alone against
//! the filter as a function of the log; enrich and land over a log as collect may leave it; and all together, with
//! fewer faults.

#![allow(clippy::print_stdout, reason = "how much was checked is worth knowing (--nocapture)")]

use stateright::{Checker, Expectation, Model, Property};
use std::time::Instant;

/// The source's pages. An item on two pages is what a feed that moves while it is paged gives; it counts once a cycle.
const PAGES: [&[u8]; 2] = [&[0, 1], &[1, 2]];
const ITEMS: u8 = 3;
const DONE: u8 = PAGES.len() as u8;

/// What the protocol stands on; each can be switched off.
#[derive(Clone, Copy, Debug)]
struct Guards {
    /// land/filter.rs: a message of an epoch below the highest seen is dropped.
    epochs: bool,
    /// land/filter.rs: a message whose lineage is not above the highest seen is dropped.
    lineage: bool,
    /// lake/commit.rs: a commit is refused when the positions it starts from have moved.
    positions: bool,
    /// lane.rs: a new owner reads what was published since the cursor.
    tail: bool,
    /// lane.rs: while reading the tail, what the lake will drop as stale does not count as published.
    tail_judged: bool,
    /// publish.rs: the cursor is written after every message of its page is acknowledged.
    acks: bool,
    /// lane.rs: a cursor counts only when the newest claim before it is its writer's.
    valid_cursors: bool,
    /// schedule.rs: a task that is edited in mid-cycle keeps the memory of what it has published.
    edits_remember: bool,
    /// collect.rs: an owner that is fenced although the lane is still assigned to it claims again.
    reclaim: bool,
    /// schedule.rs: an owner that has nothing to do looks for newer claims all the same.
    idle_check: bool,
    /// lane.rs: each cursor has a key of its own, and older ones are removed once the newer is known to be valid.
    own_keys: bool,
    /// log/client.rs: no message is lost while a later one goes through (`enable.gapless.guarantee`).
    gapless: bool,
}

const ALL: Guards = Guards {
    epochs: true,
    lineage: true,
    positions: true,
    tail: true,
    tail_judged: true,
    acks: true,
    valid_cursors: true,
    edits_remember: true,
    reclaim: true,
    idle_check: true,
    own_keys: true,
    gapless: true,
};

/// How many faults of each kind may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Faults {
    /// A process loses its memory; whichever.
    crashes: u8,
    /// The collectors' lane is given to somebody while the last owner knows nothing of it.
    zombie_collectors: u8,
    /// A second enricher begins while the first goes on.
    zombie_enrichers: u8,
    /// A second lander begins while the first goes on.
    zombie_landers: u8,
    /// A commit is answered with an error, though it has landed or will land.
    ambiguous: u8,
    /// The task is edited.
    edits: u8,
    /// The broker compacts the cursor topic.
    compactions: u8,
    /// An output is given up by the producer (only without `gapless`).
    dropped: u8,
}

/// A key of the cursor topic: epoch and, with `own_keys`, page + 1.
type Key = (u8, u8);

/// A message of the cursor topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Entry {
    Claim,
    Cursor {
        epoch: u8,
        cursor: Cursor,
        key: Key,
    },
    Removed(Key),
    /// Compacted away.
    Gone,
}

/// How far the task is: the next page and where its cycle began in the observed topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Cursor {
    page: u8,
    position: u8,
}

/// A message of the observed topic; without an item it is a fence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Observed {
    epoch: u8,
    item: Option<u8>,
}

/// A set of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Set(u8);

impl Set {
    fn has(self, item: u8) -> bool {
        self.0 & (1 << item) != 0
    }

    fn add(&mut self, item: u8) {
        self.0 |= 1 << item;
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Collector {
    /// Owns nothing and does nothing.
    Idle,
    /// Was given the lane; its claim is not written yet.
    Assigned,
    /// Its claim is written, its fence is not.
    Claimed { epoch: u8 },
    /// Believes it owns the lane.
    Owner(Owner),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Owner {
    epoch: u8,
    cursor: Option<Cursor>,
    /// `Lane::published`: what the tail held.
    tail: Set,
    /// `Entry::published`: what this process has published in the cycle.
    published: Set,
    /// `Publisher::positions`.
    next: u8,
    /// Within a page: what is yet to be acknowledged.
    page: Option<Vec<u8>>,
}

impl Owner {
    /// Mirrors `check_owner` in collect/lane.rs.
    fn is_fenced(&self, state: &State) -> bool {
        state.cursors[usize::from(self.epoch) + 1..].contains(&Entry::Claim)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Enricher {
    next: u8,
    /// An output was lost: nothing may be committed any more.
    failed: bool,
}

/// land/filter.rs `Track`, with its one lane; 0 = none, so that each is one above the highest seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Track {
    next: u8,
    lineage: u8,
    epoch: u8,
}

impl Track {
    /// Mirrors `Track::judge` in land/filter.rs. Is the message taken (or a fence)?
    fn judge(&mut self, source: u8, epoch: u8, guards: &Guards) -> bool {
        self.next += 1;
        if guards.lineage && source < self.lineage {
            return false;
        }
        self.lineage = source + 1;
        if guards.epochs && epoch + 1 < self.epoch {
            return false;
        }
        self.epoch = epoch + 1;
        true
    }
}

type Rows = [u8; ITEMS as usize];

/// The newest version of the table: everything that is landed, and up to where. A version's number is left out: all
/// that matters of it is whether it is still the newest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Table {
    rows: Rows,
    track: Track,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lander {
    /// The table has a newer version than the snapshot it holds.
    behind: bool,
    /// The positions it believes the table to have.
    stored: Track,
    track: Track,
    buffer: Rows,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Phase {
    Reading,
    /// A commit was answered with an error; the table has not been asked yet.
    Unsure,
    /// The table is as it was; the same files are offered again.
    Again,
}

/// A commit on its way to the store: a put of one version's file, which fails when there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Put {
    rows: Rows,
    track: Track,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    faults: Faults,
    cursors: Vec<Entry>,
    observed: Vec<Observed>,
    /// The enriched topic: only the lineage, since the rest follows from it.
    enriched: Vec<u8>,
    /// What the enrichers' group has committed.
    committed: u8,
    table: Table,
    /// Commits that were given up on and may still arrive.
    late: Vec<Put>,
    /// Whom the group has given the lane.
    assigned: Option<u8>,
    collectors: Vec<Collector>,
    enrichers: Vec<Enricher>,
    landers: Vec<Lander>,
    /// Compaction has taken away the cursor that counted.
    cursor_lost: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Assign(usize),
    Unassign,
    Revoked(usize),
    Claim(usize),
    Fence(usize),
    Open(usize),
    Poll(usize),
    Publish(usize),
    Save(usize),
    Check(usize),
    Edit(usize),
    CrashCollector(usize),
    Compact,
    JoinEnricher,
    Enrich(usize),
    Drop(usize),
    CommitInputs(usize),
    RestartEnricher(usize),
    JoinLander,
    Commit(usize, u8),
    CommitUnanswered(usize, u8),
    CommitDelayed(usize, u8),
    Offer(usize),
    Settle(usize),
    CrashLander(usize),
    Arrive(usize),
}

impl Action {
    /// Something that need not happen.
    fn is_fault(self) -> bool {
        use Action::{
            CommitDelayed, CommitUnanswered, Compact, CrashCollector, CrashLander, Drop, Edit, JoinEnricher,
            JoinLander, Unassign,
        };
        matches!(
            self,
            Unassign
                | Edit(_)
                | CrashCollector(_)
                | Compact
                | JoinEnricher
                | Drop(_)
                | JoinLander
                | CommitUnanswered(..)
                | CommitDelayed(..)
                | CrashLander(_)
        )
    }
}

struct Protocol {
    guards: Guards,
    start: State,
}

/// Offsets are indices, and none of these logs grows beyond a few dozen.
fn offset(len: usize) -> u8 {
    u8::try_from(len).unwrap_or(u8::MAX)
}

impl Protocol {
    /// Everything from collect to the table.
    fn whole(guards: Guards, faults: Faults) -> Self {
        Self { guards, start: State { enrichers: vec![ENRICHER], landers: vec![LANDER], ..start(faults) } }
    }

    /// Only collect; what lands is what the filter makes of the observed topic.
    fn collect(guards: Guards, faults: Faults) -> Self {
        Self { guards, start: start(faults) }
    }

    /// Only enrich and land, over what two collectors have left behind: the first published an item after the
    /// second's fence.
    fn land(guards: Guards, faults: Faults) -> Self {
        let message = |epoch, item| Observed { epoch, item };
        let cursor = Cursor { page: DONE, position: 5 };
        let state = State {
            observed: vec![
                message(0, Some(0)),
                message(2, None),
                message(0, Some(1)),
                message(2, Some(1)),
                message(2, Some(2)),
            ],
            cursors: vec![Entry::Claim, Entry::Gone, Entry::Claim, Entry::Cursor { epoch: 2, cursor, key: (2, 0) }],
            collectors: Vec::new(),
            enrichers: vec![ENRICHER],
            landers: vec![LANDER],
            ..start(faults)
        };
        Self { guards, start: state }
    }

    fn key(&self, epoch: u8, page: u8) -> Key {
        (epoch, if self.guards.own_keys { page + 1 } else { 0 })
    }

    /// Mirrors `read_cursors` in collect/lane.rs, for the claims before `claim`.
    fn cursor(&self, cursors: &[Entry]) -> Option<Cursor> {
        let (mut newest, mut owner) = (None, None);
        for (at, entry) in cursors.iter().enumerate() {
            match entry {
                Entry::Claim => owner = Some(offset(at)),
                Entry::Cursor { epoch, cursor, .. } if !self.guards.valid_cursors || owner == Some(*epoch) => {
                    newest = Some(*cursor);
                }
                Entry::Cursor { .. } | Entry::Removed(_) | Entry::Gone => {}
            }
        }
        newest
    }

    /// Mirrors `recover` in collect/lane.rs: what has been published since the cursor and will be taken.
    fn tail(&self, cursor: Option<Cursor>, observed: &[Observed]) -> Set {
        let mut published = Set::default();
        if !self.guards.tail {
            return published;
        }
        let from = usize::from(cursor.map_or(0, |c| c.position));
        // The message before a position is its writer's, whose fence therefore stands before it.
        let mut highest = if from > 0 { observed[from - 1].epoch } else { 0 };
        for message in &observed[from..] {
            let stale = self.guards.tail_judged && message.epoch < highest;
            highest = highest.max(message.epoch);
            if let Some(item) = message.item.filter(|_| !stale) {
                published.add(item);
            }
        }
        published
    }

    /// What the filter lets through of a stretch of the observed topic, if each message reaches it once and in order.
    fn accepted(&self, observed: &[Observed]) -> Rows {
        let (mut track, mut rows) = (Track::default(), Rows::default());
        for (at, message) in observed.iter().enumerate() {
            let taken = track.judge(offset(at), message.epoch, &self.guards);
            if let Some(item) = message.item.filter(|_| taken) {
                rows[usize::from(item)] += 1;
            }
        }
        rows
    }

    /// What is in the table; when nobody lands, what would be.
    fn landed(&self, state: &State) -> Rows {
        if self.start.landers.is_empty() { self.accepted(&state.observed) } else { state.table.rows }
    }

    fn finished(&self, state: &State) -> bool {
        self.cursor(&state.cursors).is_some_and(|c| c.page == DONE)
    }

    /// One step of the collector `at`.
    fn collector(&self, state: &mut State, at: usize, action: Action) -> Option<()> {
        let mut collector = state.collectors[at].clone();
        match (action, &mut collector) {
            // collect/publish.rs `claim`: the offset of the claim is the epoch. Nothing stops a take-over that has
            // begun: a revocation waits for it (`stop_all` in collect.rs).
            (Action::Claim(_), Collector::Assigned) => {
                collector = Collector::Claimed { epoch: offset(state.cursors.len()) };
                state.cursors.push(Entry::Claim);
            }
            // collect/publish.rs `fence` and collect/lane.rs `recover`, which reads only what stands before both.
            (Action::Fence(_), Collector::Claimed { epoch }) => {
                let epoch = *epoch;
                let cursor = self.cursor(&state.cursors[..usize::from(epoch)]);
                let tail = self.tail(cursor, &state.observed);
                state.observed.push(Observed { epoch, item: None });
                let next = offset(state.observed.len());
                collector =
                    Collector::Owner(Owner { epoch, cursor, tail, published: Set::default(), next, page: None });
            }
            (_, Collector::Owner(owner)) => {
                if !self.owner(state, owner, action)? {
                    // collect.rs `lane_ended`.
                    let ours = state.assigned == Some(offset(at));
                    collector = if ours && self.guards.reclaim { Collector::Assigned } else { Collector::Idle };
                }
            }
            _ => return None,
        }
        state.collectors[at] = collector;
        Some(())
    }

    /// One step of an owner; false when it finds that it is none.
    fn owner(&self, state: &mut State, owner: &mut Owner, action: Action) -> Option<bool> {
        match (action, owner.cursor) {
            // collect/schedule.rs `open_cycle`.
            (Action::Open(_), None) => {
                owner.published = Set::default();
                self.save(state, owner, Cursor { page: 0, position: owner.next });
            }
            // collect/schedule.rs `step` up to `check_owner` in `send`: the page is there, its ids are noted.
            (Action::Poll(_), Some(cursor)) => {
                if owner.is_fenced(state) {
                    return Some(false);
                }
                if self.guards.own_keys {
                    forget_older(state, owner.epoch);
                }
                let mut page = Vec::new();
                for item in PAGES[usize::from(cursor.page)] {
                    if !owner.tail.has(*item) && !owner.published.has(*item) {
                        page.push(*item);
                    }
                    owner.published.add(*item);
                }
                owner.page = Some(page);
                if !self.guards.acks {
                    self.save_page(state, owner, cursor);
                }
            }
            // collect/publish.rs `page`: in order, one acknowledgement after the other.
            (Action::Publish(_), Some(_)) => {
                let item = owner.page.as_mut()?.remove(0);
                state.observed.push(Observed { epoch: owner.epoch, item: Some(item) });
                owner.next = offset(state.observed.len());
            }
            // collect/schedule.rs `finish_page`.
            (Action::Save(_), Some(cursor)) => {
                owner.page = None;
                if self.guards.acks {
                    self.save_page(state, owner, cursor);
                }
            }
            // collect/schedule.rs `run`, between tasks that are due.
            (Action::Check(_), _) => return Some(!owner.is_fenced(state)),
            // collect/schedule.rs `apply`, `Change::Set`: between two steps.
            (Action::Edit(_), _) => {
                state.faults.edits -= 1;
                if !self.guards.edits_remember {
                    owner.published = Set::default();
                }
            }
            _ => return None,
        }
        Some(true)
    }

    fn save_page(&self, state: &mut State, owner: &mut Owner, cursor: Cursor) {
        let page = cursor.page + 1;
        let position = if page == DONE { owner.next } else { cursor.position };
        self.save(state, owner, Cursor { page, position });
    }

    /// Mirrors `save` in collect/lane.rs.
    fn save(&self, state: &mut State, owner: &mut Owner, cursor: Cursor) {
        let key = self.key(owner.epoch, cursor.page);
        state.cursors.push(Entry::Cursor { epoch: owner.epoch, cursor, key });
        owner.cursor = Some(cursor);
        if self.guards.own_keys || state.faults.compactions == 0 {
            return;
        }
        // Without keys of their own, the cursor of an earlier owner is removed at once (`forget_cursor`).
        let mut older: Vec<Key> = state.cursors.iter().filter_map(|e| key_of(e, |epoch| epoch < owner.epoch)).collect();
        older.dedup();
        state.cursors.extend(older.into_iter().map(Entry::Removed));
    }

    /// The broker keeps the newest message of each key; claims have keys of their own.
    fn compact(&self, state: &mut State) {
        let before = self.cursor(&state.cursors);
        for at in 0..state.cursors.len() {
            let Some(key) = key_of(&state.cursors[at], |_| true) else { continue };
            let newer = |e: &Entry| matches!(e, Entry::Cursor { key: k, .. } | Entry::Removed(k) if *k == key);
            if state.cursors[at + 1..].iter().any(newer) {
                state.cursors[at] = Entry::Gone;
            }
        }
        state.cursor_lost |= self.cursor(&state.cursors) != before;
    }

    /// One step of a lander.
    fn lander(&self, state: &mut State, at: usize, action: Action) -> Option<()> {
        let mut lander = state.landers[at].clone();
        match action {
            // land/table.rs `take`, so many messages, then `commit`. What is buffered is seen by nobody, and a message
            // is the same whenever it is read: taking it just before the commit loses no behaviour.
            Action::Commit(_, messages)
            | Action::CommitUnanswered(_, messages)
            | Action::CommitDelayed(_, messages) => {
                for _ in 0..messages {
                    let source = *state.enriched.get(usize::from(lander.track.next))?;
                    let message = state.observed[usize::from(source)];
                    let taken = lander.track.judge(source, message.epoch, &self.guards);
                    if let Some(item) = message.item.filter(|_| taken) {
                        lander.buffer[usize::from(item)] += 1;
                    }
                }
                self.attempt(state, &mut lander, action);
            }
            // lake/commit.rs `commit`: the next attempt, with the same files.
            Action::Offer(_) => self.attempt(state, &mut lander, action),
            // lake/commit.rs `settle`: what does the table say?
            Action::Settle(_) => {
                if !self.guards.positions || state.table.track == lander.stored {
                    lander.behind = false;
                    lander.phase = Phase::Again;
                } else {
                    // Landed or fenced (then land.rs `reassign`). Which of the two, told by the operation id, is for
                    // the counts: either way what is believed from now on is what the table says.
                    lander.begin(&state.table);
                }
            }
            // A process that ends and begins again: land/table.rs `resume`.
            Action::CrashLander(_) => {
                state.faults.crashes -= 1;
                lander.begin(&state.table);
            }
            _ => return None,
        }
        state.landers[at] = lander;
        Some(())
    }
}

impl Protocol {
    /// Mirrors `attempt_once` in lake/commit.rs. The store takes a version's file once; delta-rs refuses when a newer
    /// version than the snapshot wrote one of our `txn` ids, as every landing does.
    fn attempt(&self, state: &mut State, lander: &mut Lander, action: Action) {
        if lander.behind && self.guards.positions {
            lander.phase = Phase::Unsure;
            return;
        }
        let put = Put { rows: lander.buffer, track: lander.track };
        match action {
            Action::CommitUnanswered(..) => {
                state.faults.ambiguous -= 1;
                state.apply(&put);
                lander.behind = true;
                lander.phase = Phase::Unsure;
            }
            Action::CommitDelayed(..) => {
                state.faults.ambiguous -= 1;
                state.late.push(put);
                lander.phase = Phase::Unsure;
            }
            _ => {
                state.apply(&put);
                lander.begin(&state.table);
            }
        }
    }
}

/// With keys of their own, cursors are removed once an owner has seen, after its own cursor was acknowledged, that
/// nobody had claimed the lane: its cursor is the one that counts, and none before it will again.
fn forget_older(state: &mut State, epoch: u8) {
    if state.faults.compactions == 0 {
        return;
    }
    let mine = |e: &Entry| matches!(e, Entry::Cursor { epoch: writer, .. } if *writer == epoch);
    let Some(newest) = state.cursors.iter().rposition(mine) else { return };
    let older: Vec<Key> = state.cursors[..newest].iter().filter_map(|e| key_of(e, |_| true)).collect();
    let removed = |key: &Key| state.cursors.contains(&Entry::Removed(*key));
    let older: Vec<Key> = older.into_iter().filter(|key| !removed(key)).collect();
    state.cursors.extend(older.into_iter().map(Entry::Removed));
}

fn key_of(entry: &Entry, wanted: impl Fn(u8) -> bool) -> Option<Key> {
    match entry {
        Entry::Cursor { epoch, key, .. } if wanted(*epoch) => Some(*key),
        _ => None,
    }
}

const ENRICHER: Enricher = Enricher { next: 0, failed: false };

const BEGIN: Track = Track { next: 0, lineage: 0, epoch: 0 };
const LANDER: Lander =
    Lander { behind: false, stored: BEGIN, track: BEGIN, buffer: [0; ITEMS as usize], phase: Phase::Reading };

fn start(faults: Faults) -> State {
    State {
        faults,
        cursors: Vec::new(),
        observed: Vec::new(),
        enriched: Vec::new(),
        committed: 0,
        table: Table::default(),
        late: Vec::new(),
        assigned: None,
        collectors: vec![Collector::Idle, Collector::Idle],
        enrichers: Vec::new(),
        landers: Vec::new(),
        cursor_lost: false,
    }
}

impl State {
    /// A version is put: whoever holds the one before is behind, and no other put of the same version succeeds.
    fn apply(&mut self, put: &Put) {
        for (row, more) in self.table.rows.iter_mut().zip(put.rows) {
            *row += more;
        }
        self.table.track = put.track;
        self.late.clear();
        self.landers.iter_mut().for_each(|lander| lander.behind = true);
    }
}

impl Lander {
    /// Begins where the table is, positions and snapshot read together: when starting, when fenced, and after a
    /// landing, which makes the two the same.
    fn begin(&mut self, table: &Table) {
        *self = Self { stored: table.track, track: table.track, ..LANDER };
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![self.start.clone()]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let faults = state.faults;
        for (at, collector) in state.collectors.iter().enumerate() {
            // Two that remember nothing are alike.
            let alike = at > 0 && *collector == Collector::Idle && state.collectors[0] == Collector::Idle;
            if state.assigned.is_none() && !alike {
                actions.push(Action::Assign(at));
            }
            if *collector != Collector::Idle && faults.crashes > 0 {
                actions.push(Action::CrashCollector(at));
            }
            match collector {
                Collector::Idle => {}
                Collector::Assigned => actions.push(Action::Claim(at)),
                Collector::Claimed { .. } => actions.push(Action::Fence(at)),
                Collector::Owner(owner) => {
                    if state.assigned != Some(offset(at)) {
                        actions.push(Action::Revoked(at));
                    }
                    match (&owner.page, owner.cursor) {
                        (None, None) => actions.push(Action::Open(at)),
                        (None, Some(cursor)) if cursor.page < DONE => {
                            actions.push(Action::Poll(at));
                            if faults.edits > 0 {
                                actions.push(Action::Edit(at));
                            }
                        }
                        (None, Some(_)) => {
                            if self.guards.idle_check && owner.is_fenced(state) {
                                actions.push(Action::Check(at));
                            }
                        }
                        (Some(page), _) if page.is_empty() => actions.push(Action::Save(at)),
                        (Some(_), _) => actions.push(Action::Publish(at)),
                    }
                }
            }
        }
        if state.assigned.is_some() && faults.zombie_collectors > 0 {
            actions.push(Action::Unassign);
        }
        if faults.compactions > 0 {
            actions.push(Action::Compact);
        }
        for (at, enricher) in state.enrichers.iter().enumerate() {
            if usize::from(enricher.next) < state.observed.len() {
                actions.push(Action::Enrich(at));
                if faults.dropped > 0 && !self.guards.gapless {
                    actions.push(Action::Drop(at));
                }
            }
            if enricher.next > state.committed && !enricher.failed {
                actions.push(Action::CommitInputs(at));
            }
            if (enricher.next > state.committed && faults.crashes > 0) || enricher.failed {
                actions.push(Action::RestartEnricher(at));
            }
        }
        if state.enrichers.len() == 1 && faults.zombie_enrichers > 0 {
            actions.push(Action::JoinEnricher);
        }
        for (at, lander) in state.landers.iter().enumerate() {
            let behind = lander.behind;
            let left = offset(state.enriched.len()) - lander.track.next;
            match lander.phase {
                Phase::Unsure => actions.push(Action::Settle(at)),
                Phase::Again => actions.push(Action::Offer(at)),
                // Refused, whatever is in it.
                Phase::Reading if behind && self.guards.positions && left > 0 => actions.push(Action::Commit(at, 1)),
                Phase::Reading => {
                    for messages in 1..=left {
                        actions.push(Action::Commit(at, messages));
                        if faults.ambiguous > 0 {
                            actions.push(Action::CommitUnanswered(at, messages));
                            actions.push(Action::CommitDelayed(at, messages));
                        }
                    }
                }
            }
            if (behind || lander.phase != Phase::Reading) && faults.crashes > 0 {
                actions.push(Action::CrashLander(at));
            }
        }
        if state.landers.len() == 1 && faults.zombie_landers > 0 {
            actions.push(Action::JoinLander);
        }
        actions.extend((0..state.late.len()).map(Action::Arrive));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            // collect.rs `Word::Assigned`: whatever ran for the lane is stopped first.
            Action::Assign(at) => {
                state.assigned = Some(offset(at));
                state.collectors[at] = Collector::Assigned;
            }
            Action::Unassign => {
                state.faults.zombie_collectors -= 1;
                state.assigned = None;
            }
            // collect.rs `Word::Revoked`.
            Action::Revoked(at) => state.collectors[at] = Collector::Idle,
            Action::CrashCollector(at) => {
                state.faults.crashes -= 1;
                state.collectors[at] = Collector::Idle;
                state.assigned = state.assigned.filter(|owner| *owner != offset(at));
            }
            Action::Claim(at)
            | Action::Fence(at)
            | Action::Open(at)
            | Action::Poll(at)
            | Action::Publish(at)
            | Action::Save(at)
            | Action::Check(at)
            | Action::Edit(at) => self.collector(&mut state, at, action)?,
            Action::Compact => {
                self.compact(&mut state);
                state.faults.compactions -= 1;
            }
            // A rebalance: the new enricher begins at what is committed, the old one goes on.
            Action::JoinEnricher => {
                state.faults.zombie_enrichers -= 1;
                state.enrichers.push(Enricher { next: state.committed, failed: false });
            }
            // roles/enrich.rs `poll_once`: one output for one input, in order.
            Action::Enrich(at) => {
                state.enriched.push(state.enrichers[at].next);
                state.enrichers[at].next += 1;
            }
            Action::Drop(at) => {
                state.faults.dropped -= 1;
                state.enrichers[at] = Enricher { next: state.enrichers[at].next + 1, failed: true };
            }
            // roles/enrich.rs `settle`.
            Action::CommitInputs(at) => state.committed = state.enrichers[at].next,
            Action::RestartEnricher(at) => {
                if !state.enrichers[at].failed {
                    state.faults.crashes -= 1;
                }
                state.enrichers[at] = Enricher { next: state.committed, failed: false };
            }
            // A rebalance: the new lander begins where the table is (land.rs `reassign`), the old one goes on.
            Action::JoinLander => {
                state.faults.zombie_landers -= 1;
                let mut new = LANDER;
                new.begin(&state.table);
                state.landers.push(new);
            }
            Action::Commit(at, _)
            | Action::CommitUnanswered(at, _)
            | Action::CommitDelayed(at, _)
            | Action::Offer(at)
            | Action::Settle(at)
            | Action::CrashLander(at) => self.lander(&mut state, at, action)?,
            // A put that was given up on reaches the store, whoever sent it and whether or not it still lives.
            Action::Arrive(at) => {
                let put = state.late.remove(at);
                state.apply(&put);
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(ONCE, |_, state: &State| state.table.rows.iter().all(|count| *count <= 1)),
            Property::always(THIN_AIR, |_, state: &State| {
                let published = |item| state.observed.iter().any(|m| m.item == Some(item));
                (0..ITEMS).all(|item| state.table.rows[usize::from(item)] == 0 || published(item))
            }),
            // Whatever enrich and land go through, the table is what the filter makes of a prefix of the log.
            Property::always(PREFIX, |model: &Self, state: &State| {
                let reached = usize::from(state.table.track.lineage);
                state.table.rows == model.accepted(&state.observed[..reached])
            }),
            Property::always(ONCE_OBSERVED, |model: &Self, state: &State| {
                model.accepted(&state.observed).iter().all(|c| *c <= 1)
            }),
            Property::always(NONE_MISSING_OBSERVED, |model: &Self, state: &State| {
                !model.finished(state) || model.accepted(&state.observed).iter().all(|count| *count > 0)
            }),
            // The cursor says finished, every message has been enriched, everything enriched is in the table.
            Property::always(NONE_MISSING, |model: &Self, state: &State| {
                let enriched = state.enriched.iter().max().is_some_and(|m| usize::from(*m) + 1 == state.observed.len());
                let landed = usize::from(state.table.track.next) == state.enriched.len();
                !(model.finished(state) && enriched && landed) || state.table.rows.iter().all(|count| *count > 0)
            }),
            // Nobody waits for ever: when nothing but faults can happen, the work is done.
            Property::always(NO_DEAD_END, |model: &Self, state: &State| {
                let mut actions = Vec::new();
                model.actions(state, &mut actions);
                let over = actions.into_iter().all(Action::is_fault);
                !over || (model.finished(state) && model.landed(state) == [1; 3])
            }),
            Property::always(CURSOR_KEPT, |_, state: &State| !state.cursor_lost),
            Property::sometimes(ALL_DONE, |model: &Self, state: &State| {
                model.finished(state) && model.landed(state) == [1; 3] && state.faults == Faults::default()
            }),
        ]
    }
}

const ONCE: &str = "no record twice in the table";
const THIN_AIR: &str = "nothing lands out of thin air";
const PREFIX: &str = "the table is what the filter makes of a prefix of the log";
const ONCE_OBSERVED: &str = "the filter lets no record through twice";
const NONE_MISSING_OBSERVED: &str = "the filter lets every record of a finished task through";
const NONE_MISSING: &str = "no record is missing once everything is drained";
const NO_DEAD_END: &str = "nobody waits for ever";
const CURSOR_KEPT: &str = "compaction takes no cursor that counts";
const ALL_DONE: &str = "every record landed, after every fault";

const THREADS: usize = 2;

/// Checks every reachable state.
fn holds(name: &str, model: Protocol) {
    let begun = Instant::now();
    let checker = model.checker().threads(THREADS).spawn_bfs().join();
    println!("{name}: {} states, depth {}, {:?}", checker.unique_state_count(), checker.max_depth(), begun.elapsed());
    checker.assert_properties();
}

/// Demands that the checker finds this property broken, and shows how.
fn breaks(model: Protocol, property: &'static str) {
    let begun = Instant::now();
    let always = model.properties().into_iter().any(|p| p.name == property && p.expectation == Expectation::Always);
    assert!(always, "{property} is not a property that must always hold");
    let wanted = stateright::HasDiscoveries::AnyOf(std::collections::BTreeSet::from([property]));
    let checker = model.checker().threads(THREADS).finish_when(wanted).spawn_bfs().join();
    let found = checker.assert_any_discovery(property).into_actions();
    println!(
        "broken: {property}, by {} steps of {} states, {:?}: {found:?}",
        found.len(),
        checker.unique_state_count(),
        begun.elapsed()
    );
}

#[test]
fn collect_publishes_each_record_once() {
    let faults = Faults { crashes: 1, zombie_collectors: 1, edits: 1, ..Faults::default() };
    holds("collect, crash and zombie", Protocol::collect(ALL, faults));
    holds("collect, two zombies", Protocol::collect(ALL, Faults { zombie_collectors: 2, ..Faults::default() }));
    holds("collect, two crashes", Protocol::collect(ALL, Faults { crashes: 2, edits: 1, ..Faults::default() }));
}

#[test]
fn land_takes_each_record_once() {
    let faults = Faults { crashes: 1, zombie_landers: 1, ambiguous: 1, ..Faults::default() };
    holds("land, two landers", Protocol::land(ALL, faults));
    let faults = Faults { zombie_enrichers: 1, zombie_landers: 1, ..Faults::default() };
    holds("land, two of each", Protocol::land(ALL, faults));
    let faults = Faults { crashes: 2, ambiguous: 1, ..Faults::default() };
    holds("land, crashes", Protocol::land(ALL, faults));
}

#[test]
fn the_whole_path_is_exactly_once() {
    let faults = Faults { zombie_collectors: 1, ..Faults::default() };
    holds("whole, zombie", Protocol::whole(ALL, faults));
    let faults = Faults { crashes: 1, ambiguous: 1, ..Faults::default() };
    holds("whole, crashes", Protocol::whole(ALL, faults));
}

#[test]
fn compaction_keeps_the_cursor_that_counts() {
    let faults = Faults { crashes: 1, zombie_collectors: 1, compactions: 1, ..Faults::default() };
    holds("compaction", Protocol::collect(ALL, faults));
}

const TWO_COLLECTORS: Faults = Faults {
    crashes: 1,
    zombie_collectors: 1,
    zombie_enrichers: 0,
    zombie_landers: 0,
    ambiguous: 0,
    edits: 0,
    compactions: 0,
    dropped: 0,
};

#[test]
fn without_epochs_a_zombie_collector_doubles_records() {
    let guards = Guards { epochs: false, ..ALL };
    breaks(Protocol::collect(guards, TWO_COLLECTORS), ONCE_OBSERVED);
}

#[test]
fn without_lineage_a_restarted_enricher_doubles_records() {
    let guards = Guards { lineage: false, ..ALL };
    breaks(Protocol::land(guards, Faults { crashes: 1, ..Faults::default() }), ONCE);
    breaks(Protocol::land(guards, Faults { zombie_enrichers: 1, ..Faults::default() }), ONCE);
}

#[test]
fn without_the_check_of_positions_landers_double_records() {
    let guards = Guards { positions: false, ..ALL };
    breaks(Protocol::land(guards, Faults { zombie_landers: 1, ..Faults::default() }), ONCE);
    breaks(Protocol::land(guards, Faults { ambiguous: 1, ..Faults::default() }), ONCE);
}

#[test]
fn without_the_tail_a_restarted_collector_doubles_records() {
    let guards = Guards { tail: false, ..ALL };
    breaks(Protocol::collect(guards, Faults { crashes: 1, ..Faults::default() }), ONCE_OBSERVED);
    breaks(Protocol::whole(guards, Faults { crashes: 1, ..Faults::default() }), ONCE);
}

/// What the lake drops as stale must not count as published, or nobody publishes it.
#[test]
fn with_a_tail_that_counts_stale_messages_records_are_lost() {
    let guards = Guards { tail_judged: false, ..ALL };
    breaks(Protocol::collect(guards, TWO_COLLECTORS), NO_DEAD_END);
    breaks(Protocol::collect(guards, TWO_COLLECTORS), NONE_MISSING_OBSERVED);
}

#[test]
fn with_cursors_before_their_acknowledgements_records_are_lost() {
    let guards = Guards { acks: false, ..ALL };
    breaks(Protocol::collect(guards, Faults { crashes: 1, ..Faults::default() }), NO_DEAD_END);
    breaks(Protocol::whole(guards, Faults { crashes: 1, ..Faults::default() }), NO_DEAD_END);
}

#[test]
fn with_cursors_of_zombies_records_are_lost() {
    let guards = Guards { valid_cursors: false, ..ALL };
    breaks(Protocol::collect(guards, TWO_COLLECTORS), NONE_MISSING_OBSERVED);
}

#[test]
fn without_a_memory_that_outlives_edits_records_are_doubled() {
    let guards = Guards { edits_remember: false, ..ALL };
    breaks(Protocol::collect(guards, Faults { edits: 1, ..Faults::default() }), ONCE_OBSERVED);
}

/// A claim that is written late, by a collector that has been revoked, fences the one the lane was given to.
#[test]
fn without_a_second_claim_a_lane_is_left_alone() {
    let guards = Guards { reclaim: false, ..ALL };
    breaks(Protocol::collect(guards, Faults { zombie_collectors: 1, ..Faults::default() }), NO_DEAD_END);
}

/// A lane whose only task is finished, as its fenced owner believes: nobody polls, so nobody looks.
#[test]
fn without_a_look_when_idle_a_fenced_owner_never_knows() {
    let guards = Guards { idle_check: false, ..ALL };
    breaks(Protocol::collect(guards, Faults { zombie_collectors: 1, ..Faults::default() }), NO_DEAD_END);
}

/// A zombie's late cursor has the key of its last valid one; compaction then keeps the wrong one.
#[test]
fn without_keys_of_their_own_compaction_takes_cursors() {
    let guards = Guards { own_keys: false, ..ALL };
    let faults = Faults { zombie_collectors: 1, compactions: 1, ..Faults::default() };
    breaks(Protocol::collect(guards, faults), CURSOR_KEPT);
}

#[test]
fn with_gaps_the_filter_hides_what_was_lost() {
    let guards = Guards { gapless: false, ..ALL };
    breaks(Protocol::land(guards, Faults { dropped: 1, ..Faults::default() }), NONE_MISSING);
}
