//! Findings for a person: each line of a caption with marks under what was found in it, and why.

use anstyle::{AnsiColor, Style};
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};
use std::ops::Range;
use tidelake_schemas::{CaptionFindings, Enrichment, PriceFinding, TextSpan};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Columns of a caption before it is broken.
const COLUMNS: usize = 96;
const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// A finding with a place.
struct Note {
    place: Range<usize>,
    stage: &'static str,
    text: String,
}

/// Writes one caption with its findings. The writer decides what becomes of colours.
///
/// # Errors
/// The writer's.
pub(super) fn explain(out: &mut impl Write, caption: &str, found: &Enrichment) -> io::Result<()> {
    let Enrichment { findings, stages } = found;
    let notes = notes(findings);
    let label = |stage: &'static str| {
        let is_it = |label: &&String| label.split('@').next() == Some(stage);
        stages.iter().find(is_it).map_or(stage, String::as_str)
    };
    for row in rows(caption) {
        writeln!(out, "{}", Painted { caption, row: &row, notes: &notes })?;
        for note in notes.iter().filter(|note| row.contains(&note.place.start)) {
            let place = note.place.start..note.place.end.min(row.end);
            let before = caption.get(row.start..place.start).unwrap_or_default().width();
            let marks = "^".repeat(caption.get(place).unwrap_or_default().trim_end().width().max(1));
            let style = style(note.stage);
            let stage = label(note.stage);
            writeln!(out, "{:before$}{style}{marks}{style:#} {} {DIM}{stage}{DIM:#}", "", note.text)?;
        }
    }
    for (stage, text) in summary(findings) {
        writeln!(out, "  {BOLD}{:<10}{BOLD:#} {text} {DIM}{}{DIM:#}", stage.replace('_', " "), label(stage))?;
    }
    writeln!(out)
}

/// A row of the caption, each finding in its colour.
struct Painted<'a> {
    caption: &'a str,
    row: &'a Range<usize>,
    notes: &'a [Note],
}

impl Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = self.row.start;
        for note in self.notes.iter().filter(|note| self.row.contains(&note.place.start)) {
            let Range { start, end } = note.place.start..note.place.end.min(self.row.end);
            if start < at {
                continue;
            }
            let style = style(note.stage);
            f.write_str(self.caption.get(at..start).unwrap_or_default())?;
            write!(f, "{style}{}{style:#}", self.caption.get(start..end).unwrap_or_default())?;
            at = end;
        }
        f.write_str(self.caption.get(at..self.row.end).unwrap_or_default().trim_end())
    }
}

/// The lines of a caption, long ones broken at words; the bytes of each.
fn rows(caption: &str) -> Vec<Range<usize>> {
    let (mut rows, mut start, mut columns) = (Vec::new(), 0, 0);
    for (at, word) in caption.split_word_bound_indices() {
        let width = word.width();
        let full = columns > 0 && columns + width > COLUMNS;
        if full || word.contains('\n') {
            rows.push(start..at);
            // The space that a row is broken at goes with the break.
            start = if word.trim().is_empty() { at + word.len() } else { at };
            columns = if start == at { width } else { 0 };
        } else {
            columns += width;
        }
    }
    rows.push(start..caption.len());
    rows
}

