//! What a poll of one video gains.

use super::prior::Prior;

/// The longest that is looked ahead, in hours.
const FARTHEST: f64 = 24.0 * 365.0;

/// What is expected of a video after its last observation: a curve log v(x) = log v(age) + slope · ln(x / age), whose
/// slope falls as the prior says. Ages in hours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// Age of the present wave of views: the video's own, unless it grows faster than in proportion to that.
    age: f64,
    /// d log v / d ln age, at most 1.
    slope: f64,
    /// Unannounced growth, log units per hour.
    surprise: f64,
}

impl Outlook {
    /// From a video's age and its slope at that age. A slope above 1 (faster than in proportion to age) means that a
    /// wave began lately: the same growth per hour is that of a video of age `age / slope`.
    pub(super) fn new(age: f64, slope: f64, surprise: f64) -> Self {
        Self { age: (age / slope.max(1.0)).max(super::video::BIRTH_H), slope: slope.min(1.0), surprise }
    }

    /// The gain of a poll after so many hours, in log units times hours. See the module documentation of
    /// [`revisit`](super).
    pub(super) fn gain(&self, prior: &Prior, waited: f64) -> f64 {
        if waited <= 0.0 {
            return 0.0;
        }
        let length = (waited / self.age).ln_1p();
        let middle = self.age * (length / 2.0).exp();
        let slope = self.slope * prior.slope(middle) / prior.slope(self.age);
        let bend = slope * (1.0 + prior.decay(middle));
        bend * self.age * sinh_less(length) + self.surprise * waited * waited / 3.0
    }

    /// After how many hours a poll gains `price`.
    pub(super) fn wait(&self, prior: &Prior, price: f64) -> f64 {
        let (mut low, mut high) = (1.0 / 64.0, FARTHEST);
        // 22 halvings of the logarithm: to a few parts in a million.
        for _ in 0..22 {
            let middle = f64::sqrt(low * high);
            if self.gain(prior, middle) < price {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }
}

/// sinh(x) - x, by its series where the difference would lose digits.
fn sinh_less(x: f64) -> f64 {
    if x < 0.05 { x.powi(3) / 6.0 + x.powi(5) / 120.0 } else { x.sinh() - x }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The formula of the module documentation, by quadrature: h E'(h) - E(h) for a curve of constant slope.
    fn by_quadrature(age: f64, waited: f64) -> f64 {
        let error = |h: f64| {
            let steps = 20_000;
            let chord = (1.0 + h / age).ln();
            let at = |i: u32| (f64::from(i) + 0.5) / f64::from(steps);
            (0..steps).map(|i| (1.0 + at(i) * h / age).ln() - chord * at(i)).sum::<f64>() * h / f64::from(steps)
        };
        let d = waited * 1e-3;
        waited * (error(waited + d) - error(waited - d)) / (2.0 * d) - error(waited)
    }

    #[test]
    fn the_closed_form_is_the_integral() {
        for (age, waited) in [(1.0, 0.5), (1.0, 3.0), (24.0, 24.0), (100.0, 700.0)] {
            let closed = age * sinh_less(f64::ln_1p(waited / age));
            let integral = by_quadrature(age, waited);
            assert!((closed / integral - 1.0).abs() < 1e-3, "{age} {waited}: {closed} {integral}");
        }
    }

    #[test]
    fn gains_grow_with_time_and_with_slope() {
        let prior = Prior::default();
        for age in [0.1, 1.0, 10.0, 100.0, 1000.0] {
            let (fast, slow) = (Outlook::new(age, 0.8, 1e-4), Outlook::new(age, 0.1, 1e-4));
            let gains: Vec<_> = (-4..14).map(|i| fast.gain(&prior, f64::from(i).exp2())).collect();
            assert!(gains.is_sorted(), "{age}: {gains:?}");
            assert!(fast.gain(&prior, 5.0) > slow.gain(&prior, 5.0));
            assert!(fast.wait(&prior, 0.5) < slow.wait(&prior, 0.5));
            let wait = fast.wait(&prior, 0.5);
            assert!((fast.gain(&prior, wait) - 0.5).abs() < 1e-3, "{age}");
        }
    }

    #[test]
    fn a_new_wave_makes_an_old_video_young() {
        let prior = Prior::default();
        let old = Outlook::new(400.0, 0.05, 0.0);
        let blooming = Outlook::new(400.0, 30.0, 0.0);
        assert!(old.wait(&prior, 0.5) > 100.0);
        assert!(blooming.wait(&prior, 0.5) < 24.0, "{}", blooming.wait(&prior, 0.5));
    }
}
