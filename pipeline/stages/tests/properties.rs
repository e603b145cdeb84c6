//! Whatever the text and the source's spans: no panic, spans on character boundaries, texts equal to their slices.

use proptest::prelude::*;
use tidelake_schemas::{CaptionEntity, CaptionFindings, TextSpan};
use tidelake_stages::{Caption, Stages, lines};

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-z]{1,4}",
        prop::sample::select(vec![
            "$5",
            "20 €",
            "two",
            "dollars",
            "руб.",
            "20%",
            "٪٢",
            "off",
            "code ",
            "link in bio",
            "skincare routine",
            "#dogsoftiktok",
            "#SmallBusiness2024",
            "Real Madrid",
            "レシピ",
            "İ",
            "#",
            "＃",
            "@",
            "＠",
            "$",
            ".",
            "/",
            "://",
            "http://",
            "https://t.co/",
            ".com",
            "com",
            "рф",
            ".中国",
            "日本",
            "é",
            " ",
            "\n",
            "\u{fe0f}",
            "\u{20e3}",
            "\u{200d}",
            "👩",
            "🏽",
            "🇩",
            "🇪",
            "🏴",
            "\u{e0067}",
            "\u{e007f}",
            "❤",
            "(",
            ")",
            "?",
            "&",
            "_",
            "-",
            "1",
            "\u{202a}",
            "RT",
            "rt:",
            "xn--",
            "\u{301}",
            "\u{feff}",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn entities() -> impl Strategy<Value = Vec<CaptionEntity>> {
    let entity = (prop::sample::select(vec!["hashtag", "mention", "x"]), -2..40_i32, -2..40_i32).prop_map(
        |(kind, start, end)| CaptionEntity {
            kind: kind.into(),
            start_utf16: start,
            end_utf16: end,
            ..CaptionEntity::default()
        },
    );
    prop::collection::vec(entity, 0..4)
}

fn check(text: &str, spans: &[TextSpan], markers: &[char]) -> Result<(), TestCaseError> {
    let mut last = 0;
    for span in spans {
        let (start, end) = (span.start as usize, span.end as usize);
        prop_assert!(start >= last && start < end && end <= text.len(), "{span:?} in {text:?}");
        prop_assert!(text.is_char_boundary(start) && text.is_char_boundary(end), "{span:?} in {text:?}");
        let slice = &text[start..end];
        let own = if markers.is_empty() { slice } else { slice.strip_prefix(markers).unwrap_or("") };
        prop_assert_eq!(own, &span.text);
        last = end;
    }
    Ok(())
}

fn check_all(text: &str, found: &CaptionFindings) -> Result<(), TestCaseError> {
    check(text, &found.hashtags, &['#', '＃'])?;
    check(text, &found.mentions, &['@', '＠'])?;
    check(text, &found.cashtags, &['$'])?;
    check(text, &found.urls, &[])?;
    check(text, &found.emojis, &[])?;
    check_places(text, found.prices.iter().map(|price| (price.start, price.end)))?;
    check_places(text, found.offers.iter().map(|offer| (offer.start, offer.end)))?;
    check_places(text, found.products.iter().map(|product| (product.start, product.end)))?;
    check_places(text, found.calls_to_action.iter().map(|call| (call.start, call.end)))?;
    check_places(text, found.hashtag_words.iter().map(|words| (words.start, words.end)))?;
    check_subjects(text, found)
}

/// Keywords say what stands in their place; reasons of categories do; labels are few, and each is there once.
fn check_subjects(text: &str, found: &CaptionFindings) -> Result<(), TestCaseError> {
    let slice = |start: i32, end: i32| text.get(start as usize..end as usize).filter(|slice| !slice.is_empty());
    for keyword in &found.keywords {
        let place = slice(keyword.start, keyword.end);
        prop_assert!(place.is_some() && keyword.score > 0.0 && keyword.score <= 1.0, "{keyword:?} in {text:?}");
        let place = place.unwrap_or_default();
        prop_assert!(place.starts_with(['#', '＃']) || spoken(place) == keyword.text, "{keyword:?} in {text:?}");
    }
    for category in &found.categories {
        prop_assert!(category.score >= 0.5 && category.score <= 1.0 && !category.reasons.is_empty());
        for reason in &category.reasons {
            let place = slice(reason.start, reason.end).map(|place| place.trim_start_matches(['#', '＃']));
            prop_assert_eq!(place, Some(reason.text.as_str()), "{:?}", text);
        }
    }
    prop_assert!(found.keywords.len() <= 10 && found.categories.len() <= 3 && found.tags.len() <= 20);
    let mut tags = found.tags.clone();
    tags.sort();
    tags.dedup();
    prop_assert_eq!(tags.len(), found.tags.len());
    if let Some(seo) = &found.seo {
        prop_assert!(!seo.title.is_empty() && seo.title.chars().count() <= 60 && seo.keywords.len() <= 10, "{seo:?}");
    }
    Ok(())
}

/// A slice as a keyword writes it: lower case, single spaces, no soft hyphens.
fn spoken(slice: &str) -> String {
    let lower: String = slice.chars().filter(|c| *c != '\u{ad}').flat_map(char::to_lowercase).collect();
    let straight = lower.replace(['’', 'ʼ'], "'");
    straight
        .split(|c: char| c.is_whitespace() || c == '\u{180e}')
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// One after the other, on character boundaries, around something.
fn check_places(text: &str, places: impl Iterator<Item = (i32, i32)>) -> Result<(), TestCaseError> {
    let mut last = 0;
    for (start, end) in places.map(|(start, end)| (start as usize, end as usize)) {
        prop_assert!(
            start >= last && text.get(start..end).is_some_and(|found| !found.is_empty()),
            "{start} {end} {text:?}"
        );
        last = end;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn spans_are_sound(text in text(), entities in entities()) {
        let caption = Caption { text: &text, entities: &entities, ..Caption::default() };
        check_all(&text, &Stages::standard().run(&caption).findings)?;
    }

    #[test]
    fn marked_spans_are_taken(before in "[ a😀é]{0,5}", name in "[a-zé0-9]{1,8}", after in "( .*)?") {
        let text = format!("{before} #{name}{after}");
        let start = i32::try_from(before.encode_utf16().count()).unwrap_or(0) + 1;
        let end = start + 1 + i32::try_from(name.encode_utf16().count()).unwrap_or(0);
        let entities = [CaptionEntity { kind: "hashtag".into(), start_utf16: start, end_utf16: end, ..CaptionEntity::default() }];
        let found = Stages::standard().run(&Caption { text: &text, entities: &entities, ..Caption::default() }).findings;
        prop_assert_eq!(found.hashtags.first().map(|tag| tag.text.as_str()), Some(name.as_str()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_same_text_gives_the_same_findings(text in text(), entities in entities()) {
        let caption = Caption { text: &text, entities: &entities, source_language: Some("en"), ..Caption::default() };
        let stages = Stages::standard();
        let first = stages.run(&caption);
        prop_assert_eq!(&first, &stages.run(&caption));
        let language = first.findings.language;
        prop_assert!((0.0..=1.0).contains(&language.confidence));
        prop_assert_eq!(language.code == "und", language.confidence == 0.0);
    }

    #[test]
    fn any_line_is_enriched(line in text()) {
        let found = lines::find(&Stages::standard(), &line).report();
        prop_assert!(serde_json::to_value(&found).is_ok_and(|found| found["language"]["code"].is_string()));
        lines::find(&Stages::standard(), &format!("{{\"text\":\"{line}"));
    }
}

/// Nothing that one caption leaves behind changes what is found in another, whoever is at it at the same time.
#[test]
fn the_same_findings_on_any_number_of_threads() {
    let captions: Vec<String> = [
        "Nur 19,99 € statt 29,99 €! Link in Bio 😍 #winterjacke",
        "my 5 step skincare routine for oily skin #skincareroutine #fyp",
        "no me gusta nada este producto 😡 código HOLA20",
        "このケーキ美味しい 全品20％オフ",
        "",
    ]
    .iter()
    .cycle()
    .take(200)
    .enumerate()
    .map(|(i, caption)| format!("{caption} {i}"))
    .collect();
    let find = |captions: &[String]| {
        let stages = Stages::standard();
        captions.iter().map(|text| stages.run(&Caption::plain(text))).collect::<Vec<_>>()
    };
    let alone = find(&captions);
    for threads in [2, 7] {
        let part = captions.len().div_ceil(threads);
        let together: Vec<_> = std::thread::scope(|scope| {
            let workers: Vec<_> = captions.chunks(part).map(|some| scope.spawn(|| find(some))).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("finishes")).collect()
        });
        assert_eq!(together, alone, "{threads} threads");
    }
}
