//! How far reconstructed curves are from the true ones.

use crate::policies::Run;
use crate::scene::{DAY, HOUR, Scene, Subject, TICK};

/// Nobody younger than this may wait longer than [`GAP`].
const YOUNG: i64 = 2 * DAY;
const GAP: i64 = 12 * HOUR;

/// What a run is worth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Score {
    /// Requests made.
    pub(crate) requests: f64,
    /// Polls per video.
    pub(crate) polls: f64,
    /// Mean of |log((1 + reconstructed) / (1 + true))| over all videos and ticks.
    pub(crate) mean: f64,
    /// Nine of ten videos have a smaller mean than this.
    pub(crate) p90: f64,
    /// Share of videos that were not polled at all in some 12 h before they were 48 h old.
    pub(crate) starved: f64,
}

impl Score {
    pub(crate) fn of(scene: &Scene, run: &Run) -> Self {
        let videos = || scene.subjects.iter().zip(&run.seen).filter(|(video, _)| !video.truth.is_empty());
        let count = videos().count().max(1) as f64;
        let (sum, ticks) = videos()
            .map(|(video, seen)| (error(scene, video, seen), video.truth.len()))
            .fold((0.0, 0), |(sum, ticks), (error, length)| (sum + error, ticks + length));
        let mut means: Vec<_> =
            videos().map(|(video, seen)| error(scene, video, seen) / video.truth.len() as f64).collect();
        means.sort_by(f64::total_cmp);
        let starved = videos().filter(|(video, seen)| starved(video, seen)).count();
        Self {
            requests: run.requests as f64,
            polls: run.polls as f64 / count,
            mean: sum / ticks.max(1) as f64,
            p90: means.get(means.len() * 9 / 10).copied().unwrap_or_default(),
            starved: starved as f64 / count,
        }
    }
}

/// The sum of errors of a video over the middles of ticks.
fn error(scene: &Scene, video: &Subject, seen: &[(i64, f32)]) -> f64 {
    let first = scene.tick_from(video.born) + TICK / 2;
    let times = (first..).step_by(TICK as usize);
    let curve = times.map(reconstruction(video.born, seen));
    curve.zip(&video.truth).map(|(guess, truth)| f64::from((guess - truth).abs())).sum()
}

fn starved(video: &Subject, seen: &[(i64, f32)]) -> bool {
    let end = video.gone.min(video.born + YOUNG);
    let mut last = video.born;
    for now in seen.iter().map(|(now, _)| *now).take_while(|&now| now < end).chain([end]) {
        if now - last > GAP {
            return true;
        }
        last = now;
    }
    false
}

/// A curve made of what was seen: 0 at publication, straight between two observations, level after the last. To be
/// asked at ascending times.
pub(crate) fn reconstruction(born: i64, seen: &[(i64, f32)]) -> impl FnMut(i64) -> f32 {
    let mut next = 0;
    move |now| {
        while seen.get(next).is_some_and(|(at, _)| *at <= now) {
            next += 1;
        }
        let (from, low) = if next == 0 { (born, 0.0) } else { seen[next - 1] };
        let Some(&(to, high)) = seen.get(next) else { return low };
        low + (high - low) * (now - from) as f32 / (to - from).max(1) as f32
    }
}
