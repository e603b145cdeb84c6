use super::{Pace, Planner, PlannerState, RevisitConfig};
use tidelake_schemas::Timestamp;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// A Monday.
const START: i64 = 1_767_571_200;

fn at(secs: i64) -> Timestamp {
    Timestamp((START + secs) * 1_000_000)
}

fn planner(config: RevisitConfig) -> Planner {
    Planner::new(config).expect("a good configuration")
}

fn one_by_one() -> Planner {
    planner(RevisitConfig { batch: 1, ..RevisitConfig::default() })
}

/// So many requests now and every hour.
fn hourly(requests: usize) -> Pace {
    Pace { requests, every_s: 3600 }
}

/// Polls until `end` with so many requests per hour; `views` by id and seconds since publication at `START`.
fn run(planner: &mut Planner, end: i64, per_hour: usize, views: impl Fn(i64, i64) -> i64) -> Vec<(i64, i64)> {
    let mut polls = Vec::new();
    for now in (0..end).step_by(HOUR as usize) {
        for id in planner.next(at(now), hourly(per_hour)).concat() {
            polls.push((now, id));
            assert!(planner.observe(id, at(now), views(id, now)));
        }
    }
    polls
}

fn power(id: i64, secs: i64) -> i64 {
    let hours = secs as f64 / 3600.0;
    (10.0 * id as f64 * (1.0 - (1.0 + hours / 10.0).powf(-1.0)) * 100.0) as i64
}

#[test]
fn intervals_grow_with_age() {
    let mut planner = one_by_one();
    let born = |id: i64| id * HOUR;
    (1..=200).for_each(|id| planner.track(id, at(born(id))));
    let polls = run(&mut planner, 25 * DAY, 8, |id, now| power(id, now - born(id)));
    let of_one: Vec<_> = polls.iter().filter(|(_, id)| *id == 77).map(|(now, _)| (now - born(77)) / HOUR).collect();
    let young = of_one.iter().filter(|age| **age <= 48).count();
    let old = of_one.iter().filter(|age| (240..288).contains(*age)).count();
    assert!(young >= 5 && young >= 3 * old, "{of_one:?}");
}

#[test]
fn what_grows_is_polled_more() {
    let mut planner = one_by_one();
    (1..=100).for_each(|id| planner.track(id, at(0)));
    // From day 8 on, video 50 has a new wave; the others stand still since day 2.
    let views = |id: i64, secs: i64| {
        let wave = if id == 50 { (secs - 8 * DAY).max(0) * 10 } else { 0 };
        power(id, secs.min(2 * DAY)) + wave
    };
    let polls = run(&mut planner, 16 * DAY, 2, views);
    let late = |wanted: i64| polls.iter().filter(|(now, id)| *now > 8 * DAY && *id == wanted).count();
    assert!(2 * late(50) >= 3 * late(51).max(1), "{} {}", late(50), late(51));
}

#[test]
fn no_young_video_starves() {
    let mut planner = one_by_one();
    (1..=300).for_each(|id| planner.track(id, at(-40 * DAY)));
    let born = |id: i64| (id - 301) * HOUR;
    (301..=320).for_each(|id| planner.track(id, at(born(id))));
    let polls = run(&mut planner, 2 * DAY, 4, |_, _| 0);
    for young in 301..=320 {
        let mut last = born(young);
        for (now, _) in polls.iter().filter(|(_, id)| *id == young) {
            assert!(now - last <= 12 * HOUR, "{young}: {last} {now}");
            last = *now;
        }
        assert!(2 * DAY - last <= 12 * HOUR, "{young}: {last}");
    }
    // Those whose floor came since the last call: the next one serves them.
    assert!(planner.snapshot(at(2 * DAY)).starving <= 4);
}

/// A hundred videos of the same minute: their floors come due at once, and an hour's budget serves ten of them.
#[test]
fn floors_that_come_due_at_once_are_served_early() {
    let mut planner = one_by_one();
    (1..=100).for_each(|id| planner.track(id, at(0)));
    // From day 0 on, hundreds of older ones gain much more.
    (101..=400).for_each(|id| planner.track(id, at(-3 * DAY)));
    let polls = run(&mut planner, 2 * DAY, 10, |id, now| if id <= 100 { 0 } else { (1 + now) * id });
    for young in 1..=100 {
        let mut last = 0;
        for now in polls.iter().filter(|(_, id)| *id == young).map(|(now, _)| *now).chain([2 * DAY]) {
            assert!(now - last <= 12 * HOUR, "{young}: {last} {now}");
            last = now;
        }
    }
}

