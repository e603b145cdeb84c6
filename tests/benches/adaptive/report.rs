//! The table and the page around it.

use crate::policies::{Quota, Run, WAYS};
use crate::scene::Scene;
use crate::score::Score;
use crate::{PUBLISHED, SEEDS, WATCHED};
use std::fmt::{self, Write};

pub(crate) const HEADER: &str = "seed  quota    interval  way                              requests  polls/video  mean error  p90     starved  \
     fixed/this";

/// One budget in one scene.
pub(crate) struct Line {
    pub(crate) seed: u64,
    pub(crate) quota: Quota,
    /// Hours of the fixed interval.
    pub(crate) interval: i64,
    /// In the order of [`WAYS`].
    pub(crate) scores: [Score; 4],
}

impl Line {
    pub(crate) fn of(seed: u64, quota: Quota, interval: i64, scene: &Scene, runs: &[Run; 4]) -> Self {
        Self { seed, quota, interval, scores: runs.each_ref().map(|run| Score::of(scene, run)) }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (way, score) in WAYS.iter().zip(&self.scores) {
            let Score { requests, polls, mean, p90, starved } = score;
            let (seed, quota, every) = (self.seed, self.quota.name(), self.interval);
            let (better, starved) = (self.scores[0].mean / mean, 100.0 * starved);
            writeln!(
                f,
                "{seed}  {quota:<8} {every:>3} h  {way:<32} {requests:>5} {polls:>8.2}  {mean:.4}  {p90:.4}  \
                 {starved:>5.1} %  {better:.2}"
            )?;
        }
        Ok(())
    }
}

/// The mean of a figure over the seeds, for a quota, an interval and a way.
pub(crate) fn mean(lines: &[Line], (quota, interval): (Quota, i64), way: usize, figure: impl Fn(&Score) -> f64) -> f64 {
    let these = lines.iter().filter(|line| line.interval == interval && line.quota == quota);
    let figures: Vec<_> = these.map(|line| figure(&line.scores[way])).collect();
    figures.iter().sum::<f64>() / figures.len().max(1) as f64
}

/// The least and the greatest ratio of one way's mean error to the planner's, over the scenes.
fn ratios(lines: &[Line], quota: Quota, way: usize) -> (f64, f64) {
    let these = lines.iter().filter(|line| line.quota == quota);
    let ratios = these.map(|line| line.scores[way].mean / line.scores[3].mean);
    ratios.fold((f64::MAX, 0.0), |(low, high), ratio| (low.min(ratio), high.max(ratio)))
}

/// What came out, in a few sentences.
pub(crate) fn summary(lines: &[Line]) -> String {
    let low_high = |way| ratios(lines, Quota::Daily, way);
    let ((fixed_low, fixed_high), (age_low, age_high)) = (low_high(0), low_high(1));
    let (floor_low, floor_high) = low_high(2);
    let (grow_low, grow_high) = ratios(lines, Quota::Growing, 0);
    let (grow_age_low, grow_age_high) = ratios(lines, Quota::Growing, 1);
    let starved = |quota| {
        let these = lines.iter().filter(|line| line.quota == quota);
        100.0 * these.map(|line| line.scores[3].starved).fold(0.0, f64::max)
    };
    let (starved, starved_grow) = (starved(Quota::Daily), starved(Quota::Growing));
    format!(
        "With the same requests at the same instants, the same number each day, the mean error of the planner's curves is \
         **{fixed_low:.1} to {fixed_high:.1} times smaller than with a fixed interval**, and at most **{starved:.1} %** of \
         the videos starved while they were younger than 48 h.\n\n\
         Most of that, age alone wins: the error of a schedule by age is {age_low:.2} to {age_high:.2} times the planner's, \
         and {floor_low:.2} to {floor_high:.2} times if it keeps the same promise to the young. Below 1, the schedule is the \
         better one: where the budget is small, the promise is dear.\n\n\
         With a budget that grows with the videos, and is next to nothing at first, the planner's error is {grow_low:.1} to \
         {grow_high:.1} times smaller than with a fixed interval, that of the schedule by age {grow_age_low:.2} to \
         {grow_age_high:.2} times the planner's, and up to {starved_grow:.0} % starved: more than the budget could serve."
    )
}

pub(crate) fn page(lines: &[Line], videos: u64) -> String {
    let mut table = String::new();
    for (quota, interval) in Quota::ALL.into_iter().flat_map(|quota| crate::INTERVALS.map(|interval| (quota, interval)))
    {
        for (way, name) in WAYS.iter().enumerate() {
            let of = |way, figure: fn(&Score) -> f64| mean(lines, (quota, interval), way, figure);
            let error = of(way, |s| s.mean);
            let better = of(0, |s| s.mean) / error;
            let every = if way == 0 { format!("{} | {interval} h", quota.name()) } else { "|".to_owned() };
            let (requests, polls) = (of(way, |s| s.requests), of(way, |s| s.polls));
            let (p90, starved) = (of(way, |s| s.p90), 100.0 * of(way, |s| s.starved));
            let _ = writeln!(
                table,
                "| {every} | {name} | {requests:.0} | {polls:.1} | {error:.4} | {better:.2} | {p90:.4} | {starved:.1} % |"
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
