//! The table of all faults as a page of the documentation.

use super::row::Row;
use std::fmt::Write;
use std::path::Path;

/// The faults of one surface.
pub(crate) struct Section {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Where the sandbox listens in this run; not of the page.
    pub(crate) bases: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

const HEAD: &str = "\
# Faults

What each source can answer instead of data, and what Tidelake makes of it. Every line is an acceptance test: the fault
goes in over HTTP, and what the line says came out. The page is written by the tests:
`TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test faults`.

*Class* is the exact class in the log. *Ledger* is `stop_reason` in the table `coverage`. *You read* is `fault` there,
as `tidelake coverage --polls` shows it, followed by what comes next: `Going on by oembed; web rests until …`; the log has address, status, and further actions as well. A task that names
routes to go on with (`fallback`) takes the next one where the line says so, and returns to its first when the next cycle
begins and that route's rest is over. A block is never answered with a browser.
";

/// The page.
pub(crate) fn render(sections: &[Section]) -> String {
    let mut page = HEAD.to_owned();
    for section in sections {
        let about = section.about;
        _ = write!(
            page,
            "\n## {}\n\n{about}\n\n| fault | the source answers | class | Tidelake | ledger | you read |\n",
            section.name
        );
        page.push_str("| --- | --- | --- | --- | --- | --- |\n");
        for row in &section.rows {
            let reads = section.bases.iter().fold(row.reads.clone(), |text, base| text.replace(base, "https://…"));
            let reads = cell(&without_log_id(&reads));
            let reads = if reads.is_empty() { "nothing: all is well".to_owned() } else { reads };
            let (class, does, ledger) = (row.class, &row.does, row.ledger);
            _ = writeln!(page, "| {} | {} | {class} | {does} | `{ledger}` | {reads} |", row.fault, row.answer);
        }
    }
    page
}

/// A text that may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;").trim().to_owned()
}

/// Log ids differ in every answer.
fn without_log_id(text: &str) -> String {
    let mut parts = text.split(" (log id ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + " (log id …)" + part.split_once(')').map_or("", |(_, rest)| rest))
}

/// Writes the page when asked to, else holds it against the one that is there.
pub(crate) fn hold(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/faults.md");
    if std::env::var_os("TIDELAKE_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes docs");
        std::fs::write(&path, page).expect("writes the page");
        return;
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = page.lines().zip(there.lines()).find(|(new, old)| new != old);
    assert!(
        page == there,
        "docs/faults.md does not say what this run gave (first: {differs:#?}). If the run is right: \
         TIDELAKE_WRITE_DOCS=1 cargo test --workspace --test faults"
    );
}