#[test]
fn nobody_is_handed_out_twice_or_before_publication() {
    let mut planner = planner(RevisitConfig { batch: 10, ..RevisitConfig::default() });
    (1..=40).for_each(|id| planner.track(id, at(id * HOUR)));
    let mut handed = Vec::new();
    for now in 20..30 {
        // Nobody answers; an hour later, all of them may be asked for again, but for the last call's.
        let ids = planner.next(at(now * HOUR - 1), Pace { requests: 9, every_s: 12 * 3600 }).concat();
        assert!(ids.iter().all(|id| id * HOUR < now * HOUR), "{now}: {ids:?}");
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
        assert!(planner.next(at(now * HOUR - 1), hourly(9)).is_empty(), "all of them are underway");
        handed.push(ids.len());
    }
    assert_eq!(handed, (19..29).collect::<Vec<_>>());
}

/// A video of the last two days may not have got into the source yet.
#[test]
fn what_is_late_is_not_gone() {
    let mut planner = one_by_one();
    planner.track(1, at(0));
    for hour in 1..48 {
        for id in planner.next(at(hour * HOUR), hourly(1)).concat() {
            assert!(!planner.missing(id, at(hour * HOUR)));
        }
    }
    assert_eq!(planner.ids().count(), 1);
}

/// Old videos are asked for too, although every request could be filled with young ones of another span.
#[test]
fn spans_take_turns() {
    let mut planner = planner(RevisitConfig { batch: 10, ..RevisitConfig::default() });
    (1..=40).for_each(|id| planner.track(id, at(-DAY)));
    (41..=80).for_each(|id| planner.track(id, at(-60 * DAY)));
    let polls = run(&mut planner, 10 * DAY, 1, |_, now| 1000 + now / 60);
    let old: std::collections::HashSet<_> = polls.iter().map(|(_, id)| *id).filter(|id| *id > 40).collect();
    assert_eq!(old.len(), 40);
}

#[test]
fn too_small_a_budget_is_told() {
    let mut planner = one_by_one();
    (1..=300).for_each(|id| planner.track(id, at(0)));
    run(&mut planner, DAY, 1, |_, _| 0);
    assert!(planner.snapshot(at(DAY)).starving > 200);
}

#[test]
fn the_source_has_nothing_new_before() {
    let config = RevisitConfig { batch: 1, delay_s: 6 * 3600, refresh_s: 5 * 3600, ..RevisitConfig::default() };
    let mut planner = planner(config);
    planner.track(1, at(0));
    let polls = run(&mut planner, 3 * DAY, 10, power);
    assert_eq!(polls[0].0, 6 * HOUR);
    assert!(polls.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 5 * HOUR), "{polls:?}");
    assert!(polls.len() > 10, "a budget that is there is used");
}

#[test]
fn what_is_missing_leaves() {
    let mut planner = planner(RevisitConfig { batch: 1, late_s: 0, ..RevisitConfig::default() });
    planner.track(1, at(0));
    planner.track(2, at(0));
    let mut asked = Vec::new();
    for now in (0..3 * DAY).step_by(HOUR as usize) {
        for id in planner.next(at(now), hourly(9)).concat() {
            if id == 2 {
                planner.observe(id, at(now), 5);
            } else {
                asked.push(now / HOUR);
                planner.missing(id, at(now));
            }
        }
    }
    assert_eq!(asked, [asked[0], asked[0] + 4, asked[0] + 20]);
    assert_eq!(planner.ids().collect::<Vec<_>>(), [2]);
    assert!(planner.forget(2) && !planner.forget(2));
    assert!(planner.next(at(4 * DAY), hourly(9)).is_empty());
}

#[test]
fn what_is_not_answered_for_comes_again() {
    let mut planner = one_by_one();
    planner.track(1, at(-DAY));
    assert_eq!(planner.next(at(0), hourly(1)), [[1]]);
    assert!(planner.next(at(HOUR - 1), hourly(1)).is_empty());
    assert_eq!(planner.next(at(HOUR), hourly(1)), [[1]]);
}

#[test]
fn old_videos_retire() {
    let mut planner = planner(RevisitConfig { batch: 1, retire_age_s: Some(10 * 86_400), ..RevisitConfig::default() });
    planner.track(1, at(0));
    planner.track(2, at(5 * DAY));
    run(&mut planner, 12 * DAY, 1, power);
    assert_eq!(planner.ids().collect::<Vec<_>>(), [2]);
}

