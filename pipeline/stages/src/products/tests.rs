//! The stage as a whole.

use super::*;
use crate::Stages;
use proptest::prelude::*;
use serde_json::json;

fn catalogue(rows: serde_json::Value) -> Arc<Catalogue> {
    let rows = rows.as_array().cloned().unwrap_or_default();
    let entries = rows.iter().map(|row| CatalogEntry::of_row(row.as_object().expect("an object")).expect("an entry"));
    Arc::new(Catalogue::new(entries).expect("is small"))
}

fn ours() -> Arc<Catalogue> {
    catalogue(json!([
        {"id": "1", "name": "Dyson Airwrap", "aliases": "airwrap|@dysonhair", "brand": "Dyson", "colour": "nickel"},
        {"id": "2", "name": "Cloud Cream", "brand": "Foam", "size": "50 ml"},
        {"id": "3", "name": "Cloud Cream", "brand": "Loft", "size": "100 ml"},
        {"id": "4", "name": "ON", "brand": "On"},
        {"id": "5", "name": "コーヒー豆"},
        {"id": "6", "name": "에어랩"},
        {"id": "7", "name": "Galaxy S24+"},
        {"id": "8", "name": "Galaxy S24"},
    ]))
}

fn find(text: &str) -> Vec<Product> {
    Products::of(ours()).find(text, &[], &[])
}

/// Ids, the slices they were found in, and confidences.
fn found(text: &str) -> Vec<(String, String, f64)> {
    let slice = |p: &Product| text[p.start as usize..p.end as usize].to_owned();
    find(text).into_iter().map(|p| (p.catalog_id.clone().unwrap_or_default(), slice(&p), p.confidence)).collect()
}

fn one(id: &str, slice: &str, confidence: f64) -> Vec<(String, String, f64)> {
    vec![(id.to_owned(), slice.to_owned(), confidence)]
}

#[test]
fn names_however_they_are_written() {
    for written in [
        "Dyson Airwrap",
        "dyson air wrap",
        "DYSON AIR-WRAP",
        "Ｄｙｓｏｎ Airwrap",
        "dysonairwrap",
        "Dýson\u{301} Airwrap",
    ] {
        assert_eq!(found(&format!("so my {written}, yes")), one("1", written, 1.0), "{written}");
    }
    assert_eq!(found("#dysonairwrap"), one("1", "dysonairwrap", 1.0));
    assert_eq!(found("#MyAirwrap"), one("1", "Airwrap", 0.95));
    assert_eq!(found("two airwraps"), one("1", "airwraps", 0.95));
    assert_eq!(found("by @dysonhair"), one("1", "dysonhair", 0.95));
    assert_eq!(found("dysonhair airwrapping"), []);
    assert_eq!(found("dysn airwrap"), one("1", "dysn airwrap", 0.75));
}

#[test]
fn scripts_without_spaces_and_particles() {
    assert_eq!(found("このコーヒー豆が好き"), one("5", "コーヒー豆", 1.0));
    assert_eq!(found("에어랩을 샀다"), one("6", "에어랩", 1.0));
    assert_eq!(found("에어랩스터"), []);
}

#[test]
fn short_names_are_as_written() {
    assert_eq!(found("the ON shoe"), one("4", "ON", 1.0));
    assert_eq!(found("on and on"), []);
}

#[test]
fn another_model_is_another_product() {
    assert_eq!(found("Galaxy S24+ day"), one("7", "Galaxy S24+", 1.0));
    assert_eq!(found("Galaxy S24 plus"), one("7", "Galaxy S24 plus", 1.0));
    assert_eq!(found("Galaxy S24 day"), one("8", "Galaxy S24", 1.0));
    assert!(found("Galaxy S2 4").iter().all(|(id, _, _)| id.is_empty()), "no product of the catalogue");
}

#[test]
fn of_several_the_brand_or_an_attribute_decides() {
    assert_eq!(found("cloud cream by Loft"), one("3", "cloud cream", 1.0));
    assert_eq!(found("cloud cream 100ml"), one("3", "cloud cream", 1.0));
    assert_eq!(found("cloud cream"), one("2", "cloud cream", 0.8));
}

