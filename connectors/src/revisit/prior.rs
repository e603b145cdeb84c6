//! How videos grow at an age, learned from all of them.

use serde::{Deserialize, Serialize};

/// Ages are told apart by octaves: 2^-6 h (a minute) to 2^14 h (two years).
const BINS: usize = 20;

/// Octave of the first bin.
const FIRST: f64 = -6.0;

/// The default curve counts like this many log units of age observed in each bin.
const WEIGHT: f64 = 4.0;

/// Beyond so much exposure, what was learned long ago is halved: the platform changes.
const MEMORY: f32 = 4096.0;

/// Before anything is learned: views grow in proportion to age at first, and at this age (hours) half as fast.
const HALF: f64 = 12.0;

/// The mean slope of log views over log age, by age.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Prior {
    /// Log growth seen in a bin.
    grown: [f32; BINS],
    /// Log units of age over which it was seen.
    exposure: [f32; BINS],
}

impl Default for Prior {
    fn default() -> Self {
        let slope = |bin| 1.0 / (1.0 + (FIRST + bin as f64 + 0.5).exp2() / HALF);
        let grown = std::array::from_fn(|bin| (WEIGHT * slope(bin)) as f32);
        Self { grown, exposure: [WEIGHT as f32; BINS] }
    }
}

impl Prior {
    /// The slope at an age in hours, between the bins' middles interpolated over log age.
    pub(super) fn slope(&self, age: f64) -> f64 {
        let place = (age.log2() - FIRST - 0.5).clamp(0.0, BINS as f64 - 1.0);
        let (bin, part) = (place.floor(), place.fract());
        let low = self.bin(bin as usize);
        low + part * (self.bin((bin as usize + 1).min(BINS - 1)) - low)
    }

    /// How fast the slope falls: -d ln slope / d ln age, between 0 and 2.
    pub(super) fn decay(&self, age: f64) -> f64 {
        let (before, after) = (self.slope(age / 2.0), self.slope(age * 2.0));
        ((before / after).ln() / 4f64.ln()).clamp(0.0, 2.0)
    }

    /// The log growth to be expected between two ages in hours.
    pub(super) fn expected(&self, from: f64, to: f64) -> f64 {
        overlaps(from, to).map(|(bin, length)| length * self.bin(bin)).sum()
    }

    /// A video of this log growth between two ages. `weight` (up to 1) is what a log unit of its views is worth: small
    /// counts say little. The growth is shared out over the bins as the prior expects it (one step of
    /// expectation-maximisation).
    pub(super) fn learn(&mut self, from: f64, to: f64, grown: f64, weight: f64) {
        let expected = self.expected(from, to);
        if expected <= 0.0 {
            return;
        }
        for (bin, length) in overlaps(from, to) {
            let share = length * self.bin(bin) / expected;
            self.grown[bin] += (grown * share) as f32;
            self.exposure[bin] += (length * weight) as f32;
            if self.exposure[bin] > MEMORY {
                self.grown[bin] /= 2.0;
                self.exposure[bin] /= 2.0;
            }
        }
    }

    /// Never 0: what has not grown yet may.
    fn bin(&self, bin: usize) -> f64 {
        f64::from((self.grown[bin] / self.exposure[bin]).max(1e-4))
    }
}

/// The bins that an interval of ages lies in, each with the log units of age within it.
fn overlaps(from: f64, to: f64) -> impl Iterator<Item = (usize, f64)> {
    let place = |age: f64| (age.max(1e-9).log2() - FIRST).clamp(0.0, BINS as f64);
    let (from, to) = (place(from), place(to));
    let bins = from.floor() as usize..(to.ceil() as usize).min(BINS);
    bins.map(move |bin| (bin, (to.min(bin as f64 + 1.0) - from.max(bin as f64)).max(0.0) * std::f64::consts::LN_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_curve_falls_from_one() {
        let prior = Prior::default();
        assert!(prior.slope(0.01) > 0.95);
        assert!((0.4..0.6).contains(&prior.slope(12.0)), "{}", prior.slope(12.0));
        assert!(prior.slope(1000.0) < 0.02);
        assert!(prior.decay(0.1) < 0.05 && (0.9..1.1).contains(&prior.decay(1000.0)));
    }

    #[test]
    fn expected_growth_adds_up() {
        let prior = Prior::default();
        let parts = prior.expected(1.0, 5.0) + prior.expected(5.0, 90.0);
        assert!((prior.expected(1.0, 90.0) - parts).abs() < 1e-9);
        assert!(prior.expected(3.0, 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_population_is_learned() {
        let mut prior = Prior::default();
        for _ in 0..2000 {
            prior.learn(100.0, 200.0, 0.5, 1.0);
        }
        let learned = prior.expected(100.0, 200.0);
        assert!((learned - 0.5).abs() < 0.02, "{learned}");
        assert!(prior.slope(3.0) > 0.7, "other ages are as they were");
    }
}
