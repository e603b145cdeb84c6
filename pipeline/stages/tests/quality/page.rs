//! `docs/quality.md`.

use crate::score::{Row, Score};
use crate::{cases, speed};
use std::fmt::Write;
use std::path::Path;

const COMMAND: &str = "TIDELAKE_WRITE_DOCS=1 cargo test --release -p tidelake-stages --test quality";

/// Writes the page when asked to and the suites are at hand; else holds our own figures against the one that is there.
pub(crate) fn hold(rows: &[Row]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/quality.md");
    if std::env::var_os("TIDELAKE_WRITE_DOCS").is_some() {
        let page = render(rows).expect("the suites and a release build are needed to write the page");
        std::fs::write(&path, page).expect("writes the page");
        return;
    }
    let there = std::fs::read_to_string(&path).expect("docs/quality.md");
    for row in rows {
        let head = format!("| {} | {} |", row.name, own(row));
        assert!(there.contains(&head), "docs/quality.md does not say {head:?}, which this run gave: {COMMAND}");
    }
}

fn own(row: &Row) -> String {
    row.own.map_or_else(String::new, |(name, _)| shown(&(row.of)(&cases::own(name))))
}

fn shown(score: &Score) -> String {
    format!("{:.3} ({})", score.value, score.cases)
}

/// The page; `None` where the public suites are not at hand.
fn render(rows: &[Row]) -> Option<String> {
    let mut page = format!(
        "# Quality of the caption stages\n\nWritten by\n\n    {COMMAND}\n\n\
         from cases of our own (`pipeline/stages/tests/cases`) and from public suites, which are not part of this project:\n\
         twitter-text's conformance tests, Unicode's emoji data, lingua's test data in 41 languages, price-parser's and\n\
         duckling's tests, quantulum3's sentences, the texts VADER's authors had rated by people, a labelled set of\n\
         corporate tweets, and documents with keywords chosen by people (F1 of the ten best, exact in lower case). In\n\
         brackets: how many cases. *Anchor*: what a well-known tool does on the same suite, where that is known.\n\n\
         The keyword stage's rules were chosen with those 15 documents at hand: expect less elsewhere.\n\n\
         | figure | our own cases | public suite | goal | anchor |\n| --- | --- | --- | --- | --- |\n"
    );
    for row in rows {
        let suite = match row.suite {
            Some((name, _)) => shown(&(row.of)(&cases::public(name)?)),
            None => String::new(),
        };
        _ = writeln!(page, "| {} | {} | {suite} | {} | {} |", row.name, own(row), row.goal, row.anchor);
    }
    let speed = speed::measure()?;
    let rounded = |rate: f64| format!("{} a second", (rate / 1000.0).round() * 1000.0);
    _ = writeln!(page, "\n## Speed\n\nOne core, every caption different from the others, nothing remembered.\n");
    _ = writeln!(page, "| what | figure | goal |\n| --- | --- | --- |");
    let all = rounded(speed.captions_per_second);
    _ = writeln!(page, "| all default stages over TikTok captions | {all} | ≥ 25000 a second |");
    if let Some(rate) = speed.languages_per_second {
        _ = writeln!(
            page,
            "| language over the suite | {} | ≥ 20000 a second (lingua 2100, py3langid 17600) |",
            rounded(rate)
        );
    }
    if let Some(mib) = speed.resident_mib {
        _ = writeln!(page, "| memory of the process, tables and test included | {mib:.0} MiB | ≤ 100 MiB |");
    }
    Some(page)
}
