//! Hashtags that speak to the feed and not of the video: `#fyp`, `#viral`, `#xuhuong`.

use rustc_hash::FxHashSet;
use std::sync::LazyLock;

struct FeedWords {
    whole: FxHashSet<&'static str>,
    /// Of words marked with `*`: whatever follows them.
    beginnings: Vec<&'static str>,
}

static FEED_WORDS: LazyLock<FeedWords> = LazyLock::new(|| {
    let text = include_str!("../data/feed_words.txt");
    let words = || text.lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace);
    FeedWords {
        whole: words().map(|word| word.trim_end_matches('*')).collect(),
        beginnings: words().filter_map(|word| word.strip_suffix('*')).collect(),
    }
});

/// Is this one, in any case and however long its letters are drawn out (`#paratiiii`)?
pub(crate) fn contains(tag: &str) -> bool {
    if tag.bytes().all(|b| b.is_ascii_lowercase()) && !drawn_out(tag) {
        return listed(tag);
    }
    let lower = tag.to_lowercase();
    listed(&lower) || drawn_out(&lower) && listed(&squeezed(&lower))
}

fn listed(tag: &str) -> bool {
    FEED_WORDS.whole.contains(tag) || FEED_WORDS.beginnings.iter().any(|beginning| tag.starts_with(beginning))
}

fn drawn_out(tag: &str) -> bool {
    tag.as_bytes().windows(2).any(|pair| pair[0] == pair[1])
}

/// Each run of one letter as a single one.
fn squeezed(tag: &str) -> String {
    let mut last = None;
    tag.chars().filter(|c| last.replace(*c) != Some(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn feed_words() {
        for tag in
            ["fyp", "FYP", "fypシ゚", "fyppp", "foryoupage", "Viral", "xuhuong", "paratiiiii", "рек", "おすすめ", "4u"]
        {
            assert!(contains(tag), "{tag}");
        }
        for tag in ["skincare", "book", "football", "foryourhair", "trendy", "", "viralnews"] {
            assert!(!contains(tag), "{tag}");
        }
    }
}
