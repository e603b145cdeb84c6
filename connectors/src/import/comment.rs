//! Comments as the website sends them, with the replies nested in them.

use super::fields::{any_text, count, flag, language, list, opt_id, time};
use super::scope::Scope;
use super::sink::Sink;
use super::user;
use crate::reading::PLATFORM;
use serde_json::Value;
use tidelake_schemas::ids::time_of_id;
use tidelake_schemas::{CommentObservation, EntityKind, Observation};

const ID: [&str; 2] = ["cid", "id"];

/// Reads a comment and the replies nested in it.
pub(super) fn read(comment: &Value, scope: &Scope, sink: &mut Sink) {
    let Some(id) = read_one(comment, None, None, scope, sink) else { return };
    let video_id = opt_id(comment, &["aweme_id", "awemeId"]);
    for reply in list(comment, "reply_comment") {
        read_one(reply, Some(id), video_id, scope, sink);
    }
}

fn read_one(
    comment: &Value,
    parent: Option<i64>,
    video_id: Option<i64>,
    scope: &Scope,
    sink: &mut Sink,
) -> Option<i64> {
    sink.show(EntityKind::Comment, comment);
    let id = sink.need_id(comment, &ID)?;
    sink.push(Observation::Comment(CommentObservation {
        event_id: scope.event_id(EntityKind::Comment, &id.to_string()),
        platform: PLATFORM.into(),
        comment_id: id,
        video_id: opt_id(comment, &["aweme_id", "awemeId"]).or(video_id),
        parent_comment_id: opt_id(comment, &["reply_id", "replyId"]).or(parent),
        observed_at: scope.observed_at,
        provenance: scope.provenance(),
        created_at: time(comment, &["create_time", "createTime"]).or_else(|| time_of_id(id)),
        text: any_text(comment, &["text"]),
        source_language: language(comment, &["comment_language", "commentLanguage"]),
        likes: count(comment, &["digg_count", "diggCount"]),
        replies: count(comment, &["reply_comment_total", "replyCommentTotal"]),
        // Reduced comments carry the writer's name beside the text.
        author: comment.get("user").filter(|user| !user.is_null()).map_or_else(|| beside(comment), user::author),
        is_pinned: flag(comment, &["author_pin", "authorPin"]),
        liked_by_creator: flag(comment, &["is_author_digged", "isAuthorDigged"]),
        ..CommentObservation::default()
    }));
    Some(id)
}

/// The writer, named by fields of the comment itself: its `id` is not theirs.
fn beside(comment: &Value) -> tidelake_schemas::AuthorRef {
    let mut author = user::author(comment);
    author.id = opt_id(comment, &["uid", "user_id", "userId"]);
    author
}

/// Whether this looks like a comment.
pub(super) fn looks_like(value: &Value) -> bool {
    value.get("cid").is_some() && ["text", "aweme_id", "digg_count"].iter().any(|key| value.get(key).is_some())
}
