//! Personal archives as JSON, of every layout. Denied unless allowed: only sections that list public videos,
//! hashtags and sounds are opened; the others are named in a note and not looked into.

use super::archive_rows::{self, Section};
use super::scope::Scope;
use super::sink::Sink;
use serde_json::{Map, Value};

/// Top keys of archives, normalised, that nothing else uses.
const TOPS: [&str; 15] = [
    "activity",
    "youractivity",
    "likesandfavorites",
    "profileandsettings",
    "directmessage",
    "directmessages",
    "adsanddata",
    "appsettings",
    "tiktoklive",
    "tiktokshop",
    "tiktokshopping",
    "poireview",
    "locationreview",
    "incomepluswallettransactions",
    "incomeplus",
];

/// Whether this is an archive: one of its top keys, or a section that lists videos.
pub(super) fn looks_like(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    let by_top =
        |key: &String, part: &Value| (part.is_object() || part.is_null()) && TOPS.contains(&normal(key).as_str());
    map.iter().any(|(key, part)| by_top(key, part) || (part.is_object() && has_section(key, part)))
}

/// `{"Video": {"Videos": {"VideoList": …}}}`, or a section at the top.
fn has_section(top: &str, part: &Value) -> bool {
    let listed =
        |section: &Value| section.as_object().is_some_and(|m| m.keys().any(|key| normal(key).ends_with("list")));
    let inner = part.as_object().into_iter().flatten();
    (section_of("", top).is_some() && listed(part))
        || inner.into_iter().any(|(key, s)| section_of(top, key).is_some() && listed(s))
}

/// Reads the allowed sections and names the others.
pub(super) fn read(archive: &Value, scope: &Scope, sink: &mut Sink) {
    let mut left_out = Vec::new();
    for (top, part) in archive.as_object().into_iter().flatten() {
        match section_of("", top) {
            Some(section) => read_section(section, part, scope, sink),
            None => left_out.extend(read_top(top, part, scope, sink)),
        }
    }
    archive_rows::note_left_out(left_out, sink);
}

/// Reads the allowed sections under a top key; returns the names of the others that hold something.
fn read_top(top: &str, part: &Value, scope: &Scope, sink: &mut Sink) -> Vec<String> {
    let Value::Object(sections) = part else {
        return if is_blank(part) { Vec::new() } else { vec![top.to_owned()] };
    };
    let mut denied = Vec::new();
    let mut allowed = false;
    for (name, content) in sections {
        match section_of(top, name) {
            Some(section) => {
                allowed = true;
                read_section(section, content, scope, sink);
            }
            None if is_blank(content) => {}
            None => denied.push(name.clone()),
        }
    }
    if allowed || denied.is_empty() { denied } else { vec![top.to_owned()] }
}

/// The lists of a section: under a key of their own, or the section itself.
fn read_section(section: Section, content: &Value, scope: &Scope, sink: &mut Sink) {
    let lists: Vec<&Vec<Value>> = match content {
        Value::Array(rows) => vec![rows],
        Value::Object(map) => map.values().filter_map(Value::as_array).collect(),
        _ => Vec::new(),
    };
    for row in lists.into_iter().flatten() {
        archive_rows::read(section, row, scope, sink);
    }
}

/// The allowed section that `name` under `top` is, in any layout and spelling.
pub(super) fn section_of(top: &str, name: &str) -> Option<Section> {
    let (top, name) = (normal(top), normal(name));
    let posts = ["video", "videos", "post", "posts"];
    match name.as_str() {
        "videos" | "posts" if posts.contains(&top.as_str()) => Some(Section::Posts),
        _ => Section::named(&name),
    }
}

/// Lower case, letters and digits only, American spelling.
pub(super) fn normal(name: &str) -> String {
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    letters.replace("favourite", "favorite")
}

/// Whether nothing is in it: null, "", {} or [], or objects of such, or the settings every archive has.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => is_blank_map(map),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn is_blank_map(map: &Map<String, Value>) -> bool {
    // "App": 1 and "IsFastLane": false stand in sections without content.
    map.iter().all(|(key, value)| is_blank(value) || ["app", "isfastlane"].contains(&normal(key).as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sections_are_found_under_every_name() {
        for (top, name, section) in [
            ("Activity", "Video Browsing History", Section::Watched),
            ("Your Activity", "Watch History", Section::Watched),
            ("your activity", "watch history", Section::Watched),
            ("Activity", "Like List", Section::Liked),
            ("Activity", "Favourite Videos", Section::FavoriteVideos),
            ("Likes and Favorites", "Favorite HashTags", Section::FavoriteHashtags),
            ("Activity", "Share History", Section::Shared),
            ("Video", "Videos", Section::Posts),
            ("Post", "Posts", Section::Posts),
        ] {
            assert_eq!(section_of(top, name), Some(section), "{top} / {name}");
        }
        for (top, name) in [
            ("Activity", "Login History"),
            ("Activity", "Search History"),
            ("Tiktok Live", "Watch Live History"),
            ("Direct Messages", "Chat History"),
            ("Post", "Recently Deleted Posts"),
            ("Activity", "Follower List"),
            ("Tiktok Shopping", "Product Browsing History"),
        ] {
            assert_eq!(section_of(top, name), None, "{top} / {name}");
        }
    }

    #[test]
    fn blank_sections_are_not_named() {
        assert!(is_blank(&json!({"ChatHistory": {}, "App": 1})));
        assert!(!is_blank(&json!({"ChatHistory": {"Chat History with x:": [{"From": "x"}]}})));
    }
}
