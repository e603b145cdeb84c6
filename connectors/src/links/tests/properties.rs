//! What holds for every text and every link.

use crate::links::{Account, Link, ListKind, Media, ShortHost, TopicKind, parse, parse_url};
use proptest::prelude::*;

fn id() -> impl Strategy<Value = i64> {
    prop_oneof![1..=i64::MAX, 1..100_000_i64, 6_000_000_000_000_000_000..8_000_000_000_000_000_000_i64]
}

fn name() -> impl Strategy<Value = String> {
    "[^\\p{C}\\s#][^\\p{C}]{0,12}[^\\p{C}\\s]".prop_filter("vanishes from addresses", |name| name != "..")
}

fn account() -> impl Strategy<Value = Account> {
    prop_oneof![
        "[a-zA-Z._\\p{Han}][a-zA-Z0-9._\\p{Hiragana}]{1,23}".prop_map(Account::Handle),
        id().prop_map(Account::Id),
        "MS4wLjABAAAA[a-zA-Z0-9_-]{10,64}".prop_map(Account::SecUid),
    ]
}

fn post() -> impl Strategy<Value = Link> {
    let media = prop::sample::select(vec![Media::Video, Media::Photo, Media::Story]);
    (media, id(), prop::option::of(account()), prop::option::of(id()))
        .prop_map(|(media, id, author, comment)| Link::Post { media, id, author, comment })
}

fn slugged() -> impl Strategy<Value = Link> {
    let list = prop::sample::select(vec![ListKind::Playlist, ListKind::Collection]);
    let whose = prop::option::of(account());
    let parts = (id(), prop::option::of(name()), list, whose, 0..4_u8);
    parts.prop_map(|(id, slug, kind, owner, which)| match which {
        0 => Link::Sound { id, slug },
        1 => Link::Effect { id, slug },
        2 => Link::Place { id, slug },
        _ => Link::List { kind, id, owner, slug },
    })
}

fn link() -> impl Strategy<Value = Link> {
    let host = prop::sample::select(vec![ShortHost::Vm, ShortHost::Vt, ShortHost::T]);
    let topic = prop::sample::select(vec![TopicKind::Discover, TopicKind::Channel]);
    let tab = prop::option::of(prop::sample::select(vec!["video", "user"]));
    prop_oneof![
        post(),
        slugged(),
        (account(), any::<bool>()).prop_map(|(account, embedded)| Link::User { account, embedded }),
        account().prop_map(Link::LiveOf),
        id().prop_map(Link::LiveRoom),
        id().prop_map(Link::TagId),
        name().prop_map(Link::Tag),
        (topic, name()).prop_map(|(kind, slug)| Link::Topic { kind, slug }),
        (tab, prop::option::of(name())).prop_map(|(tab, query)| Link::Search { tab, query }),
        (host, "[a-zA-Z0-9]{6,10}").prop_map(|(host, code)| Link::Short { host, code }),
    ]
}

/// Texts that come near to being links.
fn nearly() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("https://".to_owned()),
        Just("www.tiktok.com".to_owned()),
        Just("vm.tiktok.com".to_owned()),
        Just("/@".to_owned()),
        Just("/video/".to_owned()),
        Just("/music/".to_owned()),
        Just("/tag/".to_owned()),
        Just("/search?q=".to_owned()),
        Just("%2F".to_owned()),
        Just("%2e".to_owned()),
        Just("..".to_owned()),
        Just("7198206283571285294".to_owned()),
        "\\PC{0,6}",
        "[/?#%@:.\\\\ \\-]{1,3}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(part, 0..9).prop_map(|parts| parts.concat())
}

fn check_found(link: &Link) -> Result<(), TestCaseError> {
    let canonical = link.canonical();
    prop_assert_eq!(parse(&canonical), Ok(link.clone()), "{}", canonical);
    prop_assert_eq!(parse_url(&canonical), Ok(link.clone()), "{}", canonical);
    prop_assert!(canonical.is_ascii() && canonical.starts_with("https://"));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        if let Ok(link) = parse(&text) {
            check_found(&link)?;
        }
    }

    #[test]
    fn what_is_found_in_near_links_has_a_canonical_form(text in nearly()) {
        if let Ok(link) = parse(&text) {
            check_found(&link)?;
        }
        _ = parse_url(&text);
    }

    #[test]
    fn the_canonical_form_says_the_same(link in link()) {
        check_found(&link)?;
    }

    #[test]
    fn unknown_parameters_say_nothing(link in link(), name in "[a-z_]{1,12}", value in "[a-zA-Z0-9%./-]{0,20}") {
        prop_assume!(!["q", "share_comment_id"].contains(&name.as_str()));
        let canonical = link.canonical();
        let join = if canonical.contains('?') { '&' } else { '?' };
        let found = parse_url(&format!("{canonical}{join}{name}={value}#x"));
        prop_assert_eq!(found.map(|link| link.identity()), Ok(link.identity()));
    }

    #[test]
    fn words_around_it_say_nothing(link in link(), before in "[a-z ]{0,12}", after in "[a-z ]{0,12}") {
        let text = format!("{before} {} {after}", link.canonical());
        prop_assert_eq!(parse(&text), Ok(link));
    }

    #[test]
    fn ids_are_exact(id in id()) {
        let found = parse_url(&format!("https://www.tiktok.com/@a/video/{id}")).map(|link| link.id());
        prop_assert_eq!(found, Ok(Some(id)));
    }
}
