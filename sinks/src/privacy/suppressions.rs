//! Who is erased, by keyed hashes: records that name them are not taken again.

use super::key::PrivacyKey;
use crate::place::hex;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use tidelake_schemas::{AuthorRef, Observation};

/// What stands in a text where somebody was named. No letters: they could be somebody's handle.
pub const ERASED: &str = "[…]";
/// Numbers of fewer digits are counts and days rather than ids.
const ID_DIGITS: usize = 6;

/// The keyed hash of a handle or id on a platform.
pub type Hash = [u8; 32];

/// A set of keyed hashes, and the key. Cheap to ask while it is empty.
#[derive(Clone, Debug)]
pub struct Suppressions {
    key: PrivacyKey,
    hashes: HashSet<Hash>,
    platforms: BTreeSet<String>,
}

impl Suppressions {
    /// Nobody.
    pub fn none(key: PrivacyKey) -> Self {
        Self { key, hashes: HashSet::new(), platforms: BTreeSet::new() }
    }

    /// Whoever goes by these names on a platform: handles, ids of accounts, ids of videos.
    pub fn of<'a>(key: PrivacyKey, platform: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::none(key);
        for name in names {
            let hash = all.hash(platform, name);
            all.insert(platform, hash);
        }
        all
    }

    /// The hash of a handle (with or without `@`, in any case) or an id.
    pub fn hash(&self, platform: &str, name: &str) -> Hash {
        self.key.hash(&["tidelake suppression", platform, &name.trim_start_matches('@').to_lowercase()])
    }

    /// What tells this key from others, and nothing else about it.
    pub fn key_check(&self) -> String {
        hex(&self.key.hash(&["tidelake key check"])[..8])
    }

    /// The key.
    pub fn key(&self) -> &PrivacyKey {
        &self.key
    }

    /// Adds hashes in hexadecimal, as [`Self::hashes`] gives them. What is none is passed over.
    pub fn insert_all<'h>(&mut self, platform: &str, hashes: impl IntoIterator<Item = &'h str>) {
        for hash in hashes.into_iter().filter_map(unhex) {
            self.insert(platform, hash);
        }
    }

    /// Adds a hash.
    pub fn insert(&mut self, platform: &str, hash: Hash) {
        if !self.platforms.contains(platform) {
            self.platforms.insert(platform.to_owned());
        }
        self.hashes.insert(hash);
    }

    /// Adds all of another set, of the same key.
    pub fn extend(&mut self, other: &Self) {
        self.hashes.extend(&other.hashes);
        self.platforms.extend(other.platforms.iter().cloned());
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// How many hashes.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Its hashes in hexadecimal, sorted.
    pub fn hashes(&self) -> Vec<String> {
        let mut all: Vec<String> = self.hashes.iter().map(|hash| hex(hash)).collect();
        all.sort_unstable();
        all
    }

    /// Whether somebody goes by this name; on any platform where none is given.
    pub fn holds(&self, platform: Option<&str>, name: &str) -> bool {
        if self.hashes.is_empty() || name.is_empty() {
            return false;
        }
        match platform {
            Some(platform) => self.platforms.contains(platform) && self.hashes.contains(&self.hash(platform, name)),
            None => self.platforms.iter().any(|platform| self.hashes.contains(&self.hash(platform, name))),
        }
    }

    /// As [`Self::holds`], of a number.
    pub fn holds_id(&self, platform: Option<&str>, id: i64) -> bool {
        !self.hashes.is_empty() && self.holds(platform, &id.to_string())
    }

    /// Whether an author is one of them.
    pub fn holds_author(&self, platform: &str, author: &AuthorRef) -> bool {
        let text = |name: &Option<String>| name.as_deref().is_some_and(|name| self.holds(Some(platform), name));
        author.id.is_some_and(|id| self.holds_id(Some(platform), id)) || text(&author.handle) || text(&author.native_id)
    }

    /// Whether an observation is theirs: of them, of a video of theirs, or a comment they wrote or were given.
    pub fn holds_observation(&self, observation: &Observation) -> bool {
        if self.hashes.is_empty() {
            return false;
        }
        let text = |platform: &str, name: &Option<String>| {
            name.as_deref().is_some_and(|name| self.holds(Some(platform), name))
        };
        match observation {
            Observation::Video(o) => {
                self.holds_author(&o.platform, &o.author)
                    || self.holds_id(Some(&o.platform), o.video_id)
                    || text(&o.platform, &o.native_id)
            }
            Observation::Creator(o) => {
                self.holds(Some(&o.platform), &o.handle)
                    || o.creator_id.is_some_and(|id| self.holds_id(Some(&o.platform), id))
                    || text(&o.platform, &o.native_id)
            }
            Observation::Comment(o) => {
                self.holds_author(&o.platform, &o.author)
                    || o.video_id.is_some_and(|id| self.holds_id(Some(&o.platform), id))
            }
            Observation::Hashtag(_) | Observation::Sound(_) => false,
        }
    }

    /// Whether a text names one of them: any of its words is the name.
    pub fn named_in(&self, text: &str) -> bool {
        !self.hashes.is_empty() && words(text).any(|(at, word)| self.is_name(text, at, word, false))
    }

    /// Whether a text names one of them as data does: after `@`, a quotation mark, `/`, `=`, `:` or a dash, or as the whole
    /// text. For texts where a word is mostly just a word.
    pub fn marked_in(&self, text: &str) -> bool {
        !self.hashes.is_empty() && words(text).any(|(at, word)| self.is_name(text, at, word, true))
    }

    /// The text with [`ERASED`] in place of each name; `strictly` as [`Self::marked_in`] finds them.
    pub fn redact<'t>(&self, text: &'t str, strictly: bool) -> Cow<'t, str> {
        if self.hashes.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut redacted, mut done) = (String::new(), 0);
        for (at, word) in words(text) {
            if self.is_name(text, at, word, strictly) {
                redacted.push_str(&text[done..at]);
                redacted.push_str(ERASED);
                done = at + word.len();
            }
        }
        if done == 0 {
            return Cow::Borrowed(text);
        }
        redacted.push_str(&text[done..]);
        Cow::Owned(redacted)
    }

    fn is_name(&self, text: &str, at: usize, word: &str, strictly: bool) -> bool {
        let is_number = word.bytes().all(|b| b.is_ascii_digit());
        if is_number && word.len() < ID_DIGITS && word.len() < text.len() {
            return false;
        }
        if strictly && !is_number && !is_marked(text, at, word) {
            return false;
        }
        self.holds(None, word)
    }
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    if text.len() != 2 * hash.len() || !text.is_ascii() {
        return None;
    }
    for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(hash)
}

