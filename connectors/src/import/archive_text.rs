//! Personal archives as text: one file per section, records of `Name: value` lines, an empty line between them.
//! File names and field names are localised.

use super::Shape;
use super::archive::section_of;
use super::archive_rows::{self, Section};
use super::fields::time_of;
use super::links::{self, Target};
use super::scope::Scope;
use super::sink::Sink;
use serde_json::{Map, Value};

/// What stands in a section without a record, by language.
const NO_DATA: [&str; 3] =
    ["You have no data in this section", "Dit gedeelte bevat geen gegevens", "no data in this section"];

/// Reads a file of the text layout; `None` when it is none.
pub(super) fn read(name: &str, text: &str, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let scope = scope.within(Shape::Archive);
    let section = section_of_path(name);
    if NO_DATA.iter().any(|none| text.trim().starts_with(none)) {
        sink.note("holds no record: a section of a personal archive without data");
        return Some(Shape::Archive);
    }
    let records = records(text);
    let section = section.filter(|_| !records.is_empty()).or_else(|| only_links(&records).then_some(Section::Linked));
    let Some(section) = section else {
        let dated = records.iter().any(|record| record.values().any(|v| time_of(v).is_some()));
        archive_rows::note_left_out(vec![stem(name).filter(|_| dated && is_text_file(name))?.to_owned()], sink);
        return Some(Shape::Archive);
    };
    for record in records {
        archive_rows::read(section, &Value::Object(record), &scope, sink);
    }
    Some(Shape::Archive)
}

fn is_text_file(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".txt")
}

/// `TikTok/Your Activity/Watch History.txt`: the section that the file name says, with its folder.
pub(super) fn section_of_path(path: &str) -> Option<Section> {
    let folder = path.rsplit(['/', '\\']).nth(1).unwrap_or_default();
    let name = stem(path)?;
    let own_posts = ["posts", "videos"].contains(&super::archive::normal(name).as_str());
    section_of(folder, name).or_else(|| own_posts.then_some(Section::Posts))
}

/// The file name without folders and ending.
pub(super) fn stem(path: &str) -> Option<&str> {
    let file = path.rsplit(['/', '\\']).next()?;
    Some(file.rsplit_once('.').map_or(file, |(stem, _)| stem)).filter(|stem| !stem.is_empty())
}

/// Records of `Name: value` lines.
fn records(text: &str) -> Vec<Map<String, Value>> {
    let mut records = vec![Map::new()];
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            records.push(Map::new());
        } else if let (Some((name, value)), Some(record)) = (field(line), records.last_mut()) {
            // Some exports have no empty lines: a field that comes again begins a record.
            if record.contains_key(name) {
                records.push(Map::new());
            }
            records.last_mut().map(|record| record.insert(name.to_owned(), Value::from(value)));
        }
    }
    records.retain(|record| !record.is_empty());
    records
}

/// A field; dates and links get the names that rows have in JSON, whatever the language.
fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    if value.contains("://") && links::target(value) != Target::Foreign {
        return Some(("Link", value));
    }
    let looks_dated = value.len() >= 10 && value.contains('-');
    let dated = looks_dated && time_of(&Value::from(value)).is_some();
    Some((if dated { "Date" } else { name }, value))
}

/// Whether every record is a date and a link to a video and nothing else: such a file holds nothing private but
/// what the archive's other lists of videos hold.
fn only_links(records: &[Map<String, Value>]) -> bool {
    let is_link = |record: &Map<String, Value>| {
        let link = record.get("Link").and_then(Value::as_str).map(links::target);
        record.len() == 2 && record.contains_key("Date") && matches!(link, Some(Target::Video { .. }))
    };
    !records.is_empty() && records.iter().all(is_link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localised_fields_are_recognised_by_their_values() {
        let text = "Datum: 2024-11-27 07:28:28 UTC\nLink: https://www.tiktokv.com/share/video/7441690395441892640/\n\n";
        let found = records(text);
        assert_eq!(found.len(), 1);
        assert!(only_links(&found));
        assert_eq!(found[0]["Date"], "2024-11-27 07:28:28 UTC");
    }

    #[test]
    fn sections_by_file_name() {
        assert_eq!(section_of_path("TikTok/Your Activity/Watch History.txt"), Some(Section::Watched));
        assert_eq!(section_of_path("Kijkgeschiedenis.txt"), Some(Section::Watched));
        assert_eq!(section_of_path("TikTok\\Post\\Posts.txt"), Some(Section::Posts));
        assert_eq!(section_of_path("TikTok/Direct Messages/Direct Messages.txt"), None);
    }
}
