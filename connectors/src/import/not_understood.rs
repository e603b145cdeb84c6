//! What to say of a file that has none of the known shapes.

use serde_json::Value;
use std::fmt;

/// A file that has none of the known shapes: what was seen, and what is supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotUnderstood {
    /// What was seen in it.
    pub seen: String,
}

/// How many keys, and how many bytes, are quoted.
const QUOTED: usize = 12;

impl NotUnderstood {
    /// Of a file that is no JSON, HTML, ZIP or text archive.
    pub(super) fn bytes(bytes: &[u8], why: &str) -> Self {
        if bytes.is_empty() {
            let seen = "an empty file (a web answer of zero bytes is a refusal of the website)";
            return Self { seen: seen.into() };
        }
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(48)]).escape_debug().to_string();
        Self { seen: format!("{} bytes that begin with \"{start}\" ({why})", bytes.len()) }
    }

    /// Of JSON.
    pub(super) fn json(value: &Value) -> Self {
        let seen = match value {
            Value::Object(map) if map.is_empty() => "an empty JSON object".into(),
            Value::Object(map) => format!("a JSON object with the keys {}", keys(map.keys())),
            Value::Array(list) => match list.first() {
                Some(Value::Object(map)) => {
                    format!("a JSON array of {} whose first object has the keys {}", list.len(), keys(map.keys()))
                }
                Some(first) => format!("a JSON array of {} whose first entry is {}", list.len(), kind(first)),
                None => "an empty JSON array".into(),
            },
            other => format!("JSON that is {}", kind(other)),
        };
        Self { seen }
    }
}

fn keys<'a>(all: impl Iterator<Item = &'a String>) -> String {
    let all: Vec<&String> = all.collect();
    let mut quoted: Vec<String> =
        all.iter().take(QUOTED).map(|key| key.chars().take(40).flat_map(char::escape_debug).collect()).collect();
    if all.len() > QUOTED {
        quoted.push(format!("… ({} in all)", all.len()));
    }
    quoted.join(", ")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

impl fmt::Display for NotUnderstood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this file is in no known form: it holds {}. Supported are website answers and pages (JSON or HTML), \
             oEmbed answers, Zeeschuimer and 4CAT captures (NDJSON), yt-dlp .info.json, personal archives \
             (user_data_tiktok.json, text layout, ZIP), Research and Display API answers and channel exports.",
            self.seen
        )
    }
}

impl std::error::Error for NotUnderstood {}
