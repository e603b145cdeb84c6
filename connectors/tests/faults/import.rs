//! Files: what cannot be read is told, and nothing is lost.

use super::bench::Seen;
use super::page::Section;
use super::row::{Case, Row};
use std::path::Path;
use tidelake_connectors::client::Route;
use tidelake_connectors::import::{ImportContext, read_file};
use tidelake_connectors::{Ledger, Page, StopReason};
use tidelake_schemas::Timestamp;

pub(crate) fn section() -> Section {
    let refused = [
        ("empty file (§6.4)", "zero bytes", "", "refusal of the website"),
        (
            "captcha answer (§6.3)",
            "`{\"code\":\"10000\",\"type\":\"verify\"}`",
            "{\"code\":\"10000\",\"type\":\"verify\"}",
            "captcha",
        ),
        ("soft 404 (§6.3)", "status 10204", "{\"statusCode\":10204,\"statusMsg\":\"item doesn't exist\"}", "removed"),
        ("login wanted (§6.3)", "status 10101", "{\"status_code\":10101,\"status_msg\":\"\"}", "login"),
        ("region (§6.3)", "status 10231", "{\"statusCode\":10231}", "region"),
        (
            "soft block (§6.3)",
            "status 0 without a list",
            "{\"statusCode\":0,\"hasMore\":true,\"cursor\":\"0\"}",
            "soft refusal",
        ),
        ("unknown form", "JSON of something else", "{\"weather\":\"fine\"}", "weather"),
        ("no JSON", "a text", "hello", "hello"),
    ];
    let mut rows: Vec<Row> =
        refused.into_iter().map(|(fault, answer, file, part)| refuse(fault, answer, file, part)).collect();
    rows.push(past_int64());
    let about = "A file that cannot be read is named with the reason, and `tidelake import` goes on with the others. Of a \
                 file that can, each record that cannot becomes a dead letter with its own bytes.";
    Section { name: "Imports", about, bases: Vec::new(), rows }
}

fn context() -> ImportContext {
    ImportContext { task: "t".into(), cycle: 0, now: Timestamp(1_773_153_000_000_000), file_time: None }
}

fn refuse(fault: &'static str, answer: &'static str, file: &str, part: &str) -> Row {
    let case = Case { route: Route::Import, fault, answer };
    let (class, does, ledger, reads) = match read_file(Path::new("answer.json"), file.as_bytes(), &context()) {
        // The list of supported shapes is the same for all.
        Err(error) => {
            let reads = error.to_string().split(". ").next().unwrap_or_default().to_owned();
            ("format_drift", "Refuses the file; the others are read.", StopReason::Fault, reads)
        }
        Ok(read) => {
            assert!(read.observations.is_empty() && read.rejects.is_empty(), "{fault}: {read:?}");
            (
                "empty_answer",
                "Says that the file is a refusal, and is no empty list.",
                StopReason::Exhausted,
                read.notes.join("; "),
            )
        }
    };
    assert!(reads.contains(part), "{fault}: {reads}");
    case.row(class, does.into(), ledger, reads)
}

fn past_int64() -> Row {
    let item = |id: &str| {
        format!(
            "{{\"id\":{id},\"desc\":\"d\",\"createTime\":1700000000,\"author\":{{\"uniqueId\":\"a\"}},\"video\":{{}},\"stats\":{{}}}}"
        )
    };
    let file = format!(
        "{{\"itemList\":[{},{}],\"hasMore\":false,\"cursor\":\"0\",\"statusCode\":0}}",
        item("\"7300000000000000000\""),
        item("92233720368547758070"),
    );
    let imported = read_file(Path::new("list.json"), file.as_bytes(), &context()).expect("a list");
    let ledger = Ledger { stop_reason: StopReason::Exhausted, ..Ledger::default() };
    let page = Page { observations: imported.observations, rejects: imported.rejects, ledger, ..Page::default() };
    let case = Case {
        route: Route::Import,
        fault: "id past 64 bits (§13.7)",
        answer: "an item with a number that no id can be",
    };
    let reason = page.rejects.first().map(|reject| reject.reason.clone()).unwrap_or_default();
    case.rejects(&Seen { pages: vec![page], ..Seen::default() }, &reason)
}
