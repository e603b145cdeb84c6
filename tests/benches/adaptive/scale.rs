//! What a planner of very many videos costs.

use std::time::{Duration, Instant};
use tidelake_connectors::revisit::{Pace, Planner, RevisitConfig};
use tidelake_schemas::Timestamp;

/// 2026-01-05.
const START: i64 = 1_767_571_200;
const DAY: i64 = 86_400;
/// Requests of 100 ids, half a minute apart: a day's quota of nearly three projects.
const REQUESTS: u32 = 20_000;
const EVERY: u32 = 30;

/// Tracks so many videos of the last 30 days, lets it ask and hear for a week, and says what that took.
pub(crate) fn run(videos: i64) {
    let at = |secs: i64| Timestamp::from_secs(START + secs).expect("an instant");
    let (before, began) = (resident(), Instant::now());
    let mut planner = Planner::new(RevisitConfig::default()).expect("a good configuration");
    let born = |id: i64| -(id * 7919 % (30 * DAY));
    (1..=videos).for_each(|id| planner.track(id, at(born(id))));
    let tracked = began.elapsed();
    let (mut picking, mut hearing, mut polls) = (Duration::ZERO, Duration::ZERO, 0u32);
    for request in 0..REQUESTS {
        let now = i64::from(request * EVERY);
        let began = Instant::now();
        let ids = planner.next(at(now), Pace { requests: 1, every_s: EVERY }).concat();
        picking += began.elapsed();
        let began = Instant::now();
        for &id in &ids {
            let hours = (now - born(id)) as f64 / 3600.0;
            planner.observe(id, at(now), (id % 1000) * (100.0 * hours / (hours + 20.0)) as i64);
        }
        hearing += began.elapsed();
        polls += ids.len() as u32;
    }
    let after = resident();
    let each = |time: Duration, count: u32| time.as_nanos() / u128::from(count.max(1));
    println!("{videos} videos: tracked in {tracked:.1?} ({} ns each)", each(tracked, videos as u32));
    println!(
        "{polls} polls in {REQUESTS} requests: {} ns to choose one, {} ns to take one in",
        each(picking, polls),
        each(hearing, polls)
    );
    match before.zip(after) {
        Some((before, after)) => {
            let bytes = after.saturating_sub(before);
            println!("memory: {} MiB, {} bytes a video", bytes >> 20, bytes / videos.unsigned_abs().max(1));
        }
        None => println!("memory: not known on this system"),
    }
    println!("{:?}", planner.snapshot(at(i64::from(REQUESTS * EVERY))));
}

/// Resident memory of this process, where the system tells it.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}
