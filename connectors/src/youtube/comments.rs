//! Comments of videos, one page of one video per poll.

use super::client::Method;
use super::poll::Poll;
use super::records;
use crate::reading::opt_i64;
use crate::source::{Fault, Page, StopReason};
use crate::turn::kept;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidelake_schemas::Observation;

/// The most that a page has.
const PAGE: usize = 100;

/// Where a walk through comments stands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Threads {
    /// Which video.
    at: usize,
    #[serde(default)]
    token: Option<String>,
    /// Threads of this video so far.
    #[serde(default)]
    got: u64,
}

impl Poll<'_> {
    pub(super) async fn comments(mut self, ids: &[String], limit: Option<u64>, place: Threads) -> Result<Page, Fault> {
        const METHOD: Method = Method::CommentThreads;
        let Some(video) = ids.get(place.at) else { return Ok(self.done(METHOD, "no video is left")) };
        let following =
            || (place.at + 1 < ids.len()).then(|| kept(&Threads { at: place.at + 1, ..Threads::default() }));
        let left = limit.map_or(u64::MAX, |limit| limit.saturating_sub(place.got));
        let count = usize::try_from(left).unwrap_or(PAGE).clamp(1, PAGE);
        let asked = format!("comments of {video}, {} threads before", place.got);
        let mut parameters = vec![
            ("part", "snippet,replies".to_owned()),
            ("videoId", video.clone()),
            ("maxResults", count.to_string()),
            ("order", "time".to_owned()),
            ("textFormat", "plainText".to_owned()),
        ];
        parameters.extend(place.token.clone().map(|token| ("pageToken", token)));
        let answer = match self.client.ask(METHOD, &parameters, &mut self.turn).await {
            Ok(answer) => answer,
            Err(refused) => {
                let Some(why) = no_comments(refused.reason.as_deref()) else { return Err(refused.into()) };
                self.turn.spent(refused.requests);
                self.turn.note(format!("{video}: {why}"));
                return Ok(self.close(METHOD, asked, count, following(), StopReason::Exhausted));
            }
        };
        let context = self.turn.reading(METHOD.route(), answer.at);
        let mut left_out = 0;
        for thread in &answer.items {
            let snippet = thread.get("snippet").unwrap_or(&Value::Null);
            let replies = opt_i64(snippet, "totalReplyCount");
            let top = snippet.get("topLevelComment").unwrap_or(&Value::Null);
            self.turn.keep(records::comment(top, video, replies, &context).map(Observation::Comment));
            let along = thread.pointer("/replies/comments").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            for reply in along {
                self.turn.keep(records::comment(reply, video, None, &context).map(Observation::Comment));
            }
            left_out += replies.unwrap_or(0).saturating_sub(i64::try_from(along.len()).unwrap_or(0)).max(0);
        }
        if left_out > 0 {
            self.turn.note(format!("{left_out} replies did not come along with their threads"));
        }
        let got = place.got.saturating_add(u64::try_from(answer.items.len()).unwrap_or(u64::MAX));
        let full = limit.is_some_and(|limit| got >= limit);
        if answer.next.is_some() && answer.next == place.token {
            return Err(self.turn.fault(super::fault::stuck(METHOD)));
        }
        let (stop, next) = match (answer.next, full) {
            (None, _) => (StopReason::Exhausted, following()),
            (Some(_), true) => (StopReason::Limit, following()),
            (token, false) => (StopReason::Continue, Some(kept(&Threads { token, got, ..place }))),
        };
        Ok(self.close(METHOD, asked, count, next, stop))
    }
}

/// Why a video has no comments to give: a fact about it, no fault.
fn no_comments(reason: Option<&str>) -> Option<&'static str> {
    match reason? {
        "commentsDisabled" => Some("comments are turned off"),
        "videoNotFound" => Some("there is no such video, or it is private"),
        _ => None,
    }
}
