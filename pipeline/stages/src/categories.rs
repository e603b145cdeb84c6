//! Categories: the subjects of a caption, from the taxonomy of `data/categories.tsv` (listed in `docs/categories.md`).
//!
//! Every term of the table has a weight, the probability that a caption which says it is about the subject. Terms are taken
//! as independent evidence: the score is 1 − Π(1 − weight) over the different terms said, in text or hashtags. Only scores
//! from 0.5 count, so one plain word suffices and of vague ones it takes two; and a caption has three subjects at most.

use crate::glossary::{Glossary, Said, reason};
use crate::{Caption, Stage};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use tidelake_schemas::{CaptionFindings, Category};

const TABLE: &str = include_str!("../data/categories.tsv");

/// Weaker evidence is none.
const ENOUGH: f64 = 0.5;
/// No caption has more subjects, and none of them more reasons.
const MOST: usize = 3;
const MOST_REASONS: usize = 3;

/// The stage: categories.
#[derive(Clone, Copy, Debug, Default)]
pub struct Categories;

impl Stage for Categories {
    fn name(&self) -> &'static str {
        "categories"
    }

    fn version(&self) -> u32 {
        1
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let said = GLOSSARY.said(caption.text, findings);
        if !said.is_empty() {
            findings.categories = categories(caption.text, &said);
        }
    }
}

struct Line {
    name: &'static str,
    weight: f64,
    terms: &'static str,
}

fn table() -> impl Iterator<Item = Line> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('\t');
        let (name, weight, terms) = (fields.next()?, fields.next()?, fields.next()?);
        Some(Line { name, weight: weight.parse().ok()?, terms })
    })
}

/// The names of all subjects, as `topic/subject`, with the terms that stand for them, strongest first.
pub fn taxonomy() -> BTreeMap<&'static str, Vec<(f64, Vec<&'static str>)>> {
    let mut all: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in table() {
        all.entry(line.name).or_default().push((line.weight, line.terms.split('|').collect()));
    }
    all
}

static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| taxonomy().into_keys().collect());

static GLOSSARY: LazyLock<Glossary> = LazyLock::new(|| {
    let number = |name| NAMES.binary_search(&name).unwrap_or_default();
    Glossary::new(table().map(|line| (number(line.name), line.weight, line.terms)))
});

/// What speaks for a subject.
struct Evidence<'a> {
    subject: usize,
    /// How probable it is that all of it is accidental.
    doubt: f64,
    said: Vec<&'a Said>,
}

fn categories(text: &str, said: &[Said]) -> Vec<Category> {
    let mut all: Vec<Evidence<'_>> = Vec::new();
    for said in said {
        for &(subject, weight) in GLOSSARY.lines(said.term) {
            match all.iter_mut().find(|evidence| evidence.subject == subject) {
                Some(evidence) if evidence.said.iter().any(|other| other.term == said.term) => {}
                Some(evidence) => {
                    evidence.doubt *= 1.0 - weight;
                    evidence.said.push(said);
                }
                None => all.push(Evidence { subject, doubt: 1.0 - weight, said: vec![said] }),
            }
        }
    }
    all.retain(|evidence| 1.0 - evidence.doubt >= ENOUGH - 1e-9);
    // A stable sort: of equally probable subjects, the one that is mentioned first.
    all.sort_by(|a, b| a.doubt.total_cmp(&b.doubt));
    all.truncate(MOST);
    all.iter().map(|evidence| category(text, evidence)).collect()
}

fn category(text: &str, evidence: &Evidence<'_>) -> Category {
    let mut reasons: Vec<_> = evidence.said.iter().map(|said| reason(text, said)).collect();
    reasons.dedup();
    reasons.truncate(MOST_REASONS);
    let score = ((1.0 - evidence.doubt) * 1e3).round() / 1e3;
    Category { name: NAMES[evidence.subject].to_owned(), score, reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stages;

    fn names(text: &str) -> Vec<String> {
        let found = Stages::standard().run(&Caption::plain(text)).findings;
        found.categories.into_iter().map(|category| category.name).collect()
    }

    #[test]
    fn the_table_is_sound() {
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            assert_eq!(line.split('\t').count(), 3, "{line}");
        }
        for line in table() {
            assert!(line.weight > 0.0 && line.weight < 1.0 && line.name.split('/').count() == 2, "{}", line.name);
            assert!(line.terms.split('|').all(|term| term == term.trim() && !term.is_empty()), "{}", line.terms);
        }
        assert!(NAMES.len() > 60);
    }

    #[test]
    fn many_languages() {
        for (text, name) in [
            ("My morning skincare routine with niacinamide", "beauty/skincare"),
            ("Easy air fryer chicken recipe", "food/recipes"),
            ("Receta fácil de tarta de queso", "food/recipes"),
            ("Receita de bolo de cenoura", "food/recipes"),
            ("Schnelles Rezept für Feierabend", "food/recipes"),
            ("Maquillage naturel en 5 minutes", "beauty/makeup"),
            ("Allenamento in palestra oggi", "fitness/workout"),
            ("resep ayam goreng mudah", "food/recipes"),
            ("Công thức nấu phở bò", "food/recipes"),
            ("evde makyaj nasıl yapılır", "beauty/makeup"),
            ("Рецепт вкусного пирога", "food/recipes"),
            ("وصفة كيك سهلة", "food/recipes"),
            ("簡単レシピ", "food/recipes"),
            ("간단한 레시피", "food/recipes"),
            ("护肤品推荐", "beauty/skincare"),
            ("मेकअप ट्यूटोरियल", "beauty/makeup"),
            ("#booktok my favourite novel", "books/reading"),
            ("#dogsoftiktok", "pets/dogs"),
        ] {
            assert_eq!(names(text).first().map(String::as_str), Some(name), "{text} {:?}", names(text));
        }
    }

    #[test]
    fn nothing_is_better_than_nonsense() {
        for text in [
            "I can't believe this happened",
            "so good",
            "wait for it 😂 #fyp",
            "hot dog legs",
            "",
            "I ran out of time",
            "book now",
        ] {
            assert_eq!(names(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn reasons_are_places_of_the_caption() {
        let text = "New #skincare: serum and SPF";
        let found = Stages::standard().run(&Caption::plain(text)).findings.categories;
        let reasons = found[0]
            .reasons
            .iter()
            .map(|reason| (reason.text.as_str(), &text[reason.start as usize..reason.end as usize]));
        assert_eq!(reasons.collect::<Vec<_>>(), [("skincare", "#skincare"), ("serum", "serum"), ("SPF", "SPF")]);
    }
}