fn is_marked(text: &str, at: usize, word: &str) -> bool {
    let before = text[..at].trim_end_matches(' ');
    let after_dash = before.ends_with('-') && before.len() < at;
    word.len() == text.len() || text[..at].ends_with(['@', '"', '\'', '/', '=', ':']) || after_dash
}

/// The words of a text that may be names, and where each begins: letters, digits, `_`, `.`, `-`, without dots and dashes
/// around them.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    text.split(move |c: char| !is_part(c)).filter_map(move |run| {
        let word = run.trim_matches(['.', '-']);
        // A slice of the text: where it stands is told by its address.
        (!word.is_empty()).then(|| (word.as_ptr().addr() - text.as_ptr().addr(), word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn erased(names: &[&str]) -> Suppressions {
        Suppressions::of(PrivacyKey::new(&[1; 32]), "tiktok", names.iter().copied())
    }

    #[test]
    fn names_are_known_in_any_form() {
        let mia = erased(&["@Mia.Cooks", "7001234567890123456"]);
        assert!(mia.holds(Some("tiktok"), "mia.cooks") && mia.holds(None, "@MIA.COOKS"));
        assert!(mia.holds_id(Some("tiktok"), 7_001_234_567_890_123_456));
        assert!(!mia.holds(Some("youtube"), "mia.cooks"), "the same handle elsewhere is somebody else's");
        assert!(!mia.holds(None, "") && !mia.holds(None, "mia"));
        assert_eq!(mia.len(), 2);
        let mut again = Suppressions::none(PrivacyKey::new(&[1; 32]));
        again.insert_all("tiktok", mia.hashes().iter().map(String::as_str).chain(["no hash"]));
        assert!(again.holds(Some("tiktok"), "mia.cooks") && again.len() == 2);
        assert!(!format!("{mia:?}").to_lowercase().contains("mia.cooks"));
    }

    #[test]
    fn texts_name_by_whole_words() {
        let mia = erased(&["mia.cooks", "7001234567890123456"]);
        for text in ["videos of mia.cooks.", "https://www.tiktok.com/@mia.cooks/video/1", "{\"u\":\"Mia.Cooks\"}"] {
            assert!(mia.named_in(text), "{text}");
        }
        assert!(mia.marked_in("original sound - mia.cooks") && !mia.marked_in("see mia.cooks there"));
        assert!(mia.marked_in("[7001234567890123456,1]"));
        assert!(!mia.named_in("mia.cooks2 xmia.cooks mia cooks 70012345678901234567"));
        assert_eq!(mia.redact("creator/mia.cooks,ben: 3 of 7001234567890123456", false), "creator/[…],ben: 3 of […]");
        assert_eq!(mia.redact("nothing", false), "nothing");
        assert!(!erased(&["2024"]).named_in("in 2024"), "a short number in a text is no id");
    }

    proptest! {
        #[test]
        fn a_redacted_text_names_nobody(before in ".{0,20}", after in ".{0,20}") {
            let mia = erased(&["mia.cooks"]);
            let text = format!("{before} @mia.cooks {after}");
            let redacted = mia.redact(&text, false).into_owned();
            prop_assert!(!mia.named_in(&redacted), "{redacted}");
            prop_assert!(redacted.contains(ERASED));
        }
    }
}
