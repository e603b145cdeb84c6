//! The ways to poll, and running them with the same requests at the same instants.

use crate::scene::{BATCH, DAY, HOUR, SPAN, Scene, TICK, log_views};
use std::collections::HashMap;
use tidelake_connectors::revisit::{Pace, Planner, RevisitConfig};
use tidelake_schemas::Timestamp;

/// All of them give a video up after so many answers in a row without it.
const MISSES: u8 = 3;

/// A way to poll.
pub(crate) trait Policy {
    /// A video was published.
    fn arrive(&mut self, subject: usize, id: i64, born: i64);
    /// Whom to ask for now: so many requests, and as many again after `every` seconds.
    fn pick(&mut self, now: i64, requests: usize, every: i64) -> Vec<Vec<usize>>;
    /// What was answered.
    fn hear(&mut self, subject: usize, now: i64, views: Option<i64>);
}

/// What a run asked and saw.
#[derive(Default)]
pub(crate) struct Run {
    /// By video: when it was seen, and log(1 + views).
    pub(crate) seen: Vec<Vec<(i64, f32)>>,
    pub(crate) requests: usize,
    /// Ids asked for.
    pub(crate) polls: usize,
}

/// Runs a policy over a scene, with so many requests in each tick.
pub(crate) fn run(scene: &Scene, policy: &mut dyn Policy, budget: &[usize]) -> Run {
    let mut run = Run { seen: vec![Vec::new(); scene.subjects.len()], ..Run::default() };
    let mut arrivals = scene.subjects.iter().enumerate().peekable();
    // The budget changes slowly: the next requests come about as late as these came after the last.
    let (mut last, mut every) = (scene.start, DAY);
    for (now, &requests) in (scene.start..scene.end).step_by(TICK as usize).zip(budget) {
        while let Some((subject, video)) = arrivals.next_if(|(_, video)| video.born <= now) {
            policy.arrive(subject, video.id, video.born);
        }
        if requests == 0 {
            continue;
        }
        if now > last {
            (last, every) = (now, now - last);
        }
        let asked = policy.pick(now, requests, every);
        assert!(asked.len() <= requests && asked.iter().all(|ids| ids.len() <= BATCH), "more than the budget");
        run.requests += asked.len();
        for subject in asked.concat() {
            run.polls += 1;
            let views = scene.ask(subject, now);
            policy.hear(subject, now, views);
            run.seen[subject].extend(views.map(|views| (now, log_views(views))));
        }
    }
    run
}

/// A video as a [`Timetable`] sees it.
struct Entry {
    born: i64,
    last: i64,
    misses: u8,
}

/// Polls whoever has waited longest in proportion to the gap that a table has for its age at its last poll. The budget
/// says what the proportion is, so that no density has to be chosen, and no request is ever unused.
pub(crate) struct Timetable {
    /// The gap after a poll at an age, both in hours.
    gap: fn(f64) -> f64,
    /// Whether videos younger than 48 h go first when they would otherwise wait longer than 12 h.
    floor: bool,
    /// In the order of publication.
    videos: Vec<Entry>,
}

impl Timetable {
    pub(crate) fn new(gap: fn(f64) -> f64, floor: bool) -> Self {
        Self { gap, floor, videos: Vec::new() }
    }

    /// How urgent a video is; `None`: given up.
    fn urgency(&self, entry: &Entry, now: i64, every: i64) -> Option<f64> {
        if entry.misses >= MISSES {
            return None;
        }
        let floor = entry.last + 12 * HOUR;
        if self.floor && floor <= entry.born + 2 * DAY && floor < now + every {
            return Some(1e9 - (floor - now) as f64);
        }
        let hours = |secs: i64| secs as f64 / HOUR as f64;
        Some(hours(now - entry.last) / (self.gap)(hours(entry.last - entry.born)))
    }
}

impl Policy for Timetable {
    fn arrive(&mut self, subject: usize, _: i64, born: i64) {
        assert_eq!(subject, self.videos.len(), "in the order of publication");
        self.videos.push(Entry { born, last: born, misses: 0 });
    }

    fn pick(&mut self, now: i64, requests: usize, every: i64) -> Vec<Vec<usize>> {
        let urgency = |(subject, entry)| Some((self.urgency(entry, now, every)?, subject, entry.born));
        let mut waiting: Vec<_> = self.videos.iter().enumerate().filter_map(urgency).collect();
        waiting.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut asked = Vec::new();
        while asked.len() < requests && !waiting.is_empty() {
            // From the most urgent on, whoever fits into the span.
            let (mut from, mut to, mut ids) = (waiting[0].2, waiting[0].2, Vec::new());
            waiting.retain(|&(_, subject, born)| {
                let fits = ids.len() < BATCH && to.max(born) - from.min(born) <= SPAN;
                if fits {
                    (from, to) = (from.min(born), to.max(born));
                    ids.push(subject);
                }
                !fits
            });
            asked.push(ids);
        }
        asked
    }

