//! ZIP archives: a personal archive as JSON or as text, or any other files that can be read.

use super::archive_text::{section_of_path, stem};
use super::scope::Scope;
use super::sink::Sink;
use super::{NotUnderstood, Shape, archive, archive_rows, archive_text, read};
use std::borrow::Cow;
use std::io::{Cursor, Read};
use zip::ZipArchive;

/// No section of an archive is larger; a small file that unpacks to more is not what it says.
const LARGEST: u64 = 2 << 30;

/// File names without ending, normalised, that are never unpacked.
const PRIVATE: [&str; 12] = [
    "directmessages",
    "directmessage",
    "chathistory",
    "groupchat",
    "directeberichten",
    "groepschat",
    "loginhistory",
    "inloggeschiedenis",
    "searches",
    "searchhistory",
    "zoekopdrachten",
    "comments",
];

/// Reads the entries that can be read.
pub(super) fn read(bytes: &[u8], scope: &Scope, sink: &mut Sink) -> Result<Shape, NotUnderstood> {
    let mut zip = ZipArchive::new(Cursor::new(bytes))
        .map_err(|fault| NotUnderstood::bytes(bytes, &format!("a ZIP archive that cannot be opened: {fault}")))?;
    let names: Result<Vec<String>, _> = zip.file_names().map(|name| name.map(Cow::into_owned)).collect();
    let mut names = names.map_err(|fault| {
        NotUnderstood::bytes(bytes, &format!("a ZIP archive with a name that cannot be read: {fault}"))
    })?;
    names.retain(|name| !is_clutter(name));
    let json =
        |name: &&String| [".json", ".ndjson", ".jsonl", ".html", ".htm"].iter().any(|e| lower(name).ends_with(e));
    let mut documents: Vec<&String> = names.iter().filter(json).collect();
    // Some archives hold the same twice, under the old and the new name.
    if documents.iter().any(|name| stem(name) == Some("user_data_tiktok")) {
        documents.retain(|name| stem(name) != Some("user_data"));
    }
    documents.sort();
    let read = if documents.is_empty() {
        read_texts(&mut zip, &names, scope, sink)
    } else {
        read_documents(&mut zip, &documents, scope, sink)
    };
    read.ok_or_else(|| NotUnderstood { seen: format!("a ZIP archive with the files {}", quoted(&names)) })
}

fn is_clutter(name: &str) -> bool {
    name.ends_with('/')
        || name.contains("__MACOSX")
        || name.rsplit('/').next().is_some_and(|file| file.starts_with('.'))
}

fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

fn quoted(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(8).map(|name| name.chars().take(60).collect()).collect();
    format!("{} ({} in all)", first.join(", "), names.len())
}

type Zip<'a> = ZipArchive<Cursor<&'a [u8]>>;

fn read_documents(zip: &mut Zip, names: &[&String], scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let mut shape = None;
    for name in names {
        let Some(bytes) = unpacked(zip, name, sink) else { continue };
        // An archive within an archive could go on for ever.
        let nested = bytes.starts_with(b"PK");
        match if nested { None } else { read::read_bytes(name, &bytes, scope, sink).ok() } {
            Some(found) => shape = shape.or(Some(found)),
            None => sink.note(format!("file {name} within the ZIP archive is in no known form")),
        }
    }
    shape
}

/// The text layout: the files of allowed sections, and those whose names no language here knows.
fn read_texts(zip: &mut Zip, names: &[String], scope: &Scope, sink: &mut Sink) -> Option<Shape> {
    let mut left_out = Vec::new();
    let mut shape = None;
    for name in names.iter().filter(|name| lower(name).ends_with(".txt")) {
        let section = stem(name).unwrap_or_default();
        if section_of_path(name).is_none() && PRIVATE.contains(&archive::normal(section).as_str()) {
            left_out.push(section.to_owned());
            shape = Some(Shape::Archive);
            continue;
        }
        let Some(bytes) = unpacked(zip, name, sink) else { continue };
        let mut part = Sink::default();
        let text = tidelake_schemas::json::repair(&bytes);
        if let Some(found) = archive_text::read(name, &text, scope, &mut part) {
            shape = Some(found);
        }
        if section_of_path(name).is_none() && part.is_empty() && !text.trim().is_empty() {
            left_out.push(section.to_owned());
        }
        sink.absorb(part);
    }
    archive_rows::note_left_out(left_out, sink);
    shape
}

/// The content of an entry; `None` and a note when it cannot be unpacked.
fn unpacked(zip: &mut Zip, name: &str, sink: &mut Sink) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = zip
        .by_name(name)
        .map_err(|fault| fault.to_string())
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|fault| fault.to_string()));
    match read {
        Ok(_) if bytes.len() as u64 <= LARGEST => Some(bytes),
        Ok(_) => {
            sink.note(format!(
                "file {name} within the ZIP archive is larger than 2 GiB: left out; unpack it and import it"
            ));
            None
        }
        Err(fault) => {
            sink.note(format!("file {name} within the ZIP archive cannot be unpacked: {fault}"));
            None
        }
    }
}