fn style(stage: &str) -> Style {
    let color = match stage {
        "prices" | "offers" => AnsiColor::Green,
        "products" => AnsiColor::Cyan,
        "calls_to_action" => AnsiColor::Magenta,
        "hashtags" | "hashtag_words" | "mentions" | "cashtags" => AnsiColor::Blue,
        "urls" => AnsiColor::BrightBlue,
        "categories" => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    color.on_default()
}

/// Every finding that has a place, by place.
fn notes(found: &CaptionFindings) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut note = |stage, start: i32, end: i32, text: String| {
        if let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end)) {
            notes.push(Note { place: start..end, stage, text });
        }
    };
    let spans = [
        ("urls", "URL", &found.urls),
        ("mentions", "mention", &found.mentions),
        ("cashtags", "cashtag", &found.cashtags),
        ("emojis", "emoji", &found.emojis),
        ("hashtags", "hashtag", &found.hashtags),
    ];
    for (stage, name, list) in spans {
        for TextSpan { text, start, end } in list {
            let words = found.hashtag_words.iter().find(|words| stage == "hashtags" && words.start == *start);
            let words = words.map(|words| format!(" = {}", words.text)).unwrap_or_default();
            note(stage, *start, *end, format!("{name} {text}{words}"));
        }
    }
    for price in &found.prices {
        note("prices", price.start, price.end, money(price));
    }
    for offer in &found.offers {
        let percent = offer.percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
        let code = offer.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
        note("offers", offer.start, offer.end, format!("offer {}{percent}{code}", plain(&offer.kind)));
    }
    for product in &found.products {
        let mut text = format!("product {} ({:.2})", product.name, product.confidence);
        for (name, value) in [("brand", &product.brand), ("catalogue id", &product.catalog_id)] {
            _ = value.as_ref().map(|value| write!(text, ", {name} {value}"));
        }
        for attribute in &product.attributes {
            _ = write!(text, ", {} {}", attribute.name, attribute.value);
        }
        note("products", product.start, product.end, text);
    }
    for call in &found.calls_to_action {
        note("calls_to_action", call.start, call.end, format!("asks: {} ({})", plain(&call.kind), call.strength));
    }
    notes.sort_by_key(|note| (note.place.start, note.place.end));
    notes
}

fn money(price: &PriceFinding) -> String {
    let what = if price.kind == "price" { String::new() } else { format!(" ({})", plain(&price.kind)) };
    format!("price {} {}{what}", price.amount, price.currency.as_deref().unwrap_or("of no named currency"))
}

fn plain(name: &str) -> String {
    name.replace('_', " ")
}

/// The findings on the caption as a whole.
fn summary(found: &CaptionFindings) -> Vec<(&'static str, String)> {
    let mut lines = vec![("language", format!("{} ({:.2})", found.language.code, found.language.confidence))];
    if let Some(s) = &found.sentiment {
        let text = format!("{} {:+} (pos {}, neu {}, neg {})", s.label, s.compound, s.pos, s.neu, s.neg);
        lines.push(("sentiment", text));
    }
    if !found.keywords.is_empty() {
        let words = found.keywords.iter().map(|word| format!("{} ({:.2})", word.text, word.score));
        lines.push(("keywords", words.collect::<Vec<_>>().join(", ")));
    }
    for category in &found.categories {
        let reasons = category.reasons.iter().map(|reason| format!("{:?}", reason.text)).collect::<Vec<_>>();
        let text = format!("{} ({:.2}) because of {}", category.name, category.score, reasons.join(", "));
        lines.push(("categories", text));
    }
    if !found.tags.is_empty() {
        lines.push(("tags", found.tags.join(", ")));
    }
    if let Some(seo) = &found.seo {
        lines.push(("seo", format!("{:?}; {}", seo.title, seo.keywords.join(", "))));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidelake_stages::{Caption, Stages};

    fn shown(caption: &str) -> String {
        let found = Stages::standard().run(&Caption::plain(caption));
        let mut out = anstream::StripStream::new(Vec::new());
        explain(&mut out, caption, &found).expect("a vector takes everything");
        String::from_utf8(out.into_inner()).expect("UTF-8")
    }

    #[test]
    fn marks_stand_under_what_was_found() {
        let shown = shown("日本 coffee for $5\nLink in bio");
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "日本 coffee for $5");
        assert!(lines[1].starts_with("                ^^ price 5 $"), "{shown}");
        assert!(lines[1].contains("prices@"), "{shown}");
        assert!(lines.contains(&"Link in bio"), "{shown}");
        assert!(shown.contains("^^^^^^^^^^^ asks: link in bio (1)"), "{shown}");
    }

    #[test]
    fn long_lines_are_broken_and_nothing_is_left_out() {
        let caption = "word ".repeat(60) + "#end";
        let shown = shown(&caption);
        assert!(shown.lines().all(|line| line.width() <= COLUMNS + 60));
        assert!(shown.contains("hashtag end"), "{shown}");
        assert_eq!(rows("").len(), 1);
        assert_eq!(rows("a\n\nb"), [0..1, 2..2, 3..4]);
    }
}
