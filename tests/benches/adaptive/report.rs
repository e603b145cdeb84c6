//! The table and the page around it.

use crate::policies::Runs;
use crate::scene::Scene;
use crate::score::Score;
use crate::{PUBLISHED, SEEDS, WATCHED};
use std::fmt::{self, Write};

pub(crate) const HEADER: &str = "seed  interval  way         polls/video  mean error  p90     starved  fixed/this";

/// The ways, as they are called on the page.
pub(crate) const WAYS: [&str; 4] = ["fixed interval", "schedule by age", "planner", "planner, in step"];

/// One budget in one scene.
pub(crate) struct Line {
    pub(crate) seed: u64,
    /// Hours of the fixed interval.
    pub(crate) interval: i64,
    /// In the order of [`WAYS`].
    pub(crate) scores: [Score; 4],
}

impl Line {
    pub(crate) fn of(seed: u64, interval: i64, scene: &Scene, runs: &Runs) -> Self {
        let runs = [&runs.fixed, &runs.by_age, &runs.adaptive, &runs.in_step];
        Self { seed, interval, scores: runs.map(|run| Score::of(scene, run)) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (way, score) in WAYS.iter().zip(&self.scores) {
            let Score { polls, mean, p90, starved } = score;
            let (seed, every, better) = (self.seed, self.interval, self.scores[0].mean / mean);
            let starved = 100.0 * starved;
            writeln!(
                f,
                "{seed}  {every:>3} h  {way:<17} {polls:>6.2}  {mean:.4}  {p90:.4}  {starved:>5.1} %  {better:.2}"
            )?;
        }
        Ok(())
    }
}

/// The mean of a figure over the seeds, for an interval and a way.
pub(crate) fn mean(lines: &[Line], interval: i64, way: usize, figure: impl Fn(&Score) -> f64) -> f64 {
    let figures: Vec<_> = lines.iter().filter(|l| l.interval == interval).map(|l| figure(&l.scores[way])).collect();
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

/// The least and the greatest ratio of one way's mean error to the planner's.
fn ratios(lines: &[Line], way: usize) -> (f64, f64) {
    let ratios = lines.iter().map(|line| line.scores[way].mean / line.scores[2].mean);
    ratios.fold((f64::MAX, 0.0), |(low, high), ratio| (low.min(ratio), high.max(ratio)))
}

/// One sentence.
pub(crate) fn summary(lines: &[Line]) -> String {
    let ((fixed_low, fixed_high), (age_low, age_high)) = (ratios(lines, 0), ratios(lines, 1));
    let starved = lines.iter().map(|line| line.scores[2].starved).fold(0.0, f64::max);
    format!(
        "At the same number of requests, over {} scenes, the mean error of the planner's curves is {fixed_low:.1} to \
         {fixed_high:.1} times smaller than with a fixed interval, and {age_low:.2} to {age_high:.2} times smaller than \
         with the schedule by age; at most {:.1} % of the videos younger than 48 h went without a poll for 12 h.",
        lines.len(),
        100.0 * starved
    )
}

pub(crate) fn page(lines: &[Line], videos: u64) -> String {
    let mut table = String::new();
    for interval in crate::INTERVALS {
        for (way, name) in WAYS.iter().enumerate() {
            let of = |figure: fn(&Score) -> f64| mean(lines, interval, way, figure);
            let error = of(|s| s.mean);
            let better = mean(lines, interval, 0, |s| s.mean) / error;
            let every = if way == 0 { format!("{interval} h") } else { String::new() };
            let (polls, p90, starved) = (of(|s| s.polls), of(|s| s.p90), 100.0 * of(|s| s.starved));
            let _ = writeln!(
                table,
                "| {every} | {name} | {polls:.1} | {error:.4} | {better:.2} | {p90:.4} | {starved:.1} % |"
            );
        }
    }
    let seeds = SEEDS.map(|seed| seed.to_string()).join(", ");
    let text = include_str!("page.md");
    [
        ("SUMMARY", summary(lines).as_str()),
        ("TABLE", table.trim_end()),
        ("SEEDS", seeds.as_str()),
        ("VIDEOS", videos.to_string().as_str()),
        ("PUBLISHED", PUBLISHED.to_string().as_str()),
        ("WATCHED", WATCHED.to_string().as_str()),
    ]
    .iter()
    .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}