#[test]
fn a_request_holds_what_the_source_takes() {
    let mut planner = planner(RevisitConfig { batch: 20, batch_span_days: Some(30), ..RevisitConfig::default() });
    (1..=50).for_each(|id| planner.track(id, at(-DAY)));
    (51..=60).for_each(|id| planner.track(id, at(-90 * DAY)));
    let requests = planner.next(at(0), hourly(2));
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|ids| ids.len() <= 20 && (ids.iter().all(|id| *id <= 50) || ids[0] > 50)));
    let rest = planner.next(at(0), hourly(10));
    assert_eq!(requests.concat().len() + rest.concat().len(), 60);
    assert!(rest.iter().all(|ids| ids.iter().all(|id| *id <= 50) || ids.iter().all(|id| *id > 50)));
}

#[test]
fn old_news_is_no_news() {
    let mut planner = one_by_one();
    planner.track(1, at(0));
    assert!(planner.observe(1, at(DAY), 10));
    assert!(!planner.observe(1, at(DAY), 10));
    assert!(!planner.observe(1, at(HOUR), 1));
    assert!(!planner.observe(2, at(DAY), 10));
    assert!(planner.observe(1, at(2 * DAY), 3), "counts are corrected downwards at times");
}

#[test]
fn a_restored_planner_goes_on_the_same() {
    let mut planner = one_by_one();
    (1..=50).for_each(|id| planner.track(id, at(id * 600)));
    run(&mut planner, 2 * DAY, 5, power);
    let text = serde_json::to_string(planner.state()).expect("JSON");
    let state: PlannerState = serde_json::from_str(&text).expect("the same state");
    let mut restored = Planner::restore(state);
    assert_eq!(restored.state(), planner.state());
    let later =
        |planner: &mut Planner| -> Vec<_> { (48..96).map(|hour| planner.next(at(hour * HOUR), hourly(3))).collect() };
    assert_eq!(later(&mut planner), later(&mut restored));
}

#[test]
fn wrong_settings_are_refused() {
    for config in [
        RevisitConfig { batch: 0, ..RevisitConfig::default() },
        RevisitConfig { batch_span_days: Some(0), ..RevisitConfig::default() },
        RevisitConfig { misses: 0, ..RevisitConfig::default() },
        RevisitConfig { surprise: f32::NAN, ..RevisitConfig::default() },
    ] {
        assert!(Planner::new(config).is_err());
    }
}

/// A hundred thousand videos and as many polls: seconds in a debug build, or the queue is no queue.
#[test]
fn many_videos_are_cheap() {
    let mut planner = planner(RevisitConfig { batch: 100, ..RevisitConfig::default() });
    (1..=100_000).for_each(|id| planner.track(id, at(-id % (30 * DAY))));
    let mut asked = std::collections::HashSet::new();
    for minute in 0..120 {
        let now = at(minute * 60);
        for id in planner.next(now, Pace { requests: 10, every_s: 60 }).concat() {
            planner.observe(id, now, id);
            asked.insert(id);
        }
    }
    assert!(asked.len() > 99_000, "{}", asked.len());
}

/// A backlog that nobody has seen makes polls dear; when it is gone, the turns that were set meanwhile are set anew.
#[test]
fn after_a_backlog_the_budget_is_used_well() {
    let mut planner = planner(RevisitConfig { batch: 10, ..RevisitConfig::default() });
    (1..=5000).for_each(|id| planner.track(id, at(-3 * DAY - id * 60)));
    let (mut polls, mut soon, mut last) = (0, 0, std::collections::HashMap::new());
    for minute in (0..8 * 1440).step_by(10) {
        let ids = planner.next(at(minute * 60), Pace { requests: 1, every_s: 600 }).concat();
        // 5000 videos, 1440 polls a day: the backlog takes three days and a half.
        let late = minute >= 5 * 1440;
        for id in ids {
            let waited = last.insert(id, minute).map_or(i64::MAX, |before| minute - before);
            polls += i32::from(late);
            soon += i32::from(late && waited < 1440);
            planner.observe(id, at(minute * 60), 1000 + minute / 60);
        }
    }
    assert!(polls > 4200, "{polls} of 4320: the budget is used");
    assert!(soon < polls / 50, "{soon} of {polls} within a day of the last, though all grow alike");
}
