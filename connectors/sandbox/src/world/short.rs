//! Codes of short links: every video and every creator has one, and it leads back.

use super::hash::mix;
use super::{Creator, Video, World};

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of a position: 62^6 is more than the 2^32 a world may hold.
const PLACES: usize = 6;

/// What a short link stands for.
#[derive(Debug)]
pub enum ShortTarget<'w> {
    /// A video.
    Video(Video<'w>),
    /// A profile.
    Creator(Creator),
}

impl World {
    /// The code of a video's short link: nine characters, as real ones have.
    pub fn short_code(&self, video: &Video<'_>) -> String {
        self.code("ZS", video.index())
    }

    /// The code of a profile's short link.
    pub fn short_code_of_creator(&self, creator: &Creator) -> String {
        self.code("ZT", creator.index)
    }

    /// What a code stands for; `None` for codes that this world never gave.
    pub fn by_short_code(&self, code: &str) -> Option<ShortTarget<'_>> {
        let (kind, digits) = (code.get(..2)?, code.get(2..2 + PLACES)?);
        let index = digits.bytes().try_fold(0_u64, |index, digit| {
            Some(index * 62 + DIGITS.iter().position(|known| *known == digit)? as u64)
        })?;
        if self.code(kind, index) != code {
            return None;
        }
        match kind {
            "ZS" => self.video(index).map(ShortTarget::Video),
            "ZT" => self.creator(index).map(ShortTarget::Creator),
            _ => None,
        }
    }

    /// Kind, position, and a check by which codes of other worlds are told from ours.
    fn code(&self, kind: &str, index: u64) -> String {
        let digit = |value: u64| char::from(DIGITS[(value % 62) as usize]);
        let places: String = (0..PLACES as u32).rev().map(|place| digit(index / 62_u64.pow(place))).collect();
        let check = digit(mix(self.config.seed ^ mix(index)) >> 8);
        format!("{kind}{places}{check}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WorldConfig;

    #[test]
    fn codes_lead_back() {
        let world = World::new(WorldConfig::default()).expect("a world");
        for index in (0..200_000).step_by(9_973) {
            let code = world.short_code(&world.video(index).expect("a video"));
            assert_eq!(code.len(), 9);
            let found = world.by_short_code(&code);
            assert!(matches!(&found, Some(ShortTarget::Video(video)) if video.index() == index), "{found:?}");
        }
        let creator = world.creator(77).expect("a creator");
        let found = world.by_short_code(&world.short_code_of_creator(&creator));
        assert!(matches!(&found, Some(ShortTarget::Creator(found)) if *found == creator), "{found:?}");
        for stranger in ["", "ZS", "ZS0000000000", "ZSézzzzzz", "ZTzzzzzzz", "XX0000000"] {
            assert!(world.by_short_code(stranger).is_none(), "{stranger}");
        }
    }
}
