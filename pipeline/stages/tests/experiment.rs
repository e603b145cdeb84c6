#![allow(missing_docs)]
use lingua::Language::*;
use lingua::*;
use serde_json::Value;
use std::collections::BTreeMap;
const BASE: &[Language] = &[Bokmal, Catalan, Croatian, Czech, Danish, Dutch, English, Finnish, French, German, Hungarian, Indonesian, Italian, Malay, Polish, Portuguese, Romanian, Slovak, Spanish, Swahili, Swedish, Tagalog, Turkish, Vietnamese];
#[test]
#[ignore = "x"]
fn x() {
    let cases: Vec<Value> = std::fs::read_to_string("../../../shared/fixtures/nlp/langid.jsonl").unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let latin: Vec<&Value> = cases.iter().filter(|c| BASE.iter().any(|l| code(*l) == c["lang"])).collect();
    let with = |e: &[Language]| [BASE, e].concat();
    let sets = [("base", BASE.to_vec()), ("+sl", with(&[Slovene])), ("+et lv lt", with(&[Estonian, Latvian, Lithuanian])), ("+all", with(&[Slovene, Estonian, Latvian, Lithuanian]))];
    for (name, set) in &sets {
        for low in [false, true] {
            let mut b = LanguageDetectorBuilder::from_languages(set);
            if low { b.with_low_accuracy_mode(); }
            let d = b.build();
            for round in 0..2 {
                let mut t: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
                let s = std::time::Instant::now();
                for c in &latin {
                    let r = d.compute_language_confidence_values(c["text"].as_str().unwrap());
                    let e = t.entry(c["kind"].as_str().unwrap()).or_default();
                    e.0 += usize::from(r[0].1 > 0.0 && code(r[0].0) == c["lang"]);
                    e.1 += 1;
                }
                if round == 1 { println!("{name} low={low} {t:?} {:?}/text", s.elapsed() / latin.len() as u32); }
            }
        }
    }
}
fn code(l: Language) -> String { if l == Bokmal { "no".into() } else { l.iso_code_639_1().to_string() } }
