//! `tidelake report`, from recorded files to a page, JSON and paper.

#![allow(clippy::print_stderr, reason = "says why a test is skipped")]

use std::path::Path;
use tidelake_tests::Stage;

/// The project's own recorded shapes.
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../connectors/fixtures");

#[test]
fn a_report_says_what_the_lake_says() {
    let stage = Stage::set();
    let file = |name: &str| stage.dir().join(name).to_str().expect("UTF-8").to_owned();
    let (json, html) = (file("report.json"), file("report.html"));
    // Also of a lake that holds nothing.
    stage.done(&["report", "--out", &html]);
    stage.done(&["import", FIXTURES, "--wait"]);
    stage.done(&["report", "--out", &json]);
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&json).expect("is written")).expect("is JSON");
    let section = |id: &str| {
        let sections = report["sections"].as_array().expect("a list");
        sections.iter().find(|section| section["id"] == id).unwrap_or_else(|| panic!("no {id}"))["rows"].clone()
    };
    assert_eq!(section("overview")[0]["videos"], stage.integer("SELECT count(*) FROM videos"));
    assert_eq!(section("overview")[0]["views"], stage.integer("SELECT sum(views) FROM videos"));
    let most = stage.integer("SELECT max(likes) FROM videos");
    assert_eq!(section("top-likes")[0]["likes"], most);
    let rows = section("hashtags");
    assert!(rows.as_array().is_some_and(|rows| !rows.is_empty()), "{rows}");

    stage.done(&["report", "--out", &html, "--title", "Cats & <dogs>", "--since", "2020-01-01"]);
    let page = std::fs::read_to_string(&html).expect("is written");
    assert!(page.contains("Cats &#38; &#60;dogs&#62;") || page.contains("Cats &amp; &lt;dogs&gt;"));
    // Nothing is fetched: scripts and styles are within.
    for outside in ["<script src", "<link", "@import", "url(http"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let nothing = stage.done(&["report", "--out", &json, "--since", "2100-01-01"]);
    assert!(nothing.contains("report.json"), "{nothing}");
    let refused = stage.run(&["report", "--out", "report.docx"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains(".html, .json or .pdf"), "{refused:?}");
}

#[test]
fn a_report_is_printed() {
    if !Path::new("/usr/bin/chromium").exists() {
        eprintln!("skipped: there is no Chromium");
        return;
    }
    let stage = Stage::set();
    stage.done(&["import", FIXTURES, "--wait"]);
    let pdf = stage.dir().join("report.pdf");
    let out = pdf.to_str().expect("UTF-8");
    // As root, Chromium cannot shut itself into its sandbox.
    let printed = stage.run_with(&["report", "--out", out], &[("TIDELAKE__BROWSER__SANDBOX", "false")]);
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let bytes = std::fs::read(&pdf).expect("is written");
    assert!(bytes.starts_with(b"%PDF-") && bytes.len() > 20_000, "{} bytes", bytes.len());
}
