//! The three ways to poll, and running them.

use crate::scene::{DAY, HOUR, Scene, TICK, log_views};
use std::collections::{BTreeSet, HashMap};
use tidelake_connectors::revisit::{Planner, RevisitConfig};
use tidelake_schemas::Timestamp;

/// All of them give a video up after so many answers in a row without it.
const MISSES: u8 = 3;

/// A way to poll.
pub(crate) trait Policy {
    /// A video was published.
    fn arrive(&mut self, subject: usize, id: i64, born: i64);
    /// Whom to ask for now, at most so many.
    fn pick(&mut self, now: i64, most: usize) -> Vec<usize>;
    /// What was answered.
    fn hear(&mut self, subject: usize, now: i64, views: Option<i64>);
}

/// What a run asked and saw.
pub(crate) struct Run {
    /// By video: when it was seen, and log(1 + views).
    pub(crate) seen: Vec<Vec<(i64, f32)>>,
    /// Ids asked for, by tick.
    pub(crate) asked: Vec<usize>,
}

impl Run {
    pub(crate) fn total(&self) -> usize {
        self.asked.iter().sum()
    }
}

/// Runs a policy over a scene, with a budget for each tick or without any.
pub(crate) fn run(scene: &Scene, policy: &mut dyn Policy, budget: Option<&[usize]>) -> Run {
    let mut run = Run { seen: vec![Vec::new(); scene.subjects.len()], asked: Vec::new() };
    let mut arrivals = scene.subjects.iter().enumerate().peekable();
    for (tick, now) in (scene.start..scene.end).step_by(TICK as usize).enumerate() {
        while let Some((subject, video)) = arrivals.next_if(|(_, video)| video.born <= now) {
            policy.arrive(subject, video.id, video.born);
        }
        let picked = policy.pick(now, budget.map_or(usize::MAX, |budget| budget[tick]));
        run.asked.push(picked.len());
        for subject in picked {
            let views = scene.ask(subject, now);
            policy.hear(subject, now, views);
            run.seen[subject].extend(views.map(|views| (now, log_views(views))));
        }
    }
    run
}

/// Polls at times that follow from a video's number and age alone.
pub(crate) struct Timetable<F> {
    /// The age in seconds at which a video (by its number) is polled for the n-th time; `None` never.
    age: F,
    due: BTreeSet<(i64, usize)>,
    /// By video: publication, polls, misses.
    videos: HashMap<usize, (i64, usize, u8)>,
}

impl<F: Fn(usize, usize) -> Option<i64>> Timetable<F> {
    pub(crate) fn new(age: F) -> Self {
        Self { age, due: BTreeSet::new(), videos: HashMap::new() }
    }

    fn put(&mut self, subject: usize) {
        let Some((born, polls, misses)) = self.videos.get(&subject).copied() else { return };
        if let Some(age) = (self.age)(subject, polls).filter(|_| misses < MISSES) {
            self.due.insert((born + age, subject));
        }
    }
}

impl<F: Fn(usize, usize) -> Option<i64>> Policy for Timetable<F> {
    fn arrive(&mut self, subject: usize, _: i64, born: i64) {
        self.videos.insert(subject, (born, 0, 0));
        self.put(subject);
    }

    fn pick(&mut self, now: i64, most: usize) -> Vec<usize> {
        let mut picked = Vec::new();
        while let Some(&(due, subject)) = self.due.first() {
            if due > now || picked.len() >= most {
                break;
            }
            self.due.pop_first();
            picked.push(subject);
        }
        picked
    }

    fn hear(&mut self, subject: usize, _: i64, views: Option<i64>) {
        if let Some((_, polls, misses)) = self.videos.get_mut(&subject) {
            *polls += 1;
            *misses = if views.is_some() { 0 } else { *misses + 1 };
        }
        self.put(subject);
    }
}

/// A clock that runs for all videos alike: each is polled every `interval` seconds, the first time at an age between 0
/// and `interval` (spread evenly by the golden ratio).
pub(crate) fn fixed(interval: i64) -> impl Policy {
    Timetable::new(move |subject, poll| {
        let phase = (subject as f64 * 0.618_033_988_749_895).fract();
        Some(((phase + poll as f64) * interval as f64) as i64)
    })
}

/// 1 h, 6 h, 24 h, 3 d and 7 d after publication, then every week; with `density` times as many polls, at ages between
/// (interpolated over the logarithm of age, over age from a week on).
pub(crate) fn by_age(density: f64) -> impl Policy {
    Timetable::new(move |_, poll| Some(age_of((poll as f64 + 1.0) / density - 1.0)))
}

fn age_of(place: f64) -> i64 {
    const AGES: [f64; 5] = [1.0, 6.0, 24.0, 72.0, 168.0];
    let last = AGES.len() - 1;
    let hours = if place >= last as f64 {
        AGES[last] * (1.0 + place - last as f64)
    } else {
        let low = (place.max(0.0) as usize).min(last - 1);
        AGES[low] * (AGES[low + 1] / AGES[low]).powf(place - low as f64)
    };
    (hours * HOUR as f64) as i64
}

/// The schedule by age that makes so many polls, as nearly as it can.
pub(crate) fn by_age_of(scene: &Scene, polls: usize) -> Run {
    let (mut low, mut high) = (0.05f64, 50.0f64);
    for _ in 0..18 {
        let middle = (low * high).sqrt();
        if run(scene, &mut by_age(middle), None).total() <= polls { low = middle } else { high = middle }
    }
    run(scene, &mut by_age(low), None)
}

/// The planner, one id per request.
pub(crate) struct Adaptive {
    planner: Planner,
    subjects: HashMap<i64, usize>,
    ids: HashMap<usize, i64>,
}

impl Adaptive {
    pub(crate) fn new() -> Self {
        let config = RevisitConfig { batch: 1, batch_span_days: None, misses: MISSES, ..RevisitConfig::default() };
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

    fn pick(&mut self, now: i64, most: usize) -> Vec<usize> {
        self.planner.next(timestamp(now), most).concat().iter().map(|id| self.subjects[id]).collect()
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

/// Runs at the same number of requests.
pub(crate) struct Runs {
    /// A fixed interval for all.
    pub(crate) fixed: Run,
    /// The schedule by age; its requests fall when they fall, no budget holds them back.
    pub(crate) by_age: Run,
    /// The planner, with the same budget on each day, as a daily quota is.
    pub(crate) adaptive: Run,
    /// The planner, in each tick with as many requests as the fixed interval made in it: next to nothing in the first
    /// days, when there are few videos to be polled again.
    pub(crate) in_step: Run,
}

pub(crate) fn compare(scene: &Scene, interval: i64) -> Runs {
    assert!(interval <= 7 * DAY, "longer than what is watched");
    let fixed = run(scene, &mut self::fixed(interval), None);
    let by_age = by_age_of(scene, fixed.total());
    let (total, ticks) = (fixed.total(), fixed.asked.len());
    let even: Vec<_> = (0..ticks).map(|tick| (tick + 1) * total / ticks - tick * total / ticks).collect();
    let adaptive = run(scene, &mut Adaptive::new(), Some(&even));
    let in_step = run(scene, &mut Adaptive::new(), Some(&fixed.asked));
    Runs { fixed, by_age, adaptive, in_step }
}
