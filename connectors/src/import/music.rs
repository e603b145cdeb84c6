//! Sounds: of items, and from their own page.

use super::fields::{any, count, flag, opt_id, size, text};
use super::scope::Scope;
use super::sink::Sink;
use crate::reading::PLATFORM;
use serde_json::Value;
use tidelake_schemas::{EntityKind, Observation, SoundObservation, SoundRef};

const ID: [&str; 3] = ["id", "musicId", "mid"];
const TITLE: [&str; 2] = ["title", "musicName"];
const AUTHOR: [&str; 2] = ["authorName", "author"];

/// The sound as an item names it.
pub(super) fn sound(music: &Value) -> SoundRef {
    SoundRef {
        id: opt_id(music, &ID),
        title: text(music, &TITLE),
        author: text(music, &AUTHOR),
        original: flag(music, &["original", "is_original"]),
        duration_s: size(music, &["duration"]),
    }
}

/// The sound of an item, where it has an id.
pub(super) fn read_of_item(music: &Value, scope: &Scope, sink: &mut Sink) {
    if let Some(id) = opt_id(music, &ID) {
        sink.push_side(Observation::Sound(observation(id, music, scope)));
    }
}

/// `musicInfo`: `{music, stats}`, or one object with everything.
pub(super) fn read_info(info: &Value, scope: &Scope, sink: &mut Sink) {
    let music = info.get("music").filter(|music| music.is_object()).unwrap_or(info);
    let Some(id) = sink.need_id(music, &ID) else { return };
    let stats = any(info, &["stats", "statsV2"]).unwrap_or(info);
    let videos = count(stats, &["videoCount", "posts", "user_count"]);
    sink.push(Observation::Sound(SoundObservation { videos, ..observation(id, music, scope) }));
}

fn observation(id: i64, music: &Value, scope: &Scope) -> SoundObservation {
    let sound = sound(music);
    SoundObservation {
        title: sound.title,
        author: sound.author,
        album: text(music, &["album"]),
        original: sound.original,
        duration_s: sound.duration_s,
        ..blank(id, scope)
    }
}

/// A sound of which no more is known.
pub(super) fn blank(id: i64, scope: &Scope) -> SoundObservation {
    SoundObservation {
        event_id: scope.side_event_id(EntityKind::Sound, &id.to_string()),
        platform: PLATFORM.into(),
        sound_id: id,
        observed_at: scope.observed_at,
        provenance: scope.provenance(),
        ..SoundObservation::default()
    }
}
