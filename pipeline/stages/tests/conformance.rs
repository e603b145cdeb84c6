//! Cases of our own for what captions hold: one line per rule that a user could trip over.
#![allow(clippy::print_stdout, reason = "timings are meant to be read")]

use tidelake_schemas::{CaptionFindings, TextSpan};
use tidelake_stages::{Adjacent, Caption, Hashtags, Stages};

fn find(text: &str) -> CaptionFindings {
    Stages::standard().run(&Caption::plain(text)).findings
}

fn texts(spans: &[TextSpan]) -> Vec<&str> {
    spans.iter().map(|span| span.text.as_str()).collect()
}

#[test]
fn a_whole_caption() {
    let found = find("Neues Rezept 🍝 mit @koch.anna!! Mehr auf www.beispiel.de/pasta?x=1, #pasta#rezept $ABC");
    assert_eq!(texts(&found.hashtags), ["pasta", "rezept"]);
    assert_eq!(texts(&found.mentions), ["koch.anna"]);
    assert_eq!(texts(&found.urls), ["www.beispiel.de/pasta?x=1"]);
    assert_eq!(texts(&found.emojis), ["🍝"]);
    assert_eq!(texts(&found.cashtags), ["ABC"]);
    assert_eq!(found.language.code, "de");
}

#[test]
fn what_stands_in_a_url_is_the_urls() {
    let found = find("https://www.tiktok.com/@nasa/video/7312345678901234567?a=b#top and example.com/#x");
    assert_eq!(found.urls.len(), 2);
    assert_eq!(found.hashtags, []);
    assert_eq!(found.mentions, []);
}

#[test]
fn offsets_are_bytes_and_include_the_marker() {
    let found = find("é😀 #ü @a");
    assert_eq!((found.hashtags[0].start, found.hashtags[0].end), (7, 10));
    assert_eq!((found.mentions[0].start, found.mentions[0].end), (11, 13));
    assert_eq!((found.emojis[0].start, found.emojis[0].end), (2, 6));
}

#[test]
fn repeats_are_kept_in_order() {
    assert_eq!(texts(&find("#b #a #b 😀😀 @x @x").hashtags), ["b", "a", "b"]);
    assert_eq!(texts(&find("#b #a #b 😀😀 @x @x").emojis), ["😀", "😀"]);
    assert_eq!(texts(&find("@x @x").mentions), ["x", "x"]);
}

#[test]
fn twitter_rules_can_be_had_for_chains() {
    let stages = Stages::new(vec![Box::new(Hashtags { adjacent: Adjacent::None })]);
    assert_eq!(stages.run(&Caption::plain("#a#b #c")).findings.hashtags.len(), 1);
}

#[test]
fn hashtags_alone_are_no_language() {
    for text in ["#comedy #viral", "😂😂😂", "@someone https://example.com", "2024 !!!"] {
        assert_eq!(find(text).language.code, "und", "{text}");
    }
}

/// A caption made to be slow is still quick.
#[test]
fn hostile_captions() {
    for text in [
        "a.".repeat(2000) + "-.com",
        "@a/".repeat(2000),
        "#a".repeat(2000),
        "((".repeat(2000),
        "http://".repeat(600),
        "https://a.com/".repeat(300),
        "👩\u{200d}".repeat(1000),
        "日.".repeat(1500) + "com",
        "$A".repeat(2000),
    ] {
        let start = std::time::Instant::now();
        find(&text);
        let took = start.elapsed();
        println!("{took:?} {:?}", text.chars().take(8).collect::<String>());
        assert!(took.as_secs() < 5, "{text}");
    }
}
