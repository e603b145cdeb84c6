//! The world that is observed: videos over 90 days, and when each is looked at. A pure function of the seed.

/// Days that videos are posted on.
pub(crate) const DAYS: i64 = 90;
/// Creators; the first are the busiest.
pub(crate) const CREATORS: u64 = 60_000;
/// Sounds.
pub(crate) const SOUNDS: u64 = 50_000;
/// Different captions, with what the stages find in them.
pub(crate) const CONTENTS: u64 = 300_000;
/// 2026-01-01T00:00:00Z.
pub(crate) const START_S: i64 = 1_767_225_600;
/// Ages at which a video is looked at, in hours.
pub(crate) const AGES: [i64; 18] = [1, 3, 6, 12, 23, 36, 48, 70, 95, 119, 143, 167, 239, 335, 479, 719, 1079, 1439];
/// Seconds of a day.
pub(crate) const DAY_S: i64 = 86_400;

/// SplitMix64's finaliser: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
pub(crate) fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A number in [0, 1) of a thing and a question about it.
pub(crate) fn unit(thing: u64, question: u64) -> f64 {
    (mix(thing.wrapping_mul(31).wrapping_add(question)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Of `n` things one: the first ones far oftener (density ∝ 1/√rank).
pub(crate) fn skewed(thing: u64, question: u64, n: u64) -> u64 {
    let u = unit(thing, question);
    ((u * u * n as f64) as u64).min(n - 1)
}

/// About normal: the sum of four uniform numbers, mean 0, deviation 1.
pub(crate) fn normal(thing: u64, question: u64) -> f64 {
    let sum: f64 = (0..4).map(|i| unit(thing, question * 4 + i + 1000)).sum();
    (sum - 2.0) * 3.0_f64.sqrt()
}

/// How many videos are posted a day, so that about so many observations are made in all.
pub(crate) fn videos_per_day(observations: u64) -> u64 {
    let looks: i64 = (0..DAYS).map(|day| AGES.iter().filter(|age| day + *age / 24 < DAYS).count() as i64).sum();
    (observations / looks.unsigned_abs()).max(1)
}

/// A video.
#[derive(Clone, Copy)]
pub(crate) struct Video {
    /// Its number, from 0.
    pub(crate) n: u64,
    /// When it was posted, seconds.
    pub(crate) posted_s: i64,
}

impl Video {
    /// The `i`th of a day's.
    pub(crate) fn of(day: i64, i: u64, per_day: u64) -> Self {
        let n = day.unsigned_abs() * per_day + i;
        Self { n, posted_s: START_S + day * DAY_S + (unit(n, 1) * DAY_S as f64) as i64 }
    }

    /// As TikTok's ids are: the second of the post above 32 other bits.
    pub(crate) fn id(self) -> i64 {
        (self.posted_s << 32) | (mix(self.n) & 0xffff_ffff) as i64
    }

    /// Who posted it.
    pub(crate) fn creator(self) -> u64 {
        skewed(self.n, 2, CREATORS)
    }

    /// Its sound: a third are the creator's own.
    pub(crate) fn sound(self) -> u64 {
        skewed(self.n, 3, SOUNDS)
    }

    /// Its caption.
    pub(crate) fn content(self) -> u64 {
        mix(self.n ^ 0x5eed) % CONTENTS
    }

    /// Counts at an age: views, likes, comments, shares, saves. Heavy tails; growth slows down with age.
    pub(crate) fn counts(self, age_h: f64) -> [i64; 5] {
        let in_the_end = (6.5 + 2.2 * normal(self.n, 4) + 1.5 * unit(self.creator(), 5)).exp();
        let views = in_the_end * (1.0 - (-age_h / (20.0 + 60.0 * unit(self.n, 6))).exp());
        let part = |question, of: f64| (views * of * (0.3 + 1.4 * unit(self.n, question))) as i64;
        [views as i64, part(7, 0.08), part(8, 0.004), part(9, 0.006), part(10, 0.01)]
    }
}

/// An observation: which video, and when.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    /// The video.
    pub(crate) video: Video,
    /// Which of [`AGES`].
    pub(crate) age: usize,
    /// When, seconds.
    pub(crate) at_s: i64,
}

/// The observations of a day, in the order they are made.
pub(crate) fn looks(day: i64, per_day: u64) -> Vec<Look> {
    let mut looks = Vec::new();
    let until = START_S + (day + 1) * DAY_S;
    for (age, hours) in AGES.iter().enumerate() {
        // Posted that many hours before, that day or the day before it.
        for posted in [day - hours / 24 - 1, day - hours / 24] {
            if !(0..DAYS).contains(&posted) {
                continue;
            }
            for i in 0..per_day {
                let video = Video::of(posted, i, per_day);
                let at_s = video.posted_s + hours * 3600 + (unit(video.n, 100 + age as u64) * 1800.0) as i64;
                if at_s < until && at_s >= until - DAY_S {
                    looks.push(Look { video, age, at_s });
                }
            }
        }
    }
    looks.sort_unstable_by_key(|look| (look.at_s, look.video.n));
    looks
}
