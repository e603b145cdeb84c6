//! The oEmbed answer: who, what, no counts, no time.

use super::fields::{handle, opt_id, text};
use super::links::{self, Target};
use super::scope::Scope;
use super::sink::Sink;
use super::{item, user};
use serde_json::{Value, json};
use tidelake_schemas::observation::AuthorRef;
use tidelake_schemas::{CreatorStats, Observation};

/// Reads an answer: a video, or the card of a profile.
pub(super) fn read(answer: &Value, scope: &Scope, sink: &mut Sink) {
    let author = AuthorRef {
        handle: handle(answer, &["author_unique_id"])
            .or_else(|| text(answer, &["author_url"]).and_then(|url| links::handle_of(&url))),
        nickname: text(answer, &["author_name"]),
        ..AuthorRef::default()
    };
    if is_profile(answer) {
        return read_profile(answer, author, scope, sink);
    }
    let id = digits(answer);
    let Some(id) = sink.need_id(&json!({"id": id, "answer": answer}), &["id"]) else { return };
    let mut video = item::blank(id, scope);
    video.author = author;
    video.caption = text(answer, &["title"]);
    let kind = text(answer, &["embed_type", "type"]);
    video.kind = kind.filter(|kind| kind == "video" || kind == "photo");
    sink.push(Observation::Video(video));
}

fn is_profile(answer: &Value) -> bool {
    let profile = text(answer, &["embed_type"]).is_some_and(|kind| kind == "profile" || kind == "creator");
    profile || (text(answer, &["type"]).is_some_and(|kind| kind == "rich") && digits(answer).is_none())
}

fn read_profile(answer: &Value, author: AuthorRef, scope: &Scope, sink: &mut Sink) {
    let Some(named) = author.handle.or_else(|| handle(answer, &["embed_product_id"])) else {
        sink.reject("missing_id", "this profile card names no handle; look at the payload".into(), None, answer);
        return;
    };
    let mut creator = user::blank(named, None, CreatorStats::default(), scope);
    creator.nickname = author.nickname;
    creator.counts_rounded = false;
    sink.push(Observation::Creator(creator));
}

/// The id of the video: given, or from the code to embed.
fn digits(answer: &Value) -> Option<String> {
    if opt_id(answer, &["embed_product_id"]).is_some() {
        return answer.get("embed_product_id").map(|id| id.to_string().trim_matches('"').to_owned());
    }
    let html = text(answer, &["html"])?;
    attribute(&html, "data-video-id=\"").or_else(|| match links::target(&attribute(&html, "cite=\"")?) {
        Target::Video { id, .. } => Some(id),
        _ => None,
    })
}

fn attribute(html: &str, start: &str) -> Option<String> {
    let rest = &html[html.find(start)? + start.len()..];
    Some(rest[..rest.find('"')?].to_owned())
}
