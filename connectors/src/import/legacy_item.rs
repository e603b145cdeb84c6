//! Items of 2020 and before: `{itemInfos, authorInfos, musicInfos, challengeInfoList}`.

use super::fields::{any, any_text, flag, opt_id, size, text, time};
use super::scope::Scope;
use super::sink::Sink;
use super::{counts, item, music, text_extra, user};
use serde_json::Value;
use tidelake_schemas::{EntityKind, Observation, VideoObservation};

/// Reads a legacy item like any other: the video, its creator, its sound.
pub(super) fn read(record: &Value, scope: &Scope, sink: &mut Sink) {
    let infos = record.get("itemInfos").unwrap_or(&Value::Null);
    sink.show(EntityKind::Video, record);
    let Some(id) = sink.need_id(infos, &["id"]) else { return };
    let mut author = record.get("authorInfos").map(user::author).unwrap_or_default();
    author.id = author.id.or_else(|| opt_id(infos, &["authorId"]));
    user::read_author_stats(record, &author, scope, sink);
    let music = record.get("musicInfos").unwrap_or(&Value::Null);
    music::read_of_item(music, scope, sink);
    let mut video = described(infos, item::blank(id, scope));
    video.author = author;
    video.sound = music::sound(music);
    video.sound.id = video.sound.id.or_else(|| opt_id(infos, &["musicId"]));
    let entities = text_extra::entities(record, video.caption.as_deref().unwrap_or_default());
    video.source_hashtags = text_extra::hashtags(record);
    video.source_mentions = text_extra::mentions(record);
    video.caption_entities = entities.unwrap_or_default();
    sink.push(Observation::Video(video));
}

fn described(infos: &Value, mut video: VideoObservation) -> VideoObservation {
    if let Some(at) = time(infos, &["createTime"]) {
        (video.created_at, video.created_at_derived) = (Some(at), false);
    }
    let meta = infos.get("video").and_then(|v| any(v, &["videoMeta"])).unwrap_or(&Value::Null);
    video.caption = any_text(infos, &["text"]);
    video.stats = counts::video(&[Some(infos)]);
    video.counts_rounded = true;
    video.kind = Some("video".into());
    video.duration_s = size(meta, &["duration"]);
    video.width = size(meta, &["width"]);
    video.height = size(meta, &["height"]);
    video.region = text(infos, &["locationCreated"]);
    video.is_private = flag(infos, &["privateItem", "secret"]);
    video
}