#[test]
fn attributes_beside_go_before_the_entrys() {
    let product = find("my copper Airwrap").remove(0);
    assert_eq!(product.attributes, [Attribute { name: "colour".into(), value: "copper".into() }]);
    assert_eq!(product.brand.as_deref(), Some("Dyson"));
    let product = find("my Airwrap").remove(0);
    assert_eq!(product.attributes, [Attribute { name: "colour".into(), value: "nickel".into() }]);
}

#[test]
fn the_catalogue_goes_before_the_patterns_and_links_are_none() {
    let text = "Dyson Airwrap or iPhone 15 https://a.co/dyson-airwrap";
    let found = Stages::with_catalogue(ours()).run(&Caption::plain(text)).findings.products;
    let names: Vec<(&str, Option<&str>)> = found.iter().map(|p| (p.name.as_str(), p.catalog_id.as_deref())).collect();
    assert_eq!(names, [("Dyson Airwrap", Some("1")), ("iPhone 15", None)]);
    assert!((found[1].confidence - 0.8).abs() < 1e-9);
}

#[test]
fn the_label_names_the_catalogue() {
    assert_eq!(Products::default().label(), "products@1");
    let ours = ours();
    assert_eq!(Products::of(ours.clone()).label(), format!("products@1+{}", &ours.fingerprint()[..8]));
    let stages = Stages::with_catalogue(ours);
    assert!(stages.run(&Caption::plain("x")).stages.iter().any(|label| label.starts_with("products@1+")));
}

#[test]
fn part_of_a_handle_is_no_product() {
    let stages = Stages::with_catalogue(ours());
    let ids = |text: &str| {
        let found = stages.run(&Caption::plain(text)).findings.products;
        found.into_iter().filter_map(|product| product.catalog_id).collect::<Vec<_>>()
    };
    assert_eq!(ids("hi @airwrap_lover and @dysonhair.uk"), [""; 0]);
    assert_eq!(ids("the @dyson airwrap"), ["1"]);
    assert_eq!(ids("@dysonhair"), ["1"]);
}

#[test]
fn an_empty_catalogue_finds_nothing() {
    assert_eq!(Products::of(catalogue(json!([]))).find("anything at all", &[], &[]), []);
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[a-zA-Z]{1,4}",
        prop::sample::select(vec![
            "dyson",
            "airwrap",
            "air",
            "wrap",
            "#",
            "@",
            " ",
            "-",
            ".",
            "\n",
            "galaxy",
            "s24",
            "+",
            "50",
            " ml",
            "İ",
            "ß",
            "é",
            "\u{301}",
            "\u{200d}",
            "コーヒー豆",
            "에어랩",
            "을",
            "iphone",
            "15",
            "pro",
            "max",
            "copper",
            "size",
            "S",
            "😀",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..20).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn spans_are_sound_and_findings_the_same_again(text in pieces()) {
        let stage = Products::of(ours());
        let products = stage.find(&text, &[], &[]);
        let mut last = 0;
        for product in &products {
            let (start, end) = (product.start as usize, product.end as usize);
            prop_assert!(start >= last && text.get(start..end).is_some_and(|found| !found.is_empty()), "{product:?}");
            prop_assert!(product.confidence > 0.0 && product.confidence <= 1.0);
            if product.catalog_id.is_none() {
                prop_assert_eq!(&text[start..end], &product.name);
            }
            last = end;
        }
        prop_assert_eq!(products, stage.find(&text, &[], &[]));
    }

    #[test]
    fn any_catalogue_finds_its_own_names(names in prop::collection::vec("[a-zA-Z0-9é가-힣あ-ん .+'-]{4,20}", 1..6)) {
        let entries = names.iter().enumerate().map(|(id, name)| CatalogEntry {
            id: id.to_string(), name: name.clone(), ..CatalogEntry::default()
        });
        let stage = Products::of(Arc::new(Catalogue::new(entries).expect("is small")));
        for name in names.iter().filter(|name| Folded::name(name).text.chars().count() > 3) {
            // Within a caption a sentence may end in it.
            if Folded::name(name).text == Folded::caption(name).text {
                prop_assert!(!stage.find(name, &[], &[]).is_empty(), "{name:?}");
            }
        }
    }
}
