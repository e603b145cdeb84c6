//! Adaptive polling on the sandbox: at the same number of requests, curves at least twice as near to the truth as with a
//! fixed interval, and no young video starves. In full: `tests/benches/adaptive`, `docs/adaptive-polling.md`.

#![allow(clippy::print_stdout, reason = "the figures are worth knowing (--nocapture)")]

#[allow(dead_code, reason = "the bench runs more budgets")]
#[path = "../benches/adaptive/policies.rs"]
mod policies;
#[path = "../benches/adaptive/scene.rs"]
mod scene;
#[path = "../benches/adaptive/score.rs"]
mod score;

use policies::{Quota, compare};
use scene::{DAY, HOUR, Scene};
use score::Score;

#[test]
fn adaptive_polling_halves_the_error_and_starves_nobody() {
    // A seed that no parameter was chosen with.
    let scene = Scene::set(20_261_121, 600, 14, 14);
    for interval in [12 * HOUR, DAY] {
        let runs = compare(&scene, interval, Quota::Daily);
        let [fixed, by_age, by_age_with_floor, adaptive] = runs.each_ref().map(|run| Score::of(&scene, run));
        println!(
            "every {} h: {fixed:?}\n by age {by_age:?}\n with the floor {by_age_with_floor:?}\n planner {adaptive:?}",
            interval / HOUR
        );
        assert!(adaptive.requests <= fixed.requests && adaptive.polls <= fixed.polls, "not more requests");
        assert!(2.0 * adaptive.mean <= fixed.mean, "mean error");
        assert!(2.0 * adaptive.p90 <= fixed.p90, "p90 of the error");
        assert!(adaptive.mean <= 1.05 * by_age_with_floor.mean, "a table by age that keeps the promise is no better");
        assert!(adaptive.starved == 0.0, "{} of the young starve", adaptive.starved);
    }
}
