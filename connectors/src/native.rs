//! Ids of platforms whose ids are no numbers.
//!
//! Tables know things by an `i64`. Where a platform's own id is a number of 63 bits (TikTok, most of Facebook), that is
//! it, and `native_id` is null. Where it is longer, the `i64` is derived from it, and `native_id` is the id itself.

use aws_lc_rs::digest::{SHA256, digest};

/// The number of an id that is none: the first 63 bits of SHA-256 over platform, a line feed and the id. Of a billion
/// ids of one platform, two share a number with a probability of some 5 %; `native_id` tells those apart.
pub fn derive(platform: &str, native: &str) -> i64 {
    let hash = digest(&SHA256, format!("{platform}\n{native}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_ref()[..8]);
    // Without the lowest of 64 bits, it is never negative.
    (u64::from_be_bytes(first) >> 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_the_same_across_releases() {
        // Another derivation would make every known channel a new one. First 16 digits of the SHA-256, halved.
        assert_eq!(derive("youtube", "UC_x5XG1OV2P6uZZ5FSM9Ttw"), KNOWN);
        assert_ne!(derive("youtube", "1_2"), derive("facebook", "1_2"));
        assert!(derive("facebook", "1_2") >= 0);
    }

    const KNOWN: i64 = 5373401304739241021;
}
