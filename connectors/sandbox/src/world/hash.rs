//! Randomness without state: numbers that depend on a seed, a room and an index only.

/// SplitMix64's finaliser: every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The hash of a text (FNV-1a, then mixed).
pub(crate) fn text(value: &str) -> u64 {
    mix(value.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)))
}

/// What a number is for. Each room draws from its own sequence.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum Room {
    Slot = 1,
    Delay,
    Author,
    Creator,
    Caption,
    Detail,
    Growth,
    Fate,
    Comment,
    Sound,
    SoundOf,
    Trend,
    Indexing,
    Speech,
}

/// A short sequence of draws for one thing.
#[derive(Clone, Debug)]
pub(crate) struct Roll(u64);

impl Roll {
    /// The sequence of thing `index` in `room`.
    pub(crate) fn new(seed: u64, room: Room, index: u64) -> Self {
        Self(mix(seed ^ mix((room as u64) << 56 ^ index)))
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in `[0, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number in `0..n`; 0 when `n` is 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list that is not empty.
    pub(crate) fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len() as u64) as usize]
    }

    /// The position of one of these weights.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total: u64 = weights.clone().map(u64::from).sum();
        let mut rest = self.below(total);
        for (position, weight) in weights.enumerate() {
            match rest.checked_sub(u64::from(weight)) {
                Some(left) => rest = left,
                None => return position,
            }
        }
        0
    }

    /// A heavy tail: 1 at least, above `x` with probability `x^-alpha`.
    pub(crate) fn pareto(&mut self, alpha: f64) -> f64 {
        (1.0 - self.unit()).powf(-1.0 / alpha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depends_on_seed_room_and_index_only() {
        let draw = |seed, room, index| Roll::new(seed, room, index).bits();
        assert_eq!(draw(1, Room::Slot, 5), draw(1, Room::Slot, 5));
        assert_ne!(draw(1, Room::Slot, 5), draw(2, Room::Slot, 5));
        assert_ne!(draw(1, Room::Slot, 5), draw(1, Room::Delay, 5));
        assert_ne!(draw(1, Room::Slot, 5), draw(1, Room::Slot, 6));
    }

    #[test]
    fn weights_and_bounds_hold() {
        let mut roll = Roll::new(3, Room::Slot, 0);
        let mut seen = [0u32; 3];
        for _ in 0..3000 {
            seen[roll.weighted([1u32, 0, 2].into_iter())] += 1;
            assert!(roll.below(7) < 7);
            assert!(roll.pareto(1.0) >= 1.0);
        }
        assert_eq!(seen[1], 0);
        assert!(seen[0] > 800 && seen[2] > 1700);
    }
}
