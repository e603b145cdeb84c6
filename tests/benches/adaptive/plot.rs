//! The plot: two panels, as SVG that is readable on light and dark ground.

use crate::policies::{Run, Runs};
use crate::report::{Line, WAYS, mean};
use crate::scene::{DAY, Scene, Subject, TICK};
use crate::score::reconstruction;
use std::fmt::Write;

const STYLE: &str = "
  svg { font: 13px system-ui, sans-serif; background: #fff } text { fill: #333 } .title { font-weight: 600; fill: #111 }
  .axis { stroke: #999; fill: none } .grid { stroke: #e4e4e4; fill: none }
  .line { fill: none; stroke-width: 2 } .truth { fill: none; stroke: #bbb; stroke-width: 6; stroke-linejoin: round }
  .s0 { stroke: #b3541e } .s1 { stroke: #3b6fb6 } .s2 { stroke: #1a7f4b }
  .d0 { fill: #b3541e } .d1 { fill: #3b6fb6 } .d2 { fill: #1a7f4b }
  @media (prefers-color-scheme: dark) {
    svg { background: #15181c } text { fill: #c8ccd0 } .title { fill: #f2f2f2 }
    .axis { stroke: #777 } .grid { stroke: #2a2f35 } .truth { stroke: #5a6068 }
    .s0 { stroke: #f0955a } .s1 { stroke: #82b1ff } .s2 { stroke: #5fd39a }
    .d0 { fill: #f0955a } .d1 { fill: #82b1ff } .d2 { fill: #5fd39a }
  }";

/// A panel: data coordinates onto a rectangle.
struct Panel {
    left: f64,
    x: (f64, f64),
    y: (f64, f64),
}

const TOP: f64 = 60.0;
const WIDTH: f64 = 380.0;
const HEIGHT: f64 = 270.0;

impl Panel {
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let part = |value: f64, (low, high): (f64, f64)| (value - low) / (high - low);
        (self.left + WIDTH * part(x, self.x), TOP + HEIGHT * (1.0 - part(y, self.y)))
    }

    fn line(&self, class: &str, points: impl Iterator<Item = (f64, f64)>) -> String {
        let points: Vec<_> = points.map(|(x, y)| self.at(x, y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        format!("<polyline class=\"{class}\" points=\"{}\"/>\n", points.join(" "))
    }

    /// Title, frame, ticks with their labels, and what the axis below shows.
    fn frame(&self, title: &str, below: &str, xs: &[(f64, String)], ys: &[(f64, String)]) -> String {
        let (left, bottom, right) = (self.left, TOP + HEIGHT, self.left + WIDTH);
        let mut svg = format!("<text class=\"title\" x=\"{left}\" y=\"{}\">{title}</text>\n", TOP - 30.0);
        for (value, label) in xs {
            let x = self.at(*value, 0.0).0;
            let y = bottom + 18.0;
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
            let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{label}</text>");
        }
        for (value, label) in ys {
            let y = self.at(0.0, *value).1;
            let (x, base) = (left - 8.0, y + 4.0);
            let _ = writeln!(svg, "<path class=\"grid\" d=\"M{left} {y:.1}H{right}\"/>");
            let _ = writeln!(svg, "<text x=\"{x}\" y=\"{base:.1}\" text-anchor=\"end\">{label}</text>");
        }
        let _ = writeln!(svg, "<path class=\"axis\" d=\"M{left} {TOP}V{bottom}H{right}\"/>");
        let middle = left + WIDTH / 2.0;
        let _ = writeln!(svg, "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{below}</text>", bottom + 40.0);
        svg
    }
}

/// One video's curve, and how each way saw it.
pub(crate) struct Example {
    born: i64,
    /// log10 of views, by tick.
    truth: Vec<f32>,
    seen: [Vec<(i64, f32)>; 3],
    first: i64,
}

impl Example {
    /// A big video that blooms late within the scene: the one that grows most after its fourth day.
    pub(crate) fn of(scene: &Scene, runs: &Runs) -> Option<Self> {
        let day = |days: i64| (days * DAY / TICK) as usize;
        let bloom = |video: &Subject| {
            let (early, last) = (*video.truth.get(day(4))?, *video.truth.last()?);
            (video.truth.len() > day(20) && early > 6.0).then_some(last - early)
        };
        let blooms = scene.subjects.iter().enumerate().filter_map(|(number, video)| Some((number, bloom(video)?)));
        let (number, _) = blooms.max_by(|a, b| a.1.total_cmp(&b.1))?;
        let video = &scene.subjects[number];
        let seen = |run: &Run| run.seen[number].clone();
        let seen = [seen(&runs.fixed), seen(&runs.by_age), seen(&runs.adaptive)];
        let first = scene.tick_from(video.born) + TICK / 2;
        Some(Self { born: video.born, truth: video.truth.clone(), seen, first })
    }

    fn days(&self, at: i64) -> f64 {
        (at - self.born) as f64 / DAY as f64
    }

    fn draw(&self) -> String {
        let top = f64::from(self.truth.last().copied().unwrap_or_default()) * 1.08;
        let end = self.days(self.first + self.truth.len() as i64 * TICK).ceil();
        let panel = Panel { left: 520.0, x: (0.0, end), y: (0.0, top) };
        let xs: Vec<_> = (0..=end as i64).step_by(4).map(|day| (day as f64, day.to_string())).collect();
        let views = [(0.0, "0"), (11f64.ln(), "10"), (1001f64.ln(), "1,000"), (100_001f64.ln(), "100,000")];
        let ys: Vec<_> = views.iter().filter(|(y, _)| *y < top).map(|(y, label)| (*y, (*label).to_owned())).collect();
        let mut svg = panel.frame("Views of one late bloomer, polls as dots", "days since publication", &xs, &ys);
        let times = || (self.first..).step_by(TICK as usize);
        let truth = times().zip(&self.truth).map(|(at, y)| (self.days(at), f64::from(*y)));
        svg += &panel.line("truth", truth);
        for (way, seen) in self.seen.iter().enumerate() {
            let mut curve = reconstruction(self.born, seen);
            let points = times().take(self.truth.len()).map(|at| (self.days(at), f64::from(curve(at))));
            svg += &panel.line(&format!("line s{way}"), points);
            for (at, y) in seen.iter().filter(|(at, _)| self.days(*at) <= end) {
                let (x, y) = panel.at(self.days(*at), f64::from(*y));
                let _ = writeln!(svg, "<circle class=\"d{way}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\"/>");
            }
        }
        svg
    }
}

fn errors(lines: &[Line]) -> String {
    let points = |way| {
        let at = |interval| (mean(lines, interval, way, |s| s.polls), mean(lines, interval, way, |s| s.mean));
        crate::INTERVALS.map(at)
    };
    let panel = Panel { left: 70.0, x: (5f64.ln(), 250f64.ln()), y: (0.0005f64.ln(), 1f64.ln()) };
    let label = |values: &[f64]| -> Vec<_> { values.iter().map(|v| (v.ln(), v.to_string())).collect() };
    let (xs, ys) = (label(&[5.0, 10.0, 20.0, 50.0, 100.0, 200.0]), label(&[0.001, 0.01, 0.1, 1.0]));
    let mut svg = panel.frame("Mean error of reconstructed curves", "polls per video", &xs, &ys);
    for way in 0..3 {
        let points = points(way).map(|(polls, error)| (polls.ln(), error.ln()));
        svg += &panel.line(&format!("line s{way}"), points.into_iter());
        for (x, y) in points.map(|(x, y)| panel.at(x, y)) {
            let _ = writeln!(svg, "<circle class=\"d{way}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\"/>");
        }
    }
    svg
}

fn legend() -> String {
    let mut svg = String::new();
    for (way, name) in WAYS.iter().take(3).enumerate() {
        let x = 70.0 + 150.0 * way as f64;
        let _ = writeln!(
            svg,
            "<path class=\"line s{way}\" d=\"M{x} 400h22\"/><text x=\"{}\" y=\"404\">{name}</text>",
            x + 28.0
        );
    }
    svg + "<path class=\"truth\" d=\"M520 400h22\"/><text x=\"548\" y=\"404\">true views</text>\n"
}

pub(crate) fn svg(lines: &[Line], example: Option<&Example>) -> String {
    let body = [errors(lines), example.map(Example::draw).unwrap_or_default(), legend()].concat();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 930 420\" role=\"img\">\n\
         <title>Adaptive polling: errors and an example</title>\n<style>{STYLE}\n</style>\n{body}</svg>\n"
    )
}
