//! The page that tells the public what is collected and why.

use super::Failure;
use crate::config::PrivacyConfig;
use std::collections::BTreeSet;
use tidelake_sinks::privacy::{classify, rows};
use tidelake_sinks::query::Engine;

/// What kinds of data of people the tables hold.
pub(super) async fn classes(engine: &Engine) -> Result<BTreeSet<&'static str>, Failure> {
    let mut about = BTreeSet::new();
    for table in engine.tables().await? {
        let Ok(schema) = engine.schema(&table.name).await else { continue };
        for path in rows::leaves(&schema) {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            about.extend(classify(&table.name, &path).filter(|class| class.is_personal()).map(|class| class.about()));
        }
    }
    Ok(about)
}

/// The page, as Markdown or HTML.
pub(super) fn page(privacy: &PrivacyConfig, held: &BTreeSet<&str>, html: bool) -> Result<String, Failure> {
    let stated = |key: &str, text: &Option<String>| {
        text.clone().ok_or_else(|| format!("a notice needs [privacy] {key}: say it in the configuration"))
    };
    let [purpose, basis, retention, controller, contact] = [
        stated("purpose", &privacy.purpose)?,
        stated("basis", &privacy.basis)?,
        stated("retention", &privacy.retention)?,
        stated("controller", &privacy.controller)?,
        stated("contact", &privacy.contact)?,
    ];
    let kinds: Vec<String> = held.iter().map(|kind| (*kind).to_owned()).collect();
    let sections: [(&str, Vec<String>); 7] = [
        ("Who is responsible", vec![controller]),
        ("What for, and by which right", vec![format!("{purpose}. Legal basis: {basis}.")]),
        ("What is collected", kinds),
        ("Where it comes from", vec!["Public posts, profiles and comments, by the platforms' interfaces for it; not from you.".into()]),
        ("How long it is kept", vec![retention]),
        (
            "Your rights",
            vec![
                "You may ask what is held about you, have it corrected or erased, have its use restricted, and object to it."
                    .into(),
                "After erasure, nothing about you is collected again; for that, only a keyed hash of your handle and id is kept."
                    .into(),
                "You may complain to a supervisory authority.".into(),
            ],
        ),
        ("Where to turn to", vec![contact]),
    ];
    Ok(if html { as_html(&sections) } else { as_markdown(&sections) })
}

const TITLE: &str = "Notice on the processing of personal data";

fn as_markdown(sections: &[(&str, Vec<String>)]) -> String {
    let mut page = format!("# {TITLE}\n");
    for (title, items) in sections {
        page.push_str(&format!("\n## {title}\n\n"));
        match items.as_slice() {
            [one] => page.push_str(&format!("{one}\n")),
            many => many.iter().for_each(|item| page.push_str(&format!("* {item}\n"))),
        }
    }
    page
}

fn as_html(sections: &[(&str, Vec<String>)]) -> String {
    let mut page = format!("<!doctype html>\n<meta charset=\"utf-8\">\n<title>{TITLE}</title>\n<h1>{TITLE}</h1>\n");
    for (title, items) in sections {
        page.push_str(&format!("<h2>{title}</h2>\n"));
        match items.as_slice() {
            [one] => page.push_str(&format!("<p>{}</p>\n", escaped(one))),
            many => {
                let items: String = many.iter().map(|item| format!("<li>{}</li>", escaped(item))).collect();
                page.push_str(&format!("<ul>{items}</ul>\n"));
            }
        }
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_everything_or_what_is_missing() {
        let mut privacy = PrivacyConfig { purpose: Some("A <b> study".into()), ..PrivacyConfig::default() };
        let missing = page(&privacy, &BTreeSet::new(), false).expect_err("incomplete").to_string();
        assert!(missing.contains("[privacy] basis"), "{missing}");
        let text = || Some("x".to_owned());
        (privacy.basis, privacy.retention, privacy.controller, privacy.contact) = (text(), text(), text(), text());
        let html = page(&privacy, &BTreeSet::from(["handle of an account", "words"]), true).expect("complete");
        assert!(html.contains("A &lt;b&gt; study") && html.contains("<li>words</li>"), "{html}");
        assert!(page(&privacy, &BTreeSet::new(), false).expect("complete").starts_with("# Notice"));
    }
}
