//! Answers of the Research API and the Display API, saved as they came, and single records of them.

use super::Shape;
use super::fields::{any, handle, int, list, text};
use super::scope::Scope;
use super::sink::Sink;
use crate::research::records::{read_comment, read_user, read_video};
use serde_json::Value;
use tidelake_schemas::{EntityKind, Observation};

/// Keys under which answers list videos.
const VIDEOS: [&str; 6] = [
    "videos",
    "user_liked_videos",
    "pinned_videos_list",
    "user_pinned_videos",
    "user_reposted_videos",
    "reposted_videos",
];

/// Whether this is an answer: `{data, error: {code, log_id}}`, or its `data` with records in it.
pub(super) fn is_answer(value: &Value) -> bool {
    let envelope = value.get("error").is_some_and(|error| error.get("code").is_some() && error.get("log_id").is_some());
    let data = value.get("data").unwrap_or(value);
    envelope
        || VIDEOS.iter().any(|key| list(data, key).iter().any(is_record))
        || list(data, "comments").iter().any(is_record)
}

/// Whether this is a single record: a video, a comment, or a user.
pub(super) fn is_record(value: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().filter(|key| value.get(**key).is_some()).count();
    let id = has(&["id", "video_id"]) > 0;
    let video = id
        && has(&[
            "video_description",
            "region_code",
            "hashtag_names",
            "username",
            "music_id",
            "share_url",
            "embed_link",
        ]) >= 2;
    let comment =
        has(&["id"]) == 1 && has(&["parent_comment_id"]) == 1 && has(&["video_id", "text", "like_count"]) >= 2;
    video || comment
}

/// The Display API answers in the same envelope, with fields of its own; its data stands under another licence.
pub(super) fn shape(value: &Value) -> Shape {
    const OWN: [&str; 7] =
        ["share_url", "embed_link", "embed_html", "cover_image_url", "open_id", "union_id", "profile_deep_link"];
    let data = value.get("data").unwrap_or(value);
    let is_own = |record: &Value| OWN.iter().any(|key| record.get(key).is_some());
    let own = is_own(data) || data.get("user").is_some_and(is_own) || list(data, "videos").iter().any(is_own);
    if own { Shape::Display } else { Shape::Research }
}

/// Reads an answer or a record.
pub(super) fn read(value: &Value, scope: &Scope, sink: &mut Sink) {
    if is_record(value) {
        return read_record(value, scope, sink);
    }
    let code = value.get("error").and_then(|error| text(error, &["code"])).filter(|code| code != "ok");
    if let Some(code) = code {
        sink.note(format!("holds no record: the API refused ({code})"));
    }
    let data = value.get("data").unwrap_or(value);
    for key in VIDEOS {
        list(data, key).iter().for_each(|v| take_video(v, scope, sink));
    }
    list(data, "comments").iter().for_each(|v| take_comment(v, scope, sink));
    for key in ["user_followers", "user_following", "playlist_video_ids"] {
        let listed = list(data, key).len();
        if listed > 0 {
            sink.note(format!("{listed} entries of {key} left out: they describe no observation"));
        }
    }
    let account = data.get("user").filter(|user| user.is_object()).unwrap_or(data);
    if int(account, &["follower_count", "video_count"]).is_some() {
        read_account(account, scope, sink);
    }
}

fn read_record(value: &Value, scope: &Scope, sink: &mut Sink) {
    if value.get("parent_comment_id").is_some() {
        take_comment(value, scope, sink);
    } else {
        take_video(value, scope, sink);
    }
}

fn take_video(value: &Value, scope: &Scope, sink: &mut Sink) {
    sink.show(EntityKind::Video, value);
    sink.take(read_video(value, &scope.reading()), Observation::Video);
}

fn take_comment(value: &Value, scope: &Scope, sink: &mut Sink) {
    sink.show(EntityKind::Comment, value);
    sink.take(read_comment(value, &scope.reading()), Observation::Comment);
}

/// `user/info` does not say whose it is, unless whoever saved it added the name.
fn read_account(data: &Value, scope: &Scope, sink: &mut Sink) {
    let named = handle(data, &["username", "unique_id"]);
    match named {
        Some(named) => sink.take(read_user(data, &named, &scope.reading()), Observation::Creator),
        None if any(data, &["display_name"]).is_some() => {
            let message = "this answer of user/info does not say whose it is; add the field username to its data";
            sink.reject("missing_id", message.into(), None, data);
        }
        None => {}
    }
}
