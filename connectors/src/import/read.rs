//! From bytes to records: which container, which shape, which reader.

use super::fields::{self, time_of};
use super::scope::Scope;
use super::sink::Sink;
use super::{
    ImportContext, Imported, NotUnderstood, Shape, archive, archive_text, archive_zip, capture, channel_export,
    comment, detect, envelope, flat_row, hydration, info_json, item, ndjson, oembed, page, refusal, research_json,
    user,
};
use serde_json::Value;
use std::path::Path;
use tidelake_schemas::Timestamp;

/// See [`super::read_file`].
pub(super) fn read_file(path: &Path, bytes: &[u8], context: &ImportContext) -> Result<Imported, NotUnderstood> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut scope = Scope::new(context, name.clone());
    if let Some(at) = export_time(&name) {
        scope.observed_at = at;
    }
    let mut sink = Sink::default();
    let shape = read_bytes(&path.to_string_lossy(), bytes, &scope, &mut sink)?;
    Ok(sink.finish(shape))
}

/// Reads bytes of any container. `name` is the path of the file, or of the entry of a ZIP archive.
pub(super) fn read_bytes(name: &str, bytes: &[u8], scope: &Scope, sink: &mut Sink) -> Result<Shape, NotUnderstood> {
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return archive_zip::read(bytes, scope, sink);
    }
    let text = tidelake_schemas::json::repair(bytes);
    let start = text.trim_start();
    if start.starts_with('<') {
        return page::read(start, scope, sink)
            .ok_or_else(|| NotUnderstood::bytes(bytes, "an HTML page without TikTok's state"));
    }
    let faulty = match serde_json::from_str::<Value>(&text) {
        Ok(value) => {
            let refused = sink.refused();
            let shape = read_json(&value, scope, sink).ok_or_else(|| NotUnderstood::json(&value))?;
            sink.restore(refused, &text);
            return Ok(shape);
        }
        Err(fault) => fault,
    };
    if let Some(shape) = ndjson::read(&text, scope, sink) {
        return Ok(shape);
    }
    if let Some(shape) = archive_text::read(name, &text, scope, sink) {
        return Ok(shape);
    }
    if let Some(shape) = page::read_script(&text, scope, sink) {
        return Ok(shape);
    }
    Err(NotUnderstood::bytes(bytes, &format!("neither JSON ({faulty}) nor any other known form")))
}

/// Reads a JSON document: an object, or an array of objects of any known shape.
pub(super) fn read_json(value: &Value, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    match value {
        Value::Array(entries) => read_array(entries, scope, sink),
        _ => read_object(value, scope, sink),
    }
}

fn read_array(entries: &[Value], scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let first = entries.iter().find_map(detect::locate)?.0;
    let shape = if first == Shape::WebItem { Shape::WebItemList } else { first };
    let scope = scope.within(shape);
    for entry in entries {
        if read_object(entry, &scope, sink).is_none() {
            read_unlike(entry, shape, &scope, sink);
        }
    }
    Some(shape)
}

/// An entry that has no shape of its own, among others that do: read as they are, so that its fault is told.
fn read_unlike(entry: &Value, shape: Shape, scope: &Scope, sink: &mut Sink) {
    match shape {
        Shape::WebItemList => envelope::read_entry(entry, scope, sink),
        Shape::WebComments => envelope::read_comment(entry, scope, sink),
        Shape::InfoJson if entry.is_object() => info_json::read(entry, scope, sink),
        Shape::ChannelExport if entry.is_object() => channel_export::read(entry, scope, sink),
        _ => not_understood(entry, sink),
    }
}

/// Refuses a record that has no known shape.
pub(super) fn not_understood(entry: &Value, sink: &mut Sink) {
    let message = format!("this record holds {}, which is no known shape", NotUnderstood::json(entry).seen);
    sink.reject("not_understood", message, None, entry);
}

/// Reads an object of any known shape.
pub(super) fn read_object(value: &Value, scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let (shape, content) = detect::locate(value)?;
    let scope = scope.within(shape);
    if let Value::Array(entries) = content {
        return read_array(entries, &scope, sink);
    }
    read_shape(shape, content, &scope, sink);
    Some(shape)
}

fn read_shape(shape: Shape, value: &Value, scope: &Scope, sink: &mut Sink) {
    match shape {
        Shape::WebItem if item::looks_like(value) => item::read(value, scope, sink),
        Shape::WebComments if comment::looks_like(value) => comment::read(value, scope, sink),
        Shape::WebUser if fields::any(value, &["userInfo", "userData"]).is_none() => {
            user::read_info(value, scope, sink)
        }
        Shape::Hydration | Shape::SigiState | Shape::NextData | Shape::EmbedState => {
            hydration::read(shape, value, scope, sink);
        }
        Shape::OEmbed => oembed::read(value, scope, sink),
        Shape::Zeeschuimer => capture::read(value, scope, sink),
        Shape::FourCat => flat_row::read(value, scope, sink),
        Shape::InfoJson => info_json::read(value, scope, sink),
        Shape::Archive => archive::read(value, scope, sink),
        Shape::Research | Shape::Display => research_json::read(value, scope, sink),
        Shape::ChannelExport => channel_export::read(value, scope, sink),
        Shape::SoftBlock if refusal::is_whole(value) && !envelope::has_parts(value) => {
            sink.note(format!("holds no record: {}", refusal::told(value)));
        }
        _ => envelope::read(value, scope, sink),
    }
}

/// `TikTok_Data_1735588272.zip`: when the archive was made.
fn export_time(name: &str) -> Option<Timestamp> {
    let digits = name.strip_prefix("TikTok_Data_")?.split(['.', '_', ' ', '(']).next()?;
    time_of(&Value::from(digits)).and_then(fields::plausible)
}
