//! Words that carry no subject, by language: the lists of Stopwords ISO (MIT), by the crate `stop-words`.

use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::LazyLock;
use tidelake_schemas::Language;

/// What the English list counts as empty though it may well be what a caption is about.
const SUBJECTS: &str = "area areas bill book cell computer course cry date face faces fire game group groups home \
    homepage index information interest invention kid man member members men microsoft number numbers order orders page \
    pages problem problems research ring room rooms section side sides site skin state states system test text va world \
    york";

/// What people write between words, in any language.
const CHATTER: &str = "lol lmao lmfao omg haha hahaha hahahaha hehe kkk kkkk rsrs jaja jajaja xd tbh idk imo fr ngl btw smh ikr \
    pls plz bc cuz cause ur yall y'all gonna wanna gotta kinda lemme gimme ain't dont cant wont im ive ill youre theyre hes \
    shes thats whats lets isnt wasnt didnt doesnt couldnt wouldnt shouldnt pov ft feat vs via link bio follow like comment \
    share subscribe tiktok yes yeah yep nope hey hi hello guys wow ever today tomorrow yesterday thing things lot bit";

static LISTS: LazyLock<FxHashMap<&'static str, FxHashSet<&'static str>>> = LazyLock::new(|| {
    let chatter = CHATTER.split_whitespace();
    let mut lists: FxHashMap<_, FxHashSet<_>> = stop_words::available_languages()
        .iter()
        .filter_map(|code| Some((*code, stop_words::lookup(*code)?.iter().copied().chain(chatter.clone()).collect())))
        .collect();
    if let Some(english) = lists.get_mut("en") {
        for word in SUBJECTS.split_whitespace() {
            english.remove(word);
        }
    }
    lists
});

/// The empty words of a language; of English, where a language is unknown or has no list; of both, where it is uncertain.
#[derive(Clone, Copy)]
pub(super) struct StopWords {
    own: Option<&'static FxHashSet<&'static str>>,
    english: Option<&'static FxHashSet<&'static str>>,
    certain: bool,
}

/// A less certain verdict on a language may be wrong, and what is wrong for something else is English most often.
const CERTAIN: f64 = 0.7;

impl StopWords {
    pub(super) fn of(language: &Language) -> Self {
        let english = LISTS.get("en");
        let own = LISTS.get(language.code.as_str());
        Self { own: own.or(english), english, certain: own.is_none() || language.confidence >= CERTAIN }
    }

    /// Is this word of the caption's text empty?
    pub(super) fn contains(self, word: &str) -> bool {
        self.own.is_some_and(|list| list.contains(word)) || !self.certain && self.in_english(word)
    }

    /// Is this word of a hashtag empty? Hashtags are English in captions of any language.
    pub(super) fn contains_tagged(self, word: &str) -> bool {
        self.contains(word) || self.in_english(word)
    }

    fn in_english(self, word: &str) -> bool {
        self.english.is_some_and(|list| list.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, confidence: f64) -> StopWords {
        StopWords::of(&Language { code: code.to_owned(), confidence })
    }

    #[test]
    fn many_languages() {
        for (language, word) in [
            ("en", "the"),
            ("es", "porque"),
            ("de", "nicht"),
            ("fr", "avec"),
            ("pt", "você"),
            ("it", "perché"),
            ("id", "yang"),
            ("vi", "không"),
            ("tr", "için"),
            ("ru", "чтобы"),
            ("ar", "على"),
            ("ja", "これ"),
            ("zh", "我们"),
            ("hi", "और"),
            ("pl", "dla"),
            ("no", "ikke"),
            ("xx", "the"),
        ] {
            assert!(of(language, 1.0).contains(word), "{language} {word}");
        }
        assert!(LISTS.len() >= 30);
        assert!(!of("en", 1.0).contains("face"));
        assert!(
            !of("es", 1.0).contains("the") && of("es", 0.4).contains("the") && of("es", 1.0).contains_tagged("the")
        );
    }
}
