//! The report as one page: its own styles, charts and figures, and nothing from elsewhere.

use super::{Chart, Column, Kind, Report, Section};
use askama::Template;
use serde_json::{Map, Value};

/// The page could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The template says no.
    #[error("the page could not be made: {0}")]
    Template(#[from] askama::Error),
    /// The figures have no form in JSON.
    #[error("the page's figures: {0}")]
    Json(#[from] serde_json::Error),
}

/// Apache ECharts, cut down to what the pages draw (sinks/assets/README.md says how it is made).
const ECHARTS: &str = include_str!("../../assets/echarts.min.js");

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    charts: &'static str,
    script: &'static str,
    data: String,
}

impl Report {
    /// The report as one self-contained HTML page. It opens from a disk, fetches nothing and prints well.
    ///
    /// # Errors
    /// [`PageError`].
    pub fn html(&self) -> Result<String, PageError> {
        // `</script>` within a caption would end the element.
        let data = serde_json::to_string(self)?.replace('<', "\\u003c");
        let style = include_str!("../../templates/report.css");
        let script = include_str!("../../templates/report.js");
        Ok(Page { report: self, style, charts: ECHARTS, script, data }.render()?)
    }
}

impl Section {
    fn is_drawn(&self) -> bool {
        !matches!(self.chart, Chart::Tiles | Chart::Table)
    }

    /// Whether its figures can stand below its chart without being in the way.
    fn is_short(&self) -> bool {
        self.rows.len() <= 8
    }

    fn is_tiles(&self) -> bool {
        self.chart == Chart::Tiles
    }
}

impl Column {
    fn is_number(&self) -> bool {
        matches!(self.kind, Kind::Count | Kind::Number | Kind::Share)
    }

    fn is_when(&self) -> bool {
        matches!(self.kind, Kind::Day | Kind::Instant)
    }

    fn is_link(&self) -> bool {
        self.kind == Kind::Link
    }

    /// The value of this column in a row, for people; a dash where it is unknown.
    fn shown(&self, row: &Map<String, Value>) -> String {
        let value = row.get(self.name).unwrap_or(&Value::Null);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match (self.kind, value) {
            (_, Value::Null) => "–".to_owned(),
            (Kind::Count, _) => grouped(&text),
            (Kind::Share, _) => text.parse().map_or(text, |share: f64| format!("{:.1} %", share * 100.0)),
            (Kind::Number, _) => text.parse().map_or(text, |number: f64| decimals(number)),
            (Kind::Day, _) => text.chars().take(10).collect(),
            (Kind::Instant, _) => text.chars().take(16).collect::<String>().replace('T', " "),
            (Kind::Text | Kind::Link, _) => text,
        }
    }
}

/// Two decimals, more for what would vanish.
fn decimals(number: f64) -> String {
    let written = if number.abs() < 0.1 { format!("{number:.4}") } else { format!("{number:.2}") };
    match written.split_once('.') {
        Some((digits, fraction)) => format!("{}.{fraction}", grouped(digits)),
        None => written,
    }
}

/// A whole number with thin spaces between thousands.
fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut shown = String::from(sign);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push('\u{202f}');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_no_markup() {
        const COLUMNS: [Column; 1] = [Column { name: "caption", label: "Caption", kind: Kind::Text }];
        let evil = "</script><img src=x onerror=alert(1)>";
        let row = Map::from_iter([("caption".to_owned(), Value::from(evil))]);
        let section =
            Section { id: "s", title: "S", about: "", chart: Chart::Table, columns: &COLUMNS, rows: vec![row] };
        let report = Report {
            title: evil.into(),
            made_at: String::new(),
            since: None,
            until: None,
            region: None,
            lake: "file:///lake/".into(),
            tables: Vec::new(),
            step: "day",
            sections: vec![section],
        };
        let page = report.html().expect("is made");
        assert!(!page.contains("<img"), "a caption became markup");
        assert_eq!(page.matches("</script>").count(), 3);
    }

    #[test]
    fn figures_are_for_people() {
        assert_eq!(grouped("1234567"), "1\u{202f}234\u{202f}567");
        assert_eq!(grouped("-100"), "-100");
        assert_eq!(decimals(1234.5), "1\u{202f}234.50");
        assert_eq!(decimals(0.0123), "0.0123");
        assert_eq!(decimals(-0.5), "-0.50");
        let share = Column { name: "s", label: "S", kind: Kind::Share };
        let row = |value: Value| Map::from_iter([("s".to_owned(), value)]);
        assert_eq!(share.shown(&row(Value::from(0.125))), "12.5 %");
        assert_eq!(share.shown(&row(Value::Null)), "–");
        let instant = Column { kind: Kind::Instant, ..share };
        assert_eq!(instant.shown(&row("2026-05-01T08:09:10Z".into())), "2026-05-01 08:09");
    }
}
