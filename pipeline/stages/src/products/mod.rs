//! Products: those of the user's catalogue by name, alias and near miss, and well-known ones by pattern.
//!
//! A finding of the catalogue carries the entry's name, brand and id; without one, the name is as written and the id
//! unknown. Attributes named beside a product ([`attributes`]) go before those of the entry with the same name.
//!
//! | how it was found | confidence |
//! |---|---|
//! | by the catalogue's name | 1 |
//! | by an alias | 0.95 |
//! | misspelt, by one, two, three edits… | 0.75, 0.6, 0.45… |
//! | by a pattern of several words, of one | 0.8, 0.6 |
//!
//! Where several entries go by one name, the one is meant whose brand stands in the caption, then the one whose
//! attributes do, then the one whose name it is rather than an alias; if that does not decide, the least id, at four
//! fifths of the confidence.
//!
//! A catalogue holds some 1.2 KiB per entry (one alias each): about 120 MiB for 100,000.

mod attributes;
mod catalogue;
mod fold;
mod fuzzy;
mod lines;
#[cfg(test)]
mod tests;

pub use catalogue::{Catalogue, TooLarge};

use crate::text::{offset, ranges};
use crate::{Caption, Stage};
use catalogue::{Hit, Use, is_mentioned};
use fold::Folded;
use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;
use tidelake_schemas::{Attribute, CaptionFindings, CatalogEntry, Product};

/// Digits of the catalogue's fingerprint in the label.
const LABEL_DIGITS: usize = 8;

/// The stage: products.
#[derive(Clone, Debug, Default)]
pub struct Products {
    catalogue: Option<Arc<Catalogue>>,
}

impl Products {
    /// With a catalogue, beside the patterns.
    pub fn of(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue: Some(catalogue) }
    }

    /// `links` are the URLs of the text, `handles` what stands behind the `@` of its mentions: a part of one is no product.
    fn find(&self, text: &str, links: &[Range<usize>], handles: &[Range<usize>]) -> Vec<Product> {
        let folded = Folded::caption(text);
        let mut found: Vec<(Range<usize>, Product)> = Vec::new();
        if let Some(catalogue) = &self.catalogue {
            for hit in catalogue.find(text, &folded) {
                let range = folded.original(hit.range.clone());
                if is_free(&range, links) && is_no_part(&range, handles) {
                    found.extend(of_catalogue(catalogue, text, &folded, &hit).map(|product| (range, product)));
                }
            }
        }
        let mut taken: Vec<Range<usize>> =
            found.iter().map(|(range, _)| range.clone()).chain(links.iter().cloned()).collect();
        taken.sort_by_key(|range| range.start);
        for line in lines::find(text, &folded) {
            let range = folded.original(line.range);
            if is_free(&range, &taken) && is_no_part(&range, handles) {
                let (name, brand) = (text[range.clone()].to_owned(), Some(line.brand.to_owned()));
                let confidence = if line.certain { 0.8 } else { 0.6 };
                found.push((range, Product { name, brand, confidence, ..Product::default() }));
            }
        }
        found.sort_by_key(|(range, _)| range.start);
        with_attributes(text, found)
    }
}

impl Stage for Products {
    fn name(&self) -> &'static str {
        "products"
    }

    fn version(&self) -> u32 {
        1
    }

    fn label(&self) -> String {
        let label = format!("{}@{}", self.name(), self.version());
        match &self.catalogue {
            Some(catalogue) => format!("{label}+{}", &catalogue.fingerprint()[..LABEL_DIGITS]),
            None => label,
        }
    }

    fn apply(&self, caption: &Caption<'_>, findings: &mut CaptionFindings) {
        let links: Vec<Range<usize>> = ranges(&findings.urls).collect();
        // Places that the source marks may be of any kind; those without an `@` are names rather than handles.
        let handle = |range: Range<usize>| {
            let at = caption.text[range.clone()].chars().next().filter(|c| matches!(c, '@' | '＠'))?;
            Some(range.start + at.len_utf8()..range.end)
        };
        let handles: Vec<Range<usize>> = ranges(&findings.mentions).filter_map(handle).collect();
        findings.products = self.find(caption.text, &links, &handles);
    }
}

/// Does a range share no byte with any of these, which are sorted?
fn is_free(range: &Range<usize>, taken: &[Range<usize>]) -> bool {
    overlapping(range, taken).is_empty()
}

/// Does a range hold none of these, which are sorted, or all of it?
fn is_no_part(range: &Range<usize>, handles: &[Range<usize>]) -> bool {
    overlapping(range, handles).iter().all(|handle| range.start <= handle.start && handle.end <= range.end)
}

fn overlapping<'a>(range: &Range<usize>, sorted: &'a [Range<usize>]) -> &'a [Range<usize>] {
    let first = sorted.partition_point(|other| other.end <= range.start);
    let rest = &sorted[first..];
    &rest[..rest.partition_point(|other| other.start < range.end)]
}

/// What stands beside goes before what the catalogue says.
fn with_attributes(text: &str, found: Vec<(Range<usize>, Product)>) -> Vec<Product> {
    let places: Vec<Range<usize>> = found.iter().map(|(range, _)| range.clone()).collect();
    let beside = attributes::beside(text, &places);
    let whole = |((range, mut product), mut named): ((Range<usize>, Product), Vec<Attribute>)| {
        product.attributes.retain(|known| !named.iter().any(|other| other.name == known.name));
        named.append(&mut product.attributes);
        Product { attributes: named, start: offset(range.start), end: offset(range.end), ..product }
    };
    found.into_iter().zip(beside).map(whole).collect()
}

/// The entry that a name in a caption stands for.
fn of_catalogue(catalogue: &Catalogue, text: &str, folded: &Folded, hit: &Hit) -> Option<Product> {
    let mentioned = is_mentioned(text, folded, hit);
    let mut uses: Vec<(&Use, &CatalogEntry)> =
        catalogue.uses(hit.key).filter(|(u, _)| !u.handle || mentioned).collect();
    let mut doubt = 1.0;
    if uses.len() > 1 {
        let rank = |(u, entry): &(&Use, &CatalogEntry)| {
            let named = |words: &str| is_named(folded, words);
            let brand = entry.brand.as_deref().is_some_and(named);
            let said = entry.attributes.iter().filter(|attribute| named(&attribute.value)).count();
            Reverse((brand, said, !u.alias))
        };
        // Entries are in the order of their ids, and the sort is stable.
        uses.sort_by_cached_key(rank);
        if rank(&uses[0]) == rank(&uses[1]) {
            doubt = 0.8;
        }
    }
    let (found, entry) = uses.first()?;
    let sure = match (hit.edits, found.alias) {
        (0, false) => 1.0,
        (0, true) => 0.95,
        (edits, _) => (0.9 - 0.15 * edits as f64).max(0.3),
    };
    Some(Product {
        name: entry.name.clone(),
        brand: entry.brand.clone(),
        catalog_id: Some(entry.id.clone()),
        attributes: entry.attributes.clone(),
        // Whole hundredths read better than 0.6000000000000001.
        confidence: (sure * doubt * 100.0_f64).round() / 100.0,
        ..Product::default()
    })
}

/// Do these words stand in the caption?
fn is_named(folded: &Folded, words: &str) -> bool {
    let words = Folded::name(words).text;
    let whole = |at: usize| folded.starts(at) && folded.end_of_name(at + words.len()).is_some();
    !words.is_empty() && folded.text.match_indices(&words).any(|(at, _)| whole(at))
}
