//! Video ids: eleven characters of base64url are 66 bits, of which the last two are always 0; so each id is 64 bits,
//! and each 64 bits are an id.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The number of a video id: its 64 bits, as a signed number. `None` for what is no video id.
pub fn number_of(id: &str) -> Option<i64> {
    // The decoder refuses bits that are set behind the last byte.
    let bytes: [u8; 8] = URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()?;
    Some(i64::from_be_bytes(bytes))
}

/// The video id of a number: the inverse of [`number_of`].
pub fn text_of(number: i64) -> String {
    URL_SAFE_NO_PAD.encode(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_ids() {
        for id in ["dQw4w9WgXcQ", "jNQXAC9IVRw", "M7lc1UVf-VE", "-_-_-_-_-_8", "AAAAAAAAAAA"] {
            assert_eq!(text_of(number_of(id).expect(id)), id);
        }
        assert_eq!((number_of("AAAAAAAAAAE"), number_of("__________8")), (Some(1), Some(-1)));
        for none in ["", "dQw4w9WgXc", "dQw4w9WgXcQQ", "dQw4w9WgXcR", "dQw4w9WgX+Q", "dQw4w9WgXc=", "dQw4w9WgXcé"] {
            assert_eq!(number_of(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn every_number_is_an_id(number in any::<i64>()) {
            let id = text_of(number);
            prop_assert_eq!(id.len(), 11);
            prop_assert_eq!(number_of(&id), Some(number));
        }

        #[test]
        fn every_id_is_a_number(id in "[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]") {
            prop_assert_eq!(text_of(number_of(&id).expect("an id")), id);
        }

        #[test]
        fn other_texts_are_none_or_come_back(text in any::<String>()) {
            prop_assert!(number_of(&text).is_none_or(|number| text_of(number) == text));
        }
    }
}
