//! `docs/categories.md` is the table of categories. `TIDELAKE_WRITE_DOCS=1 cargo test -p tidelake-stages --test categories`.

use std::fmt::Write;
use std::path::Path;

/// Terms of each weight that the page shows.
const SHOWN: usize = 12;

fn page() -> String {
    let mut page = String::from(
        "# Categories\n\nMade of `pipeline/stages/data/categories.tsv` by `pipeline/stages/tests/categories.rs`; do not edit.\n\n\
         A caption has at most three categories, each `topic/subject` with a score and the words that say so. A term's weight is\n\
         the probability that a caption which says it is about the subject; the score is 1 − Π(1 − weight) over the different terms\n\
         said in text and hashtags, and from 0.5 it counts. So one term of 0.5 and more suffices; of weaker ones it takes two.\n\
         Terms stand for whole words (in scripts with spaces); of terms in one another the longest counts.\n",
    );
    let mut topic = "";
    for (name, lines) in tidelake_stages::taxonomy() {
        let Some((of, subject)) = name.split_once('/') else { continue };
        if topic != of {
            let _ = write!(page, "\n## {of}\n\n| subject | weight | terms | among them |\n| --- | --- | --- | --- |\n");
            topic = of;
        }
        for (weight, terms) in lines {
            let some = terms.iter().take(SHOWN).map(|term| term.trim_end_matches('*')).collect::<Vec<_>>().join(", ");
            let _ = writeln!(page, "| {subject} | {weight} | {} | {some} |", terms.len());
        }
    }
    page
}

#[test]
fn the_page_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/categories.md");
    if std::env::var_os("TIDELAKE_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).expect("written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/categories.md is not the table: TIDELAKE_WRITE_DOCS=1 writes it");
}
