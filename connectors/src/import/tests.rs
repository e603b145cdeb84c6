//! Tests of all readers together.

mod archives;
mod corpus;
mod properties;
mod tools;
mod web;

use super::{ImportContext, Imported, read_file};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tidelake_schemas::{
    CommentObservation, CreatorObservation, EntityKind, HashtagObservation, Observation, SoundObservation, Timestamp,
    VideoObservation,
};

const NOW: Timestamp = Timestamp(1_780_000_000_000_000);
const FILE_TIME: Timestamp = Timestamp(1_770_000_000_000_000);

fn context() -> ImportContext {
    ImportContext { task: "files".into(), cycle: 3, now: NOW, file_time: Some(FILE_TIME) }
}

/// The project's own payloads.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

fn read_fixture(name: &str) -> Imported {
    let path = fixture(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    read_file(&path, &bytes, &context()).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn read_value(value: &Value) -> Imported {
    read_bytes("file.json", value.to_string().as_bytes())
}

fn read_bytes(name: &str, bytes: &[u8]) -> Imported {
    read_file(Path::new(name), bytes, &context()).unwrap_or_else(|fault| panic!("{fault}"))
}

fn videos(imported: &Imported) -> Vec<&VideoObservation> {
    imported.observations.iter().filter_map(|o| if let Observation::Video(v) = o { Some(v) } else { None }).collect()
}

fn creators(imported: &Imported) -> Vec<&CreatorObservation> {
    imported.observations.iter().filter_map(|o| if let Observation::Creator(c) = o { Some(c) } else { None }).collect()
}

fn comments(imported: &Imported) -> Vec<&CommentObservation> {
    imported.observations.iter().filter_map(|o| if let Observation::Comment(c) = o { Some(c) } else { None }).collect()
}

fn hashtags(imported: &Imported) -> Vec<&HashtagObservation> {
    imported.observations.iter().filter_map(|o| if let Observation::Hashtag(h) = o { Some(h) } else { None }).collect()
}

fn sounds(imported: &Imported) -> Vec<&SoundObservation> {
    imported.observations.iter().filter_map(|o| if let Observation::Sound(s) = o { Some(s) } else { None }).collect()
}

/// `3 videos, 1 creator, …` in the order of the summary tables.
fn by_kind(imported: &Imported) -> String {
    let count = |kind: EntityKind| imported.observations.iter().filter(|o| o.kind() == kind).count();
    let parts = EntityKind::ALL.iter().map(|kind| (kind.name(), count(*kind))).filter(|(_, n)| *n > 0);
    parts.map(|(name, n)| format!("{n} {name}")).collect::<Vec<_>>().join(", ")
}
