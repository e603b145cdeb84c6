//! What all requests share: world, clock, dice, tokens, quota, counters.

use super::answer::Refusal;
use super::compliance::Validations;
use super::grants::Grants;
use super::lists::FollowQuota;
use super::searches::Searches;
use super::stats::{Counters, Stats};
use super::youtube::YoutubeQuota;
use crate::faults::FaultDice;
use crate::world::{hash_text, mix};
use crate::{Endpoint, FaultKind, FaultPlan, FaultRule, Quota, SandboxConfig, SandboxError, SimClock, TimeBase, World};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many comments are remembered so that their replies can be asked for.
const REMEMBERED_COMMENTS: usize = 200_000;

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) struct Shared {
    pub(super) world: World,
    pub(super) clock: SimClock,
    pub(super) config: SandboxConfig,
    pub(super) searches: Mutex<Searches>,
    pub(super) follows: Mutex<FollowQuota>,
    pub(super) validations: Mutex<Validations>,
    pub(super) grants: Mutex<Grants>,
    pub(super) youtube: Mutex<YoutubeQuota>,
    dice: Mutex<FaultDice>,
    tokens: Mutex<HashMap<String, Instant>>,
    spent: Mutex<Spent>,
    comments: Mutex<CommentPlaces>,
    counters: Mutex<Counters>,
    serial: AtomicU64,
    secrets: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Spent {
    day: NaiveDate,
    requests: u64,
    records: u64,
}

#[derive(Default)]
struct CommentPlaces {
    places: HashMap<i64, (u64, u64)>,
    order: VecDeque<i64>,
}

impl Shared {
    pub(super) fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        config.faults.check()?;
        let world = World::new(config.world.clone())?;
        let clock = config.clock.clone().unwrap_or_else(|| SimClock::starting_at(world.end(), 1.0));
        Ok(Self {
            dice: Mutex::new(FaultDice::new(&config.faults)),
            searches: Mutex::new(Searches::new(config.remembered_searches)),
            world,
            clock,
            config,
            follows: Mutex::default(),
            validations: Mutex::default(),
            grants: Mutex::default(),
            youtube: Mutex::default(),
            tokens: Mutex::default(),
            spent: Mutex::default(),
            comments: Mutex::default(),
            counters: Mutex::default(),
            serial: AtomicU64::new(0),
            secrets: Mutex::default(),
        })
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A number that only this run and this call have; the same in the next run.
    pub(super) fn serial(&self) -> u64 {
        mix(self.config.world.seed ^ mix(self.serial.fetch_add(1, Ordering::SeqCst)))
    }

    pub(super) fn log_id(&self) -> String {
        let (high, low) = (self.serial(), self.serial() as u32 & 0xFFFF);
        format!("{}{high:016X}{low:04X}", self.now().format("%Y%m%d%H%M%S"))
    }

    /// Whether a trouble strikes this request.
    pub(super) fn strike(&self, kind: FaultKind, endpoint: Endpoint) -> Option<FaultRule> {
        let struck = lock(&self.dice).strike(kind, endpoint);
        if struck.is_some() {
            lock(&self.counters).fault(kind);
        }
        struck
    }

    pub(super) fn strikes(&self, kind: FaultKind, endpoint: Endpoint) -> bool {
        self.strike(kind, endpoint).is_some()
    }

    pub(super) fn faults(&self) -> FaultPlan {
        lock(&self.dice).plan()
    }

    /// Replaces the plan, or adds to it.
    pub(super) fn set_faults(&self, plan: &FaultPlan, append: bool) -> Result<(), SandboxError> {
        plan.check()?;
        let mut dice = lock(&self.dice);
        if append {
            dice.add(plan);
        } else {
            *dice = FaultDice::new(plan);
        }
        Ok(())
    }

    pub(super) fn issue_token(&self) -> String {
        let token = format!("clt.{:016x}{:016x}", self.serial(), hash_text("token") ^ self.serial());
        let ends = Instant::now() + Duration::from_secs(self.config.token_seconds);
        self.keep_secret(&token);
        lock(&self.tokens).insert(token.clone(), ends);
        token
    }

    /// A token of an owner: `act` or `rft`.
    pub(super) fn user_token(&self, kind: &str) -> String {
        let token = format!("{kind}.{:016x}{:016x}!{}", self.serial(), self.serial(), self.serial() % 10_000);
        self.keep_secret(&token);
        token
    }

    /// Remembers what nobody but the two sides may see.
    pub(super) fn keep_secret(&self, secret: &str) {
        lock(&self.secrets).push(secret.to_owned());
    }

    pub(super) fn secrets(&self) -> Vec<String> {
        lock(&self.secrets).clone()
    }

    /// Checks a bearer token; a struck one dies.
    pub(super) fn check_token(&self, token: Option<&str>, endpoint: Endpoint) -> Result<(), Refusal> {
        let token = token.ok_or_else(Refusal::token)?;
        let mut tokens = lock(&self.tokens);
        if tokens.get(token).is_none_or(|ends| *ends <= Instant::now())
            || self.strikes(FaultKind::TokenExpired, endpoint)
        {
            tokens.remove(token);
            return Err(Refusal::token());
        }
        Ok(())
    }

    /// Takes one request from the daily quota.
    pub(super) fn take_request(&self) -> Result<(), Refusal> {
        let Quota { requests, records, .. } = self.config.quota;
        let mut spent = self.spent_today();
        let left = spent.requests < requests && spent.records < records;
        lock(&self.counters).quota(spent.day, left);
        spent.requests += u64::from(left);
        if left { Ok(()) } else { Err(quota_spent()) }
    }

    pub(super) fn take_records(&self, count: u64) {
        self.spent_today().records += count;
        self.count_records(count);
    }

    /// Counts records that are not taken from the common quota.
    pub(super) fn count_records(&self, count: u64) {
        lock(&self.counters).records += count;
    }

    /// Counts a card; the website has no daily quota.
    pub(super) fn take_website_record(&self) {
        lock(&self.counters).records += 1;
    }

    /// The instant that decides which day's quota is spent.
    pub(super) fn quota_instant(&self) -> DateTime<Utc> {
        match self.config.quota.time_base {
            TimeBase::Real => Utc::now(),
            TimeBase::Simulated => self.now(),
        }
    }

    /// The day whose quota is spent.
    pub(super) fn today(&self) -> NaiveDate {
        self.quota_instant().date_naive()
    }

    fn spent_today(&self) -> MutexGuard<'_, Spent> {
        let today = self.today();
        let mut spent = lock(&self.spent);
        if spent.day != today {
            *spent = Spent { day: today, ..Spent::default() };
        }
        spent
    }

    pub(super) fn remember_comment(&self, id: i64, video: u64, number: u64) {
        let mut known = lock(&self.comments);
        if known.places.insert(id, (video, number)).is_none() {
            known.order.push_back(id);
        }
        if known.order.len() > REMEMBERED_COMMENTS
            && let Some(oldest) = known.order.pop_front()
        {
            known.places.remove(&oldest);
        }
    }

    /// Video index and number of a comment that was listed before.
    pub(super) fn place_of_comment(&self, id: i64) -> Option<(u64, u64)> {
        lock(&self.comments).places.get(&id).copied()
    }

    pub(super) fn count_request(&self, endpoint: Endpoint) {
        lock(&self.counters).request(endpoint);
    }

    pub(super) fn note_visitor(&self, agent: &str, driven: bool) {
        lock(&self.counters).visitor(agent, driven);
    }

    pub(super) fn count_answer(&self, status: u16) {
        lock(&self.counters).answer(status);
    }

    pub(super) fn stats(&self) -> Stats {
        let (requests, records) = {
            let spent = self.spent_today();
            (spent.requests, spent.records)
        };
        lock(&self.counters).snapshot(requests, records)
    }
}

pub(super) fn quota_spent() -> Refusal {
    let message = "The daily quota limit is exceeded. It is free again at 00:00 UTC.";
    Refusal::new(429, "daily_quota_limit_exceeded", message)
}
