//! Adaptive polling on the sandbox: at the same number of requests, curves at least twice as near to the truth as with a
//! fixed interval, and no young video starves. In full: `tests/benches/adaptive`, `docs/adaptive-polling.md`.

#![allow(clippy::print_stdout, reason = "the figures are worth knowing (--nocapture)")]

#[path = "../benches/adaptive/policies.rs"]
mod policies;
#[path = "../benches/adaptive/scene.rs"]
mod scene;
#[path = "../benches/adaptive/score.rs"]
mod score;

use policies::compare;
use scene::{DAY, HOUR, Scene};
use score::Score;

#[test]
fn adaptive_polling_halves_the_error_and_starves_nobody() {
    // A seed that no parameter was chosen with.
    let scene = Scene::set(20_261_121, 300, 14, 14);
    for interval in [12 * HOUR, DAY] {
        let runs = compare(&scene, interval);
        let score = |run| Score::of(&scene, run);
        let (fixed, by_age, adaptive) = (score(&runs.fixed), score(&runs.by_age), score(&runs.adaptive));
        let in_step = score(&runs.in_step);
        println!(
            "every {} h: {fixed:?}\n by age {by_age:?}\n planner {adaptive:?}\n in step {in_step:?}",
            interval / HOUR
        );
        assert!(adaptive.polls <= fixed.polls && in_step.polls <= fixed.polls, "not more requests");
        assert!(2.0 * adaptive.mean <= fixed.mean && in_step.mean <= fixed.mean, "mean error");
        assert!(2.0 * adaptive.p90 <= fixed.p90, "p90 of the error");
        assert!(adaptive.starved == 0.0, "{} of the young starve", adaptive.starved);
    }
}
