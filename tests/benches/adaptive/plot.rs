//! The plot: error and starving over the budget, and one video's curve, as SVG.

use crate::INTERVALS;
use crate::policies::{Quota, Run, WAYS};
use crate::report::{Line, mean};
use crate::scene::{DAY, Scene, Subject, TICK};
use crate::score::{Score, reconstruction};
use std::fmt::Write;

const STYLE: &str = "
  svg { font: 13px system-ui, 'DejaVu Sans', sans-serif } text { fill: #333 }
  .paper { fill: #fff } .title { font-weight: 600; font-size: 15px; fill: #111 } .small { fill: #666; font-size: 12px }
  .axis { stroke: #888; fill: none } .grid { stroke: #e6e6e6; fill: none }
  .line { fill: none; stroke-width: 2.2; stroke-linejoin: round }
  .truth { fill: none; stroke: #c4c4c4; stroke-width: 7; stroke-linejoin: round }
  .s0 { stroke: #b3541e } .s1 { stroke: #3b6fb6 } .s2 { stroke: #8a63b8; stroke-dasharray: 5 4 } .s3 { stroke: #1a7f4b }
  .d0 { fill: #b3541e } .d1 { fill: #3b6fb6 } .d2 { fill: #8a63b8 } .d3 { fill: #1a7f4b }";

/// A rectangle of the page, and the data it shows: (least, greatest) on either axis.
struct Panel {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: (f64, f64),
    y: (f64, f64),
}

/// A tick of an axis.
type Tick = (f64, String);

impl Panel {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        (self.left + self.width * part(x, self.x), self.top + self.height * (1.0 - part(y, self.y)))
    }

    fn line(&self, class: &str, points: impl Iterator<Item = (f64, f64)>) -> String {
        let points: Vec<_> = points.map(|(x, y)| self.at(x, y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        format!("<polyline class=\"{class}\" points=\"{}\"/>\n", points.join(" "))
    }

    fn dots(&self, class: &str, size: f64, points: impl Iterator<Item = (f64, f64)>) -> String {
        let points = points.map(|(x, y)| self.at(x, y));
        let dot = |(x, y)| format!("<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{size}\"/>\n");
        points.map(dot).collect()
    }

    /// Title, what the vertical axis shows, frame, ticks with their labels, and what the horizontal axis shows.
    fn frame(&self, title: &str, upward: &str, below: &str, xs: &[Tick], ys: &[Tick]) -> String {
        let (left, bottom, right) = (self.left, self.top + self.height, self.left + self.width);
        let mut svg = format!("<text class=\"title\" x=\"{left}\" y=\"{}\">{title}</text>\n", self.top - 32.0);
        let _ = writeln!(svg, "<text class=\"small\" x=\"{left}\" y=\"{}\">{upward}</text>", self.top - 12.0);
        for (value, label) in xs {
            let (x, y) = (self.at(*value, 0.0).0, bottom + 18.0);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {}V{bottom}\"/>", self.top);
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
        }
        for (value, label) in ys {
            let y = self.at(0.0, *value).1;
            let (x, base) = (left - 8.0, y + 4.0);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{base:.1}\" text-anchor=\"end\">{label}</text>");
        }
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{left} {}V{bottom}H{right}\"/>", self.top);
        let (middle, y) = (left + self.width / 2.0, bottom + 38.0);
        let _ = writeln!(svg, "<text class=\"small\" x=\"{middle}\" y=\"{y}\" text-anchor=\"middle\">{below}</text>");
        svg
    }
}

/// One video's curve, and how the ways saw it.
pub(crate) struct Example {
    born: i64,
    /// log(1 + views), by tick.
    truth: Vec<f32>,
    /// By way, without the schedule that keeps the floor.
    seen: [(usize, Vec<(i64, f32)>); 3],
    first: i64,
}

impl Example {
    /// A video that blooms late within the scene: of those with some views by then, the one that grows most after its
    /// fourth day.
    pub(crate) fn of(scene: &Scene, runs: &[Run; 4]) -> Option<Self> {
        let day = |days: i64| (days * DAY / TICK) as usize;
        let bloom = |video: &Subject| {
            let (early, last) = (*video.truth.get(day(4))?, *video.truth.last()?);
            (video.truth.len() > day(14) && early > 4.0).then_some(last - early)
        };
        let blooms = scene.subjects.iter().enumerate().filter_map(|(number, video)| Some((number, bloom(video)?)));
        let (number, _) = blooms.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let video = &scene.subjects[number];
        let seen = [0, 1, 3].map(|way: usize| (way, runs[way].seen[number].clone()));
        let first = scene.tick_from(video.born) + TICK / 2;
        Some(Self { born: video.born, truth: video.truth.clone(), seen, first })
    }

    fn days(&self, at: i64) -> f64 {
        (at - self.born) as f64 / DAY as f64
    }

    fn draw(&self) -> String {
        let top = f64::from(self.truth.last().copied().unwrap_or_default()) * 1.06;
        let end = self.days(self.first + self.truth.len() as i64 * TICK).ceil();
        let panel = Panel { left: 80.0, top: 520.0, width: 850.0, height: 260.0, x: (0.0, end), y: (0.0, top) };
        let xs: Vec<_> = (0..=end as i64).step_by(2).map(|day| (day as f64, day.to_string())).collect();
        let views = [(0.0, "0"), (10.0, "10"), (1e3, "1,000"), (1e5, "100,000"), (1e7, "10,000,000")];
        let ys = views.iter().map(|(views, label): &(f64, &str)| (views.ln_1p(), (*label).to_owned()));
        let ys: Vec<_> = ys.filter(|(y, _)| *y < top).collect();
        let title = "One late bloomer, as each way saw it (polls as dots)";
        let mut svg = panel.frame(title, "views, log scale", "days since publication", &xs, &ys);
        let times = || (self.first..).step_by(TICK as usize);
        let truth = times().zip(&self.truth).map(|(at, y)| (self.days(at), f64::from(*y)));
        svg += &panel.line("truth", truth);
        for (way, seen) in &self.seen {
            let mut curve = reconstruction(self.born, seen);
            let points = times().take(self.truth.len()).map(|at| (self.days(at), f64::from(curve(at))));
            svg += &panel.line(&format!("line s{way}"), points);
            svg += &panel.dots(&format!("d{way}"), 3.5, seen.iter().map(|(at, y)| (self.days(*at), f64::from(*y))));
        }
        svg
    }
}

/// A figure of each way by polls per video, with the same number of requests each day.
fn figures(panel: &Panel, lines: &[Line], figure: fn(&Score) -> f64, scale: fn(f64) -> f64) -> String {
    let mut svg = String::new();
    for way in 0..WAYS.len() {
        let of = |interval, figure: fn(&Score) -> f64| mean(lines, (Quota::Daily, interval), way, figure);
        let points = INTERVALS.map(|interval| (of(interval, |s| s.polls).ln(), scale(of(interval, figure))));
        svg += &panel.line(&format!("line s{way}"), points.into_iter());
        svg += &panel.dots(&format!("d{way}"), 3.5, points.into_iter());
    }
    svg
}

fn budgets(lines: &[Line]) -> String {
    let polls = (5f64.ln(), 130f64.ln());
    let xs = [6.0f64, 12.0, 25.0, 50.0, 100.0].map(|v| (v.ln(), v.to_string()));
    let below = "polls per video over the scene, log scale";
    let y = (0.001f64.ln(), 1f64.ln());
    let errors = Panel { left: 80.0, top: 120.0, width: 380.0, height: 290.0, x: polls, y };
    let ys = [0.001f64, 0.01, 0.1, 1.0].map(|v| (v.ln(), v.to_string()));
    let upward = "mean |log error| of reconstructed views, log scale: 0.01 is 1 % off";
    let mut svg = errors.frame("Error of the curves", upward, below, &xs, &ys);
    svg += &figures(&errors, lines, |s| s.mean, f64::ln);
    let starving = Panel { left: 550.0, x: polls, y: (0.0, 100.0), ..errors };
    let ys = [0.0, 25.0, 50.0, 75.0, 100.0].map(|v| (v, format!("{v} %")));
    let upward = "videos that waited over 12 h for a poll while younger than 48 h";
    svg += &starving.frame("Starved while young", upward, below, &xs, &ys);
    svg + &figures(&starving, lines, |s| 100.0 * s.starved, |share| share)
}

fn legend() -> String {
    let mut svg = String::new();
    let places = [80.0, 225.0, 385.0, 635.0];
    for ((way, name), x) in WAYS.iter().enumerate().zip(places) {
        let text = x + 34.0;
        let _ =
            writeln!(svg, "<path class=\"line s{way}\" d=\"M{x} 30h26\"/><text x=\"{text}\" y=\"34\">{name}</text>");
    }
    svg + "<path class=\"truth\" d=\"M755 30h26\"/><text x=\"789\" y=\"34\">true views</text>\n"
}

pub(crate) fn svg(lines: &[Line], example: Option<&Example>) -> String {
    let body = [legend(), budgets(lines), example.map(Example::draw).unwrap_or_default()].concat();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 970 840\" role=\"img\">\n\
         <title>Adaptive polling: error and starving over the budget, and an example</title>\n<style>{STYLE}\n</style>\n\
         <rect class=\"paper\" width=\"970\" height=\"840\"/>\n{body}</svg>\n"
    )
}