    fn hear(&mut self, subject: usize, now: i64, views: Option<i64>) {
        let entry = &mut self.videos[subject];
        entry.last = now;
        entry.misses = if views.is_some() { 0 } else { entry.misses + 1 };
    }
}

/// The same gap for all.
fn fixed(_: f64) -> f64 {
    1.0
}

/// Polls at 1 h, 6 h, 24 h, 3 d and 7 d after publication, then every week: the gap after a poll at an age, interpolated
/// (logarithms) between these.
fn by_age(age: f64) -> f64 {
    const GAPS: [(f64, f64); 6] = [(0.25, 1.0), (1.0, 5.0), (6.0, 18.0), (24.0, 48.0), (72.0, 96.0), (168.0, 168.0)];
    let place = GAPS.partition_point(|(from, _)| *from <= age);
    let (Some(low), Some(high)) = (place.checked_sub(1).map(|low| GAPS[low]), GAPS.get(place)) else {
        return if place == 0 { 1.0 } else { 168.0 };
    };
    low.1 * (high.1 / low.1).powf((age / low.0).ln() / (high.0 / low.0).ln())
}

/// The planner.
pub(crate) struct Adaptive {
    planner: Planner,
    subjects: HashMap<i64, usize>,
    ids: HashMap<usize, i64>,
}

impl Adaptive {
    pub(crate) fn new() -> Self {
        let config = RevisitConfig { misses: MISSES, ..RevisitConfig::default() };
        let planner = Planner::new(config).expect("a good configuration");
        Self { planner, subjects: HashMap::new(), ids: HashMap::new() }
    }
}

impl Policy for Adaptive {
    fn arrive(&mut self, subject: usize, id: i64, born: i64) {
        self.subjects.insert(id, subject);
        self.ids.insert(subject, id);
        self.planner.track(id, timestamp(born));
    }

    fn pick(&mut self, now: i64, requests: usize, every: i64) -> Vec<Vec<usize>> {
        let pace = Pace { requests, every_s: every as u32 };
        let asked = self.planner.next(timestamp(now), pace);
        asked.iter().map(|ids| ids.iter().map(|id| self.subjects[id]).collect()).collect()
    }

    fn hear(&mut self, subject: usize, now: i64, views: Option<i64>) {
        let id = self.ids[&subject];
        match views {
            Some(views) => self.planner.observe(id, timestamp(now), views),
            None => self.planner.missing(id, timestamp(now)),
        };
    }
}

fn timestamp(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs).expect("an instant")
}

/// How the same number of requests is spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quota {
    /// The same number on each day, as quotas are.
    Daily,
    /// In proportion to the videos that there are, as a fixed interval for each needs them.
    Growing,
}

impl Quota {
    pub(crate) const ALL: [Self; 2] = [Self::Daily, Self::Growing];

    /// As it is called on the page.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Growing => "growing",
        }
    }

    /// Requests by tick: as many altogether as polling every video every `interval` seconds takes, in full requests.
    pub(crate) fn budget(self, scene: &Scene, interval: i64) -> Vec<usize> {
        let ticks = (scene.start..scene.end).step_by(TICK as usize);
        let alive = |now: i64| scene.subjects.iter().filter(|video| video.born <= now && now < video.gone).count();
        let share = |videos: f64| videos * TICK as f64 / interval as f64 / BATCH as f64;
        let mut shares: Vec<_> = ticks.map(|now| share(alive(now) as f64)).collect();
        if self == Self::Daily {
            let mean = shares.iter().sum::<f64>() / shares.len() as f64;
            shares.fill(mean);
        }
        let mut sum = 0.0f64;
        let whole = shares.iter().map(|share| {
            let before = sum.floor();
            sum += share;
            (sum.floor() - before) as usize
        });
        whole.collect()
    }
}

/// The ways, as they are called on the page.
pub(crate) const WAYS: [&str; 4] = ["fixed interval", "schedule by age", "schedule by age, with the floor", "planner"];

/// A run of each way with the same budget.
pub(crate) fn compare(scene: &Scene, interval: i64, quota: Quota) -> [Run; 4] {
    let budget = quota.budget(scene, interval);
    let mut ways: [Box<dyn Policy>; 4] = [
        Box::new(Timetable::new(fixed, false)),
        Box::new(Timetable::new(by_age, false)),
        Box::new(Timetable::new(by_age, true)),
        Box::new(Adaptive::new()),
    ];
    ways.each_mut().map(|way| run(scene, way.as_mut(), &budget))
}
